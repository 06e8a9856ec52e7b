"""Whether notes are heard at the pitch that was asked for, on models whose tuning is known."""

import importlib.util
import math
import sys
from dataclasses import dataclass

import pytest
import torch

from dgm_audio.data import ClipSet
from dgm_audio.evaluation import bootstrap
from dgm_audio.evaluation.tuning import CODES, RATE, swift_f0, tuning
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.pitch import frequency
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec, Scalar

LENGTH = 16384
has_tracker = pytest.mark.skipif(
    importlib.util.find_spec("swift_f0") is None, reason="swift-f0 is not installed"
)


@dataclass(frozen=True)
class Config:
    cents: float = 0.0
    level: float = 0.5


class Tones(AudioGenerator):
    """Three harmonics, so many cents off; every second code is silent if `level` is negative."""

    family = "test-tones"

    def __init__(self, config=None):
        super().__init__()
        self.config = config or Config()
        self.audio = AudioSpec(22050, 1, LENGTH, LENGTH)
        self.latent = LatentSpec(2)
        self.condition = ConditionSpec(
            {"instrument": Classes(("a", "b")), "pitch": Scalar(50, 54, "MIDI number", 52)}
        )

    def _decode(self, z, condition, length):
        hertz = frequency(condition["pitch"] + self.config.cents / 100)[:, None]
        time = torch.arange(length) / 22050
        x = sum(torch.sin(2 * math.pi * k * hertz * time) / k for k in (1, 2, 3))
        loud = torch.where(z[:, 0] > 0, abs(self.config.level), max(self.config.level, 0.0))
        return (loud * x.float())[:, None]


def crossings(x):
    """Hz by counting how often a sound gets positive."""
    ups = torch.nonzero((x[:-1] <= 0) & (x[1:] > 0))[:, 0]
    if len(ups) < 2 or float(x.abs().max()) < 1e-3:
        return math.nan
    return float((len(ups) - 1) / (ups[-1] - ups[0])) * RATE


def held_out():
    """Four notes, of which one is far from its label, and one labelled too low to be heard."""
    with torch.no_grad():
        audio = Tones().decode(torch.ones(4, 2, 1), {"pitch": torch.tensor([50.0, 51, 52, 53])})
    labels, pitches = ["a", "b", "a", "b"], [50.0, 51.0, 40.0, 20.0]
    return ClipSet.from_arrays(audio.numpy(), 22050, labels=labels, pitches=pitches)


def figures(model, tracker=crossings):
    found = tuning(model, held_out(), seed=0, tracker=tracker)
    clusters = found.clusters | {"reference": torch.arange(4)}
    return bootstrap.estimate(found.figures, clusters)


@pytest.mark.parametrize(
    "cents, share", [(0, 1), (30, 1), (-45, 1), (60, 0), (-1200, 0), (1200, 0)]
)
def test_notes_within_half_a_semitone_are_in_tune(cents, share):
    values, _ = figures(Tones(Config(cents)))
    assert values["in_tune"] == share
    assert values["in_tune_real"] == pytest.approx(2 / 3)  # the lowest is not heard


def test_silent_codes_are_out_of_tune_and_widen_the_interval():
    model = Tones(Config(level=-0.5))
    values, intervals = figures(model)
    sounding = sum(float(model.noise(1, seed=0, first=code)[0, 0, 0]) > 0 for code in range(CODES))
    assert values["in_tune"] == pytest.approx(sounding / CODES)
    low, high = intervals["in_tune"]
    assert low < values["in_tune"] - 0.1 and high > values["in_tune"] + 0.1  # codes, not notes


def test_one_code_is_one_sound_of_one_instrument_at_all_pitches():
    model, asked = Tones(), []
    decode = model.decode

    def spy(z, condition, **options):
        asked.append((z, condition))
        return decode(z, condition, **options)

    model.decode = spy
    tuning(model, held_out(), seed=0, tracker=crossings)
    assert len(asked) == CODES
    z, condition = asked[3]
    assert torch.equal(z[0], z[4]) and not torch.equal(z[0], asked[5][0][0])
    assert condition["instrument"] == ["b"] * 5 and condition["pitch"].tolist() == [*range(50, 55)]


def test_without_a_pitch_there_is_nothing_to_hear():
    model = Tones()
    model.condition = ConditionSpec({"instrument": Classes(("a", "b"))})
    assert not tuning(model, held_out(), seed=0, tracker=crossings).figures


def test_a_missing_tracker_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "swift_f0", None)
    found = tuning(Tones(), held_out(), seed=0)
    assert not found.figures
    assert "in_tune is left out" in found.notes[0] and "dgm_audio[judge]" in found.notes[0]


@has_tracker
def test_the_tracker_hears_a_tone_and_no_pitch_in_silence():
    track = swift_f0()
    time = torch.arange(RATE) / RATE
    assert track(0.5 * torch.sin(2 * math.pi * 220 * time)) == pytest.approx(220, rel=0.01)
    assert math.isnan(track(torch.zeros(RATE)))
    values, _ = figures(Tones(), None)
    assert values["in_tune"] == 1


def test_pitches_are_whole_numbers_that_model_and_tracker_know():
    model = Tones()
    model.condition = ConditionSpec({"pitch": Scalar(20.5, 33.5, "MIDI number", 25)})
    heard = []
    tuning(model, held_out(), seed=0, tracker=lambda x: heard.append(x) or math.nan)
    assert len(heard) == 3 * CODES + 3  # 31, 32, 33; and three of the held-out notes
