"""The pyramid of a waveform: what it starts from, before it has learned anything."""

import torch

from dgm_audio.nn.wave import COLOUR, HIGHEST, OCTAVES, WavePyramid, tones


def test_tones_have_unit_power_and_cover_the_octaves_below_nyquist():
    frames, count = 4096, 13
    waves = tones(frames, count)
    torch.testing.assert_close(waves.square().mean(0), torch.ones(count), atol=0.05, rtol=0)
    found = torch.fft.rfft(waves, dim=0).abs().argmax(0) / frames
    expected = torch.linspace(-OCTAVES, 0, count)
    torch.testing.assert_close((found / HIGHEST).log2(), expected, atol=0.03, rtol=0)
    assert float(found.max()) < 0.5


@torch.no_grad()
def test_untrained_bands_are_quiet_and_add_noise_of_a_steady_level():
    """Half the noise makes half of what is heard of it: it does not set its own level."""
    torch.manual_seed(0)
    pyramid = WavePyramid(16, 1024, (16, 16, 32), (1, 1, 1), 4, 64, True)
    style, noise = torch.randn(4, 16), torch.randn(4, 64, 1024)
    frames = pyramid(style)

    def unsteady():
        whole, half, none = (pyramid.render(frames, style, k * noise) for k in (1, 0.5, 0))
        rest = (whole - none) - 2 * (half - none)
        return float(rest.square().mean() / (whole - none).square().mean())

    level = float(pyramid.render(frames, style, noise).square().mean().sqrt())
    assert 1e-3 < level < 1e-2
    assert unsteady() < 1e-3
    assert pyramid.colour is not None
    pyramid.colour.weight.div_(COLOUR)  # the same test finds what a layer's usual start does
    assert unsteady() > 2e-3
