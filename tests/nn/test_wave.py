"""The pyramid of a waveform: what it starts from, before it has learned anything."""

import torch

from dgm_audio.nn.wave import HIGHEST, OCTAVES, WavePyramid, tones


def test_tones_have_unit_power_and_cover_the_octaves_below_nyquist():
    frames, count = 4096, 13
    waves = tones(frames, count)
    torch.testing.assert_close(waves.square().mean(0), torch.ones(count), atol=0.05, rtol=0)
    found = torch.fft.rfft(waves, dim=0).abs().argmax(0) / frames
    expected = torch.linspace(-OCTAVES, 0, count)
    torch.testing.assert_close((found / HIGHEST).log2(), expected, atol=0.03, rtol=0)
    assert float(found.max()) < 0.5


@torch.no_grad()
def test_untrained_bands_are_quiet_and_noise_adds_to_them():
    """Half the noise makes half of what is heard of it: it does not set its own level."""
    torch.manual_seed(0)
    pyramid = WavePyramid(16, 1024, (16, 16, 32), (1, 1, 1), 4, 64, True)
    style, noise = torch.randn(4, 16), torch.randn(4, 1024, 64)
    curves = pyramid.curves(pyramid(style), style)
    assert curves.shape == (4, 1024, 3 * 64)
    whole, half, none = (pyramid.mixed(curves, part * noise) for part in (1, 0.5, 0))
    assert 1e-3 < float(whole.square().mean().sqrt()) < 1e-2
    assert not torch.equal(whole, none)
    torch.testing.assert_close(whole - none, 2 * (half - none), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(none, pyramid.mixed(curves, None))
