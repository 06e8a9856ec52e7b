"""The lists of measures, how a set is summed up, and what all measures have in common."""

import math
import sys

import numpy as np
import pytest
import torch
from known_sounds import clip, decibels, dull_noise, noise, strokes, times, tone

from dgm_audio.data import ClipSet
from dgm_audio.errors import InputError
from dgm_audio.evaluation.listening import ALL, KINDS, MUSIC, NOTES, ONE_SHOTS, kind_of, measure

RATE = 16000
COUNTED = ("begins_anew", "never_silent", "cut_off", "clipped")


def varied(kind):
    """Four sounds (4, C, T) of a kind, that differ in all that is measured, and their pitches."""
    seconds = 17 if kind == "music" else 1.2
    time = times(seconds, RATE)
    noise_like = strokes(seconds, RATE, [0.1, 0.7], [0, -8])
    tonal = 0.2 * sum(tone(220 * k + k * k, seconds, RATE, 1 / k) for k in range(1, 12))
    swells = tonal * (1 + 0.3 * torch.sin(2 * math.pi * 4 * time)) * decibels(-6 * time)
    hard = (2 * noise_like + 0.02).clamp(-0.5, 0.5)
    hiss = 0.003 * dull_noise(seconds, RATE, seed=5)
    mono = [x + hiss for x in (noise_like, tonal, swells)] + [hard]
    other = 0.05 * dull_noise(seconds, RATE, seed=7)
    sounds = [clip(x, x + other) if kind == "music" else clip(x) for x in mono]
    return torch.cat(sounds), torch.full((4,), 57.0)


def measured(audio, kind, pitches):
    return measure(audio, torch.full((len(audio),), audio.shape[2]), RATE, kind, pitches)


def same(found, wanted, **tolerance):
    for key, values in wanted.items():
        exact = {"abs": 0} if key in COUNTED else tolerance
        nan = dict(nan_ok=True)
        assert found[key].tolist() == pytest.approx(values.tolist(), **exact, **nan), key


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_and_the_polarity_change_nothing_but_the_peak(kind):
    audio, pitches = varied(kind)
    wanted = measured(audio, kind, pitches)
    for gain in (-1.0, 0.125):
        found = measured(gain * audio, kind, pitches)
        shift = 20 * math.log10(abs(gain))
        assert (found.pop("peak_dbfs") - wanted["peak_dbfs"]).tolist() == pytest.approx([shift] * 4)
        found.pop("peak_spread_db")
        same(found, {key: wanted[key] for key in found}, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shift_of_a_few_samples_changes_little(kind):
    """The attack may differ by a hop of 0.5 ms."""
    audio, pitches = varied(kind)
    late = torch.nn.functional.pad(audio, (7, 0))[:, :, : audio.shape[2]]
    wanted, found = measured(audio, kind, pitches), measured(late, kind, pitches)
    if kind != "music":
        pair = found.pop("attack_ms"), wanted.pop("attack_ms")
        assert pair[0].tolist() == pytest.approx(pair[1].tolist(), abs=0.5)
    same(found, wanted, rel=0.06, abs=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_has_the_same_values_by_itself_and_in_a_batch(kind, monkeypatch):
    audio, pitches = varied(kind)
    wanted = measured(audio, kind, pitches)
    monkeypatch.setattr(sys.modules["dgm_audio.evaluation.listening.measure"], "_BATCH", 1)
    same(measured(audio, kind, pitches), wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_each_clip_counts_as_long_as_it_is(kind):
    audio, pitches = varied(kind)
    end = int(0.8 * audio.shape[2])
    tailed = audio.clone()
    audio[:, :, end:] = 0
    tailed[:, :, end:] = 0.9
    lengths = torch.full((4,), end)
    found, wanted = (measure(x, lengths, RATE, kind, pitches) for x in (tailed, audio))
    same(found, wanted, abs=0)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_defined_for_sounds_and_not_for_silence(kind):
    audio, pitches = varied(kind)
    found = measured(audio, kind, pitches)
    assert set(found) == {item.key for item in KINDS[kind]}
    for key, values in found.items():
        assert values.dtype == torch.float64 and values.shape == (4,), key
        assert values[1:3].isfinite().all(), key
    silent = measured(1e-6 * audio, kind, pitches)
    assert all(values.isnan().all() for values in silent.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 2, 3, 100, 1000])
def test_sounds_of_any_length_have_values_or_none(kind, length):
    audio = noise(4 * length).float().reshape(2, 2, length).clamp(-1, 1)
    for lengths in (torch.tensor([length, length]), torch.tensor([0, length])):
        found = measure(audio, lengths, RATE, kind, torch.tensor([60.0, math.nan]))
        assert all(len(values) == 2 for values in found.values())
        assert not any(values.isinf().any() for values in found.values())


def test_what_the_lists_promise():
    measures = [*ALL, *ONE_SHOTS, *NOTES, *MUSIC]
    keys = [item.key for item in measures]
    assert len(set(keys)) == len(keys)
    assert all(len(item.title) <= 38 for item in measures)
    assert {item.summary for item in measures} == {"share", "median", "spread", "mean"}
    assert KINDS["notes"] == ALL + ONE_SHOTS + NOTES


def test_figures_of_a_set():
    by_key = {item.key: item for items in KINDS.values() for item in items}
    values = torch.tensor([0.0, 1.0, 1.0, math.nan, 1.0], dtype=torch.float64)
    assert by_key["clipped"].figure(values) == 0.75
    assert by_key["clipped"].figure(values, torch.tensor([3.0, 1.0, 0.0, 9.0, 0.0])) == 0.25
    assert by_key["attack_ms"].figure(values) == 1
    assert by_key["peak_spread_db"].figure(values) == pytest.approx(math.sqrt(3) / 4)
    assert math.isnan(by_key["clipped"].figure(values[3:4]))
    assert math.isnan(by_key["attack_ms"].figure(values, torch.zeros(5)))


@pytest.mark.parametrize(
    "seconds, pitches, kind",
    [(1.5, None, "one-shots"), (5.5, None, "music"), (1.5, [60.0, None], "notes")],
)
def test_the_kind_of_a_data_set_is_told_by_what_it_has(seconds, pitches, kind):
    clips = ClipSet.from_arrays(np.zeros((2, 1, int(1000 * seconds))), 1000, pitches=pitches)
    assert kind_of(clips) == kind


@pytest.mark.parametrize(
    "change, words",
    [
        ({"kind": "drums"}, "kind is 'drums'; allowed are one-shots, notes, music"),
        ({"lengths": torch.tensor([5])}, "lengths have shape"),
        ({"lengths": torch.tensor([5, 101])}, "from 5 to 101; allowed are 0 to 100"),
        ({"lengths": torch.tensor([-1, 5])}, "from -1 to 5"),
        ({"pitches": torch.zeros(3)}, "pitches have shape"),
        ({"audio": torch.full((2, 1, 100), math.nan)}, "not finite"),
        ({"audio": torch.zeros(2, 100)}, "expected"),
        ({"audio": torch.zeros(0, 1, 100), "lengths": torch.zeros(0)}, "expected"),
        ({"sample_rate": 0}, "sample_rate"),
    ],
)
def test_wrong_input_is_refused(change, words):
    right = {"audio": torch.zeros(2, 1, 100), "lengths": torch.tensor([100, 100])}
    options = {"sample_rate": RATE, "kind": "one-shots", "pitches": None} | right | change
    with pytest.raises(InputError, match=words):
        measure(**options)
