"""Inharmonicity, beating, noise and movement of notes that were made to have them."""

import math

import pytest
import torch
from known_sounds import both_rates, decibels, dull_noise, noise, times, tone, value

from dgm_audio.evaluation.listening import NOTES
from dgm_audio.evaluation.listening.partials import find_partials, track_window

A3 = 57  # 220 Hz


def note(key, audio, rate=16000, pitch=A3):
    return value(key, audio, rate, "notes", pitch)


def harmonics(rate, seconds=1.2, f0=220.0, cents=lambda k: 0.0, count=12):
    """Partials 1 / k, each so many cents beside its harmonic place."""
    parts = [tone(k * f0 * 2 ** (cents(k) / 1200), seconds, rate, 1 / k) for k in range(1, count)]
    return 0.3 * sum(parts)


@both_rates
def test_a_harmonic_tone_has_no_inharmonicity_also_if_it_is_out_of_tune(rate):
    assert note("inharmonicity_cents", harmonics(rate), rate) < 0.02
    assert note("inharmonicity_cents", harmonics(rate, cents=lambda k: -35), rate) < 0.02


@both_rates
def test_stiff_strings_have_the_inharmonicity_of_their_formula(rate):
    """f_k = k f0 sqrt(1 + B k^2), by Fletcher, Blackham and Stratton."""

    def stretch(k):
        return 600 * math.log2(1 + 2e-4 * k * k)

    ratios = torch.tensor([2 ** (stretch(k) / 1200) for k in range(1, 12)], dtype=torch.float64)
    wanted = float((1200 * (ratios / ratios.median()).log2()).abs().median())
    assert wanted > 3
    found = note("inharmonicity_cents", harmonics(rate, cents=stretch), rate)
    assert found == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("pitch", [28, 40, 69, 84])
def test_detuned_partials_at_any_pitch(pitch):
    """Every second partial is 8 cents sharp: the fundamental is between, or on the others'."""
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    count = min(12, int(7000 / f0))
    x = harmonics(16000, f0=f0, cents=lambda k: 8.0 * (k % 2), count=count)
    wanted = sorted(8.0 * (k % 2) for k in range(1, count))
    middle = torch.tensor(wanted, dtype=torch.float64).quantile(0.5)
    wanted = (torch.tensor(wanted) - middle).abs().quantile(0.5)
    assert note("inharmonicity_cents", x, pitch=pitch) == pytest.approx(float(wanted), abs=0.3)


@pytest.mark.parametrize("f0", [65.4, 220.0, 1046.5])
def test_frequencies_are_found_to_a_hundredth_of_a_bin(f0):
    x = harmonics(44100, 0.6, f0, cents=lambda k: 3.3 * math.sin(k))
    found = find_partials(x.float(), 44100, f0)
    wanted = [k * f0 * 2 ** (3.3 * math.sin(k) / 1200) for k in range(1, 12)]
    assert found.number.tolist() == list(range(1, 12))
    assert found.hertz.tolist() == pytest.approx(wanted, abs=0.02)


def test_what_is_no_partial_is_not_taken_for_one():
    x = harmonics(16000) + tone(220 * 3.5, 1.2, 16000, 0.3)
    found = find_partials(x[:9600].float(), 16000, 220.0)
    assert found.number.tolist() == list(range(1, 12))
    assert math.isnan(note("inharmonicity_cents", 0.1 * noise(19200)))


def smoothing(hertz, rate, f0=220.0):
    """By how much the window of a track lowers a fluctuation."""
    window = torch.hann_window(track_window(rate, f0), dtype=torch.float64)
    time = (torch.arange(len(window)) - len(window) / 2) / rate
    return float((window * (2 * math.pi * hertz * time).cos()).sum() / window.sum())


@both_rates
@pytest.mark.parametrize("depth", [0.5, 2.0])
def test_beating_of_known_depth(rate, depth):
    """A level that swings by so many dB at 5 Hz, on a decay of 10 dB/s."""
    time = times(1.2, rate)
    swing = decibels(depth * torch.sin(2 * math.pi * 5 * time) - 10 * time)
    wanted = depth / math.sqrt(2) * smoothing(5, rate)
    found = note("beating_db", harmonics(rate) * swing, rate)
    assert found == pytest.approx(wanted, rel=0.05)


def test_two_detuned_strings_beat_and_one_does_not():
    """1 + r exp(2 pi i f t) swings by 20 log10 of its magnitude."""
    pair = harmonics(16000) + 0.4 * harmonics(16000, f0=220.0 * (1 + 4 / 220 / 6))
    assert note("beating_db", pair) > 1.5
    decay = decibels(-25 * times(1.2, 16000))
    assert note("beating_db", harmonics(16000) * decay) < 0.02
    assert note("pitch_movement_cents", harmonics(16000) * decay) < 0.02


@both_rates
@pytest.mark.parametrize("ratio", [10.0, 30.0])
def test_harmonic_to_noise_ratio_is_that_of_the_mixture(rate, ratio):
    x = harmonics(rate)
    hiss = dull_noise(1.2, rate, top=7990) * x.square().mean().sqrt() * decibels(-ratio)
    assert note("harmonic_to_noise_db", x + hiss, rate) == pytest.approx(ratio, abs=0.7)


def test_a_note_without_noise_has_a_high_ratio_and_its_spread_is_that_of_the_set():
    assert note("harmonic_to_noise_db", harmonics(16000)) > 60
    spread = next(item for item in NOTES if item.key == "harmonic_to_noise_spread_db")
    assert spread.figure(torch.tensor([10.0, 20.0, 30.0, math.nan])) == pytest.approx(
        8.165, rel=1e-3
    )


@both_rates
def test_the_centroid_of_a_sweep_moves_as_the_sweep_does(rate):
    """Two octaves evenly in time, of which 20 to 80 % count: a deviation of 14.4 / sqrt(12)."""
    time = times(2.0, rate)
    phase = 500 / math.log(2) * (2**time - 1)  # 500 Hz * 2^t
    x = 0.5 * torch.sin(2 * math.pi * phase)
    assert note("centroid_movement", x, rate) == pytest.approx(14.4 / math.sqrt(12), rel=0.05)
    assert note("centroid_movement", 0.5 * tone(500, 2, rate), rate) < 0.02


@both_rates
@pytest.mark.parametrize("depth", [5.0, 20.0])
def test_vibrato_of_known_depth_moves_the_pitch(rate, depth):
    time = times(1.2, rate)
    course = 220 * 2 ** (depth / 1200 * torch.sin(2 * math.pi * 5 * time))
    phase = 2 * math.pi * course.cumsum(0) / rate
    x = 0.3 * sum(torch.sin(k * phase) / k for k in range(1, 9))
    wanted = depth / math.sqrt(2) * smoothing(5, rate)
    assert note("pitch_movement_cents", x, rate) == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize("item", NOTES[:3], ids=lambda item: item.key)
def test_without_a_pitch_there_is_none(item):
    x = harmonics(16000)
    assert math.isnan(value(item.key, x, 16000, "notes"))
    assert not math.isnan(value(item.key, x, 16000, "notes", A3))
