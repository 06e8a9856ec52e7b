import math

import torch

from dgm_audio.nn.istft_head import Controls, ISTFTHead


def controls(head, frames, tonal=-20.0, noisy=-20.0):
    shape = (1, head.bins, frames)
    phase = head._bin_phase(torch.zeros(1, frames, 1)).T[None].contiguous()
    level = torch.full(shape, tonal)
    return Controls(level, torch.full(shape, noisy), torch.zeros(1, frames * 8), phase)


def test_neighbouring_bins_that_share_a_phase_are_one_steady_partial():
    """The Hann window's main lobe, 1:2:1, with the middle bin's phase: a tone without beating."""
    head = ISTFTHead(8, 512, 256)
    curves = controls(head, 64)
    phases = head._bin_phase(torch.zeros(1, 64, 1)).T
    for k, weight in ((19, 0.5), (20, 1.0), (21, 0.5)):
        centre = phases[k, 0] - phases[20, 0]  # the bin's reference to the frame's centre
        curves.tonal[0, k] = math.log(50 * weight)
        curves.partials[0, k] = phases[20] + centre
    x = head.synthesise(curves, torch.zeros(1, 64 * 256))[0, 1024:-1024]
    spectrum = torch.fft.rfft(x * torch.hann_window(len(x))).abs()
    peak = int(spectrum.argmax())
    assert abs(peak / len(x) - 20 / 512) < 1 / len(x)
    away = torch.cat([spectrum[: peak - 8], spectrum[peak + 8 :]])
    assert float(away.max() / spectrum.max()) < 1e-3


def test_flat_noise_controls_give_back_the_noise_level():
    head = ISTFTHead(8, 512, 256)
    noise = torch.randn(1, 64 * 256, generator=torch.Generator().manual_seed(0))
    x = head.synthesise(controls(head, 64, noisy=0.0), noise)
    expected = 1 / head.stft.window.square().sum().sqrt()
    assert abs(float(x.std() / expected) - 1) < 0.05


@torch.no_grad()
def test_the_gain_is_bounded_and_says_nothing_of_the_frame_as_a_whole():
    torch.manual_seed(0)
    head = ISTFTHead(8, 512, 256)
    torch.nn.init.normal_(head.project.weight)
    frames = torch.randn(2, 16, 8)
    gain = head.controls(frames).gain
    assert 0.1 < float(gain.abs().mean()) and float(gain.abs().max()) <= 3.0
    head.project.bias[-8:] += 5.0  # the same for all gains of a frame: no effect
    torch.testing.assert_close(head.controls(frames).gain, gain, atol=1e-4, rtol=1e-4)
