"""Loudness: the standard's reference tone, scaling, gating and short clips."""

import math

import pytest
import torch

from dgm_audio.errors import InputError
from dgm_audio.signal.loudness import measure_loudness, peak_dbfs
from dgm_audio.signal.loudness_meter import to_level


def tone(seconds, rate=48000, level=1.0, channels=1):
    t = torch.arange(round(seconds * rate)) / rate
    return (level * torch.sin(2 * torch.pi * 997 * t)).repeat(channels, 1)


def test_reference_tone_of_the_standard():
    """A full-scale 997 Hz sine in one channel reads -3.01 LUFS (BS.1770-4)."""
    found = measure_loudness(tone(3), 48000)
    assert found.lufs == pytest.approx(-3.01, abs=0.1)
    assert found.peak_dbfs == pytest.approx(0, abs=0.01)
    assert (found.block_seconds, found.short) == (0.4, False)


def test_two_channels_add_energy_and_level_is_in_decibels():
    one = measure_loudness(tone(1), 48000).lufs
    assert measure_loudness(tone(1, channels=2), 48000).lufs - one == pytest.approx(3.01, abs=0.01)
    assert measure_loudness(tone(1, level=0.1), 48000).lufs - one == pytest.approx(-20, abs=0.01)


def test_silence_around_a_sound_is_gated_away():
    """Without the gate, 20 s of silence around 10 s of tone would take 4.8 dB off."""
    padded = torch.nn.functional.pad(tone(10), (480_000, 480_000))
    found = measure_loudness(padded, 48000).lufs
    assert found == pytest.approx(measure_loudness(tone(10), 48000).lufs, abs=0.2)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_short_clips_are_one_block_and_say_so(rate):
    found = measure_loudness(tone(0.1, rate), rate)
    assert found.short
    assert found.block_seconds == pytest.approx(0.1)
    assert found.lufs == pytest.approx(measure_loudness(tone(2, rate), rate).lufs, abs=0.1)


@pytest.mark.parametrize("length", [1, 2, 3, 100, 17639, 17640, 17641])
def test_any_length_has_a_loudness(length):
    found = measure_loudness(torch.full((length,), 0.5), 44100)
    assert math.isfinite(found.lufs)
    assert found.short == (length < 17640)


def test_silence_and_what_is_below_the_gate():
    silent = measure_loudness(torch.zeros(2, 1000), 44100)
    assert (silent.lufs, silent.peak_dbfs) == (-math.inf, -math.inf)
    assert measure_loudness(tone(1, level=1e-5), 48000).lufs == -math.inf


def test_peak():
    assert peak_dbfs(torch.tensor([0.1, -0.5])) == pytest.approx(-6.0206, abs=1e-4)
    assert peak_dbfs(torch.zeros(0)) == -math.inf


def test_wrong_input():
    for shape in [(6, 100), (0, 5), (2, 0), (1, 2, 3)]:
        with pytest.raises(InputError, match="C from 1 to 5"):
            measure_loudness(torch.zeros(shape), 44100)
    with pytest.raises(InputError, match="finite"):
        measure_loudness(torch.tensor([math.nan]), 44100)
    with pytest.raises(InputError, match="at least 4000 Hz"):
        measure_loudness(torch.zeros(100), 1000)


def test_one_gain_brings_a_sound_to_a_level():
    x = tone(1, level=0.02, channels=2)
    louder, gain = to_level(x, 48000, "lufs")
    assert measure_loudness(louder, 48000).lufs == pytest.approx(-23, abs=0.01)
    torch.testing.assert_close(louder, x * 10 ** (gain / 20))
    peak, _ = to_level(4 * x / x.max(), 48000, "peak")
    assert float(peak.abs().max()) == pytest.approx(0.95)
    click = torch.zeros(1, 48000)
    click[0, 100] = 0.1
    assert float(to_level(click, 48000, "lufs")[0].max()) == pytest.approx(0.95)  # not -23 LUFS
    for level in ("peak", "lufs"):
        silence, gain = to_level(torch.zeros(1, 9600), 48000, level)
        assert gain == 0 and not silence.any()
    with pytest.raises(InputError, match="allowed are peak, lufs"):
        to_level(x, 48000, "loud")
