"""Upsampling by a windowed sinc: no images, constants survive; the layout changes nothing."""

import math

import pytest
import torch

from dgm_audio.nn.upsampling import HALF_WIDTH, SincUpsample, convolve

FRAMES = 512


def spectrum_db(x: torch.Tensor) -> torch.Tensor:
    """Power of each bin against the strongest, away from the ends."""
    x = x[8 * HALF_WIDTH : -8 * HALF_WIDTH]
    power = torch.fft.rfft(x * torch.kaiser_window(len(x), False, beta=20.0)).abs().square()
    return 10 * (power / power.max()).clamp_min(1e-16).log10()


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("share", [0.03, 0.4, 0.8])
def test_no_image_of_a_tone_is_above_minus_60_db(factor, share):
    """Everything but the tone itself, up to 0.8 of the old Nyquist frequency."""
    t = torch.arange(FRAMES, dtype=torch.float64)
    tone = torch.sin(math.pi * share * t).float()[None, :, None]
    levels = spectrum_db(SincUpsample(factor)(tone)[0, :, 0].double())
    place = torch.arange(len(levels)) / len(levels)
    away = (place - share / factor).abs() > 0.06 / factor
    assert float(levels[away].max()) < -60
    # the same test finds what filling up with zeros leaves
    stuffed = torch.zeros(FRAMES * factor, dtype=torch.float64)
    stuffed[::factor] = tone[0, :, 0]
    assert float(spectrum_db(stuffed)[away].max()) > -10


def test_constants_survive_and_given_frames_stay():
    x = torch.randn(2, 64, 3, generator=torch.Generator().manual_seed(0))
    upsample = SincUpsample(4)
    torch.testing.assert_close(upsample(x)[:, ::4], x, atol=1e-6, rtol=1e-6)
    flat = upsample(torch.ones(1, 64, 1))[0, 4 * HALF_WIDTH : -4 * HALF_WIDTH, 0]
    torch.testing.assert_close(flat, torch.ones_like(flat), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("kernel", "dilation", "groups"), [(3, 1, 1), (5, 3, 1), (7, 1, 6)])
def test_a_convolution_of_frames_is_that_of_torch(kernel, dilation, groups):
    torch.manual_seed(0)
    x, bias = torch.randn(2, 40, 6), torch.randn(6)
    weight = torch.randn(6, 6 // groups, kernel)
    expected = torch.nn.functional.conv1d(
        x.mT, weight, bias, padding=dilation * (kernel // 2), dilation=dilation, groups=groups
    )
    found = convolve(x, weight, bias, dilation, groups)
    torch.testing.assert_close(found, expected.mT, atol=1e-5, rtol=1e-5)


def test_half_precision_returns_and_is_computed_in_single():
    """16 channels in bfloat16 are a size of which the CPU's own convolution never returns."""
    x = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = SincUpsample(4)(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, SincUpsample(4)(x.float()).bfloat16())
