"""Offset, clipping and peak level of sounds that have known ones."""

import pytest
import torch
from known_sounds import both_rates, clip, noise, tone, value

from dgm_audio.evaluation.listening import ALL, measure


def general(key, audio, rate=16000, **options):
    return value(key, audio, rate, "one-shots", **options)


@both_rates
@pytest.mark.parametrize("offset", [0.04, -0.04])
def test_dc_offset_in_percent_of_the_peak(rate, offset):
    x = tone(100, 0.5, rate, 0.8) + offset
    assert general("dc_offset", x, rate) == pytest.approx(100 * 0.04 / 0.84, rel=1e-3)
    assert general("dc_offset", x - offset, rate) < 0.01


def test_zeros_behind_a_short_sound_make_no_offset_smaller():
    x = tone(100, 0.5, 16000, 0.8) + 0.04
    long = torch.cat([x, torch.zeros(40000)])
    wanted = general("dc_offset", x)
    assert general("dc_offset", long) == pytest.approx(wanted, rel=1e-3)
    assert float(long.mean()) < 0.2 * float(x.mean())  # what a mean over all samples would give


def test_the_offset_is_that_of_the_worse_channel():
    x = tone(100, 0.5, 16000, 0.8)
    assert general("dc_offset", clip(x, x + 0.1)) == pytest.approx(100 * 0.1 / 0.9, rel=1e-3)


@both_rates
@pytest.mark.parametrize("after", [1.0, 0.3, -0.95])
def test_a_clipped_sound_is_found_and_stays_so_when_it_is_lowered(rate, after):
    x = tone(110, 0.3, rate, 1.3).float().clamp(-1, 1)
    assert general("clipped", after * x, rate) == 1


def test_what_goes_beyond_full_scale_is_clipped():
    x = tone(110, 0.3, 16000, 1.3)
    assert general("clipped", x) == 1
    assert general("clipped", x / 1.3) == 0


def test_three_equal_samples_at_the_peak_are_clipping_and_two_are_not():
    x = 0.3 * noise(4000).clamp(-2, 2)
    x[100:102] = 0.9
    assert general("clipped", x) == 0
    x[102] = 0.9
    assert general("clipped", x) == 1
    x[500] = 0.95  # no longer the peak
    assert general("clipped", x) == 0


def test_clipping_of_one_channel_counts():
    x = tone(110, 0.3, 16000, 0.5)
    assert general("clipped", clip(x, (3 * x).clamp(-1, 1))) == 1


@pytest.mark.parametrize("hertz", [20, 25, 31.7])
def test_the_round_top_of_a_low_tone_in_16_bits_is_no_clipping(hertz):
    x = (tone(hertz, 0.5, 44100, 0.99) * 32767).round() / 32768
    runs = (x.unfold(0, 3, 1).diff(dim=1) == 0).all(1) & (x[1:-1].abs() >= x.abs().max() * 0.999)
    assert runs.any()  # equal samples alone would flag it
    assert general("clipped", x, 44100) == 0


@pytest.mark.parametrize("peak, dbfs", [(1.0, 0.0), (0.5, -6.0206), (0.01, -40.0)])
def test_peak_level(peak, dbfs):
    x = noise(2000)
    assert general("peak_dbfs", -peak * x / x.abs().max()) == pytest.approx(dbfs, abs=1e-3)


def test_the_spread_of_the_peak_is_that_of_the_set():
    audio = torch.tensor([1.0, 0.1, 0.01])[:, None, None] * torch.ones(3, 1, 50)
    values = measure(audio, torch.full((3,), 50), 16000, "one-shots")["peak_spread_db"]
    item = next(item for item in ALL if item.key == "peak_spread_db")
    assert item.figure(values) == pytest.approx((800 / 3) ** 0.5, rel=1e-5)  # 0, -20, -40 dB
    assert item.figure(values, torch.tensor([1.0, 1.0, 0.0])) == pytest.approx(10, rel=1e-5)
