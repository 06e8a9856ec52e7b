"""Beat, key, harmony, width and dynamics of music that was made to have them."""

import math

import pytest
import torch
from known_sounds import both_rates, clip, decibels, dull_noise, noise, strokes, times, tone, value

from dgm_audio.evaluation.listening import music as measures
from dgm_audio.evaluation.listening.music import MAJOR, MINOR

SECONDS, RATE = 16.5, 16000


def music(key, audio, rate=RATE, **options):
    return value(key, audio, rate, "music", **options)


def chord(pitches, seconds, rate=RATE, amplitudes=None):
    amplitudes = amplitudes or [1.0] * len(pitches)
    parts = [
        tone(440 * 2 ** ((pitch - 69) / 12), seconds, rate, amplitude)
        for pitch, amplitude in zip(pitches, amplitudes, strict=True)
    ]
    return 0.05 * sum(parts)


def progression(tonic=60, minor=False, seconds=8, rate=RATE):
    """I IV V I, twice over."""
    third = 3 if minor else 4
    roots = [(0, third), (5, third), (7, 4), (0, third)] * 2
    chords = [
        chord([tonic + root + step for step in (0, third, 7)], seconds / 8, rate)
        for root, third in roots
    ]
    return torch.cat(chords)


@both_rates
def test_a_metronome_beats_and_noise_does_not(rate):
    clicks = strokes(SECONDS, rate, torch.arange(0.1, 16.5, 0.5).tolist(), [0] * 33, fall=200)
    steady = 0.1 * dull_noise(SECONDS, rate)
    assert music("beat_strength", clicks + 0.01 * steady, rate) > 0.8
    assert music("beat_strength", steady, rate) < 0.16


def test_strokes_at_any_time_make_no_beat():
    at = (torch.rand(40, generator=torch.Generator().manual_seed(0)) * 16).tolist()
    clicks = strokes(SECONDS, RATE, at, [0] * 40, fall=200)
    hiss = 0.001 * dull_noise(SECONDS, RATE)
    assert music("beat_strength", clicks + hiss) < 0.4


@pytest.mark.parametrize("bpm, found", [(60, True), (200, True), (20, False)])
def test_only_tempos_between_40_and_240_are_beats(bpm, found):
    starts = torch.arange(0.1, SECONDS, 60 / bpm).tolist()
    clicks = strokes(SECONDS, RATE, starts, [0] * len(starts), fall=200)
    value = music("beat_strength", clicks + 0.001 * dull_noise(SECONDS, RATE))
    assert (value > 0.7) == found


def test_slow_changes_of_level_are_no_beat():
    slow = 1 + 0.9 * torch.sin(2 * math.pi * 0.3 * times(SECONDS, RATE))
    assert music("beat_strength", 0.1 * slow * noise(264000)) < 0.16


@both_rates
@pytest.mark.parametrize("minor", [False, True])
def test_a_progression_in_a_key_is_clear_and_noise_is_not(rate, minor):
    x = progression(minor=minor, rate=rate)
    assert music("key_clarity", x, rate) > 0.85
    assert music("key_clarity", 0.1 * dull_noise(8, rate), rate) < 0.65


@pytest.mark.parametrize("tonic", [61, 66, 71])
def test_no_key_is_clearer_than_another(tonic):
    found = music("key_clarity", progression(tonic))
    assert found == pytest.approx(music("key_clarity", progression()), abs=0.03)


@pytest.mark.parametrize("profile", [MAJOR, MINOR])
def test_a_chroma_as_the_profile_has_correlation_1(profile):
    x = chord(range(72, 84), 2, amplitudes=list(profile))
    assert music("key_clarity", x) > 0.99
    flipped = chord(range(72, 84), 2, amplitudes=[7 - weight for weight in profile])
    assert music("key_clarity", flipped) < 0.8


@both_rates
def test_harmony_that_stays_and_harmony_that_never_returns(rate):
    triad = chord([60, 64, 67], 10, rate)
    assert music("chroma_similarity", triad, rate) > 0.99
    assert abs(music("chroma_similarity", 0.1 * dull_noise(10, rate), rate)) < 0.1


def test_two_chords_without_a_common_note_are_alike_by_minus_a_third():
    """Correlation of two sets of three of twelve pitch classes, and pairs beyond 6 s counted."""
    x = torch.cat([chord([60, 64, 67], 10), chord([62, 65, 69], 10)])
    places = torch.arange(0, 20, 0.37)
    apart = (places[:, None] - places).abs() > 6
    same = (places[:, None] < 10) == (places < 10)
    wanted = float((same.double() - (~same).double() / 3)[apart].mean())
    assert wanted < 0.1
    assert music("chroma_similarity", x) == pytest.approx(wanted, abs=0.08)


def test_harmony_that_returns_within_6_s_only_does_not_count(monkeypatch):
    groups = [(60, 64, 67), (62, 66, 69), (59, 63, 68), (61, 65, 70)]
    x = torch.cat([chord(group, 5) for group in groups])
    far = music("chroma_similarity", x)
    assert far < 0.1
    monkeypatch.setattr(measures, "APART", 0.0)
    assert music("chroma_similarity", x) > far + 0.1


@both_rates
@pytest.mark.parametrize("wanted", [0.9, 0.3, 0.0, -0.5])
def test_correlation_of_left_and_right(rate, wanted):
    left, other = noise(6 * rate), noise(6 * rate, seed=1)
    right = wanted * left + math.sqrt(1 - wanted**2) * other
    x = 0.1 * clip(left, 0.5 * right + 0.3)
    assert music("stereo_correlation", x, rate) == pytest.approx(wanted, abs=0.02)


def test_mono_as_two_channels_is_1_and_one_channel_has_none():
    x = 0.1 * noise(96000)
    assert music("stereo_correlation", clip(x, x)) == pytest.approx(1, abs=1e-9)
    assert music("stereo_correlation", clip(x, -0.2 * x)) == pytest.approx(-1, abs=1e-9)
    assert math.isnan(music("stereo_correlation", x))
    assert math.isnan(music("stereo_correlation", clip(x, 0 * x)))


@both_rates
def test_level_range_of_an_exact_decay_and_of_two_levels(rate):
    x = tone(1000, SECONDS, rate)
    decay = x * decibels(-2 * times(SECONDS, rate))
    assert music("level_range_db", decay, rate) == pytest.approx(0.85 * 2 * SECONDS, abs=0.5)
    steps = torch.cat([x[: 8 * rate], 0.1 * x[8 * rate :]])
    assert music("level_range_db", steps, rate) == pytest.approx(20, abs=0.1)
    assert music("level_range_db", 0.5 * x, rate) < 0.1


def test_zeros_behind_a_short_clip_make_no_range():
    x = torch.cat([tone(1000, 15, RATE), torch.zeros(5 * RATE)])
    assert music("level_range_db", x, length=15 * RATE) < 0.5
    assert music("level_range_db", x) > 50
