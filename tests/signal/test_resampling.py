"""Change of rate: the length law, tones that pass or die, constants, an independent reference."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from dgm_audio.errors import InputError
from dgm_audio.signal.resampling import resample

ODD = (44101, 44100)
"""Would take a kernel of 8 GB in torchaudio; goes through SciPy."""


def tone(hertz, rate, seconds=0.5):
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return torch.sin(2 * torch.pi * hertz * t).float()


@given(
    length=st.integers(1, 500),
    rates=st.tuples(*[st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 44101])] * 2),
)
@settings(max_examples=40, deadline=None)
def test_length_law(length, rates):
    out = resample(torch.zeros(2, length), *rates)
    assert out.shape == (2, math.ceil(length * rates[1] / rates[0]))


@pytest.mark.parametrize(
    "rates", [(44100, 22050), (44100, 48000), (48000, 44100), (8000, 44100), ODD]
)
def test_a_tone_below_both_limits_passes(rates):
    middle = slice(rates[1] // 10, -rates[1] // 10)
    found, expected = resample(tone(1000, rates[0]), *rates), tone(1000, rates[1])
    torch.testing.assert_close(found[middle], expected[: len(found)][middle], atol=1e-4, rtol=0)


@pytest.mark.parametrize("rates", [(48000, 44100), (44100, 48000)])
def test_treble_is_kept(rates):
    """A tone of 20 kHz between the two usual rates: the filter is as steep as it claims."""
    found, expected = resample(tone(20_000, rates[0]), *rates), tone(20_000, rates[1])
    difference = found[2000:-2000] - expected[: len(found)][2000:-2000]
    assert float(difference.abs().max()) < 0.01


def test_a_tone_above_the_new_limit_dies():
    """By more than 80 dB: nothing folds back."""
    found = resample(tone(15_000, 44100), 44100, 22050)
    assert float(found[2000:-2000].abs().max()) < 1e-4
    found = resample(tone(13_000, 44056), 44056, 22050)
    assert float(found[2000:-2000].abs().max()) < 1e-3


@pytest.mark.parametrize("rates", [(44100, 22050), (22050, 44100), ODD])
def test_constants_survive(rates):
    found = resample(torch.full((20_000,), 0.5), *rates)[1000:-1000]
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=2e-4, rtol=0)


@pytest.mark.parametrize("rates", [(44100, 22050), (44100, 48000)])
def test_agrees_with_scipy_on_band_limited_sound(rates):
    x = sum(tone(hertz, rates[0]) for hertz in (200, 777, 3000)) / 3
    divisor = math.gcd(*rates)
    expected = resample_poly(x.numpy(), rates[1] // divisor, rates[0] // divisor)
    middle = slice(1000, -1000)
    difference = resample(x, *rates).numpy() - expected
    assert float(abs(difference[middle]).max()) < 2e-3  # SciPy's shorter filter ripples as much


def test_equal_rates_change_nothing():
    x = torch.randn(3, 2, 100)
    assert resample(x, 44100, 44100) is x


@pytest.mark.parametrize("rate", [0, -1, 44100.0, True, None])
def test_wrong_rates(rate):
    with pytest.raises(InputError, match="positive integer"):
        resample(torch.zeros(10), rate, 44100)
    with pytest.raises(InputError, match="positive integer"):
        resample(torch.zeros(10), 44100, rate)
