"""The alarm rings for a generator that ignores its latent, and for no other."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import ToyTone, ToyToneConfig

from dgm_audio import registry
from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import TrainingError
from dgm_audio.evaluation.validation import validation_metric
from dgm_audio.families.gan.training import GANTask
from dgm_audio.objective import Losses, Objective, Task
from dgm_audio.registry import Family, get_task, trainable
from dgm_audio.training.collapse import COLLAPSED, PATIENCE, note_diversity
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.loop import Progress
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state

RATE, LENGTH = 8000, 4096


def tones(classes=()):
    """Sounds of the toy itself, so that a variety of 1 is right."""
    model = ToyTone(ToyToneConfig(LENGTH, classes=classes))
    labels = [classes[row % len(classes)] for row in range(32)] if classes else None
    with torch.no_grad():
        x = model.sample(32, condition={"class": labels} if classes else None, seed=9)
    clips = ClipSet.from_arrays(x.numpy(), RATE, labels=labels)
    return Splits(clips, clips, *2 * [clips.subset(np.arange(0))])


class ToyObjective(Objective):
    """Draws the variety to where the test wants it."""

    adversarial_start = 0.25
    wanted = 1.0

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, x, labels, progress, pitch=None):
        return Losses({"variety": (self.generator.variety - self.wanted).square()})


class ToyTask(Task):
    """Forgets its latent while it trains."""

    watched = True
    wanted = 0.0

    def __init__(self, clips, mixed, start=None):
        self.objective = ToyObjective(ToyTone(ToyToneConfig(clips.audio.shape[2])))
        self.objective.wanted = self.wanted


class UnwatchedTask(ToyTask):
    watched = False


class SteadyTask(ToyTask):
    wanted = 1.0


@pytest.fixture(autouse=True)
def toy_tasks(monkeypatch):
    known = {"toy": "ToyTask", "steady": "SteadyTask", "unwatched": "UnwatchedTask"}
    own = {family: Family("", f"{__name__}:{name}") for family, name in known.items()}
    monkeypatch.setattr(registry, "FAMILIES", registry.FAMILIES | own)


def config(out, family, **changes):
    made = TrainConfig(out=out, family=family, steps=60, batch=4, rate=0.05, evaluations=12)
    return replace(made, device="cpu", **changes)


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("classes", [(), ("low", "high")])
def test_a_generator_that_ignores_its_latent_has_no_diversity(classes):
    judge = validation_metric(tones(classes))
    found = {
        variety: judge.diversity(ToyTone(ToyToneConfig(LENGTH, variety, classes)))
        for variety in (0.0, 0.02, 1.0)
    }
    assert found[0.0] < 0.01  # though its classes differ: pairs are of one class
    assert found[0.0] < found[0.02] < COLLAPSED
    assert found[1.0] > 1 - COLLAPSED


def test_a_run_that_collapses_ends_with_the_error_and_keeps_the_best_model(tmp_path):
    splits, run = tones(), tmp_path / "run"
    with pytest.raises(
        TrainingError, match=r"collapsed to so few sounds.*differ by 0\.\d\d"
    ) as told:
        fit(splits, config(run, "toy"), validation_metric(splits))
    assert "\n" not in str(told.value) and f"is in {run / 'model'}" in str(told.value)
    log = [line for line in read_log(run) if "diversity" in line]
    assert [line["diversity"] < COLLAPSED for line in log[-PATIENCE - 1 :]] == [False, True, True]
    header = json.loads((run / "model" / "config.json").read_text())
    best = min(log, key=lambda line: line["validation_metric"])
    assert header["metrics"]["validation_metric"] == best["validation_metric"]
    assert best["diversity"] > COLLAPSED and best["step"] < log[-1]["step"] < 60
    _, at = load_state(run / "state.safetensors")
    assert at["step"] == log[-1]["step"] and at["collapsed"] == PATIENCE


def test_a_resumed_run_that_is_still_collapsed_ends_at_its_next_evaluation(tmp_path):
    splits, run = tones(), tmp_path / "run"
    for resume in (False, True):
        with pytest.raises(TrainingError, match="collapsed"):
            fit(splits, config(run, "toy", resume=resume), validation_metric(splits))
    _, at = load_state(run / "state.safetensors")
    assert at["collapsed"] == PATIENCE + 1


def test_a_run_that_keeps_its_variety_goes_to_its_end(tmp_path):
    splits, run = tones(), tmp_path / "run"
    fit(splits, config(run, "steady"), validation_metric(splits))
    found = [line["diversity"] for line in read_log(run) if "diversity" in line]
    assert len(found) == 12 and min(found) > COLLAPSED


def test_who_is_not_watched_is_not_measured(tmp_path):
    splits, run = tones(), tmp_path / "run"
    fit(splits, config(run, "unwatched"), validation_metric(splits))
    assert not any("diversity" in line for line in read_log(run))
    watched = {family for family in trainable() if get_task(family).watched}
    assert GANTask.watched and not watched & {"autoregressive", "flow", "flow-vocoder", "vae"}


def test_a_metric_that_cannot_measure_it_is_named(tmp_path, capsys):
    fit(tones(), config(tmp_path / "run", "toy"), lambda model: 1.0)
    assert "a collapse will not be noticed" in capsys.readouterr().err


def test_only_evaluations_in_a_row_and_in_the_adversarial_phase_count():
    at, low, high = Progress(), COLLAPSED / 2, 2 * COLLAPSED
    found = []
    for diversity, phase in [(low, False), (low, True), (high, True), (low, True), (low, True)]:
        note_diversity(at, diversity, phase)
        found.append(at.collapsed)
    assert found == [0, 1, 0, 1, 2]
