"""How often a run evaluates its model, and on how much: a tenth of its time, whatever it costs."""

import json
import time

import numpy as np
import pytest
from lightning_fabric import Fabric
from test_loop import Run, WatchingTask, clips
from toys import ToyFlow, ToyFlowConfig, ToyTone, ToyToneConfig

from dgm_audio.evaluation import validation
from dgm_audio.evaluation.validation import validation_metric
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.evaluations import SHARE, Pace, evaluation_count
from dgm_audio.training.loop import Loop
from dgm_audio.training.run import fit
from dgm_audio.training.schedule import Budget
from dgm_audio.training.state import Progress


class Clock:
    """Stands still, but for what takes time."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def takes(self, seconds):
        self.now += seconds


class SlowMetric:
    """Takes so many seconds a sound."""

    def __init__(self, clock, each, usual):
        self.clock, self.each, self.usual = clock, each, usual
        self.count, self.steps = usual, []

    def __call__(self, model, at):
        self.clock.takes(self.each * self.count)
        self.steps.append(at.step)
        return 1.0

    def sounds(self, model):
        return self.count

    def seconds_per_sound(self, model):
        self.clock.takes(self.each)
        return self.each

    def take(self, count):
        self.count = count


class SlowTask(WatchingTask):
    def __init__(self, clock, step, settling):
        super().__init__()
        self.clock, self.settling = clock, settling
        self.objective.register_forward_hook(lambda *_: clock.takes(step))

    def fit_prior(self, generator, clips):
        self.clock.takes(self.settling)


class Log(Run):
    def __init__(self):
        self.lines = []

    def log(self, record):
        self.lines.append(record)


def run(monkeypatch, budget, step, each, usual, settling=0.05, keeping=0.2, at=None):
    clock = Clock(monkeypatch)
    metric, log = SlowMetric(clock, each, usual), Log()
    loop = Loop(
        fabric=Fabric(accelerator="cpu", devices=1),
        task=SlowTask(clock, step, settling),
        clips=clips(),
        run=log,
        pace=Pace(Budget.parse(budget), metric),
        batch=4,
        rate=1e-3,
        seed=0,
        mixed=False,
        evaluate=metric,
        keep=lambda model, at: clock.takes(keeping),
        report=lambda at, share, losses: None,
        **({} if at is None else {"at": at}),
    )
    began = clock.now
    loop.fit()
    return loop, metric, log.lines, clock.now - began


@pytest.mark.parametrize(
    ("budget", "step", "each", "usual", "count"),
    [
        ("20m", 2.0, 0.002, 256, 20),  # cheap: as often as planned
        ("5m", 0.5, 0.02, 256, 5),  # 5 s an evaluation: seldom
        ("10m", 3.0, 0.5, 256, 2),  # 2 minutes: by fewer sounds
        ("1m", 1.0, 0.02, 256, 2),
        ("5m", 7.0, 1.5, 128, 2),  # a step is as long as an evaluation may be
    ],
)
def test_evaluation_takes_a_tenth_of_the_time(monkeypatch, budget, step, each, usual, count):
    loop, metric, lines, elapsed = run(monkeypatch, budget, step, each, usual)
    seconds = loop.pace.budget.seconds
    assert loop.at.judging <= SHARE * elapsed
    assert count <= len(metric.steps) <= max(20, count)
    assert metric.steps[-1] == loop.at.step  # the last model, too
    assert seconds - 2 * step <= elapsed <= seconds + 2 * step
    # the log says so, and so does the clock
    assert lines[-1]["judging_share"] == pytest.approx(loop.at.judging / elapsed, abs=1e-3)
    spent = sum(line["judging_seconds"] for line in lines)
    assert spent == pytest.approx(loop.at.judging, abs=each + 0.05 + 0.01 * len(lines))
    assert all(line["judging_share"] <= SHARE + 1e-3 for line in lines[1:])


def test_an_evaluation_above_the_share_is_made_once_on_the_fewest(monkeypatch, capsys):
    _, metric, lines, _ = run(monkeypatch, "1m", 1.0, 4.0, 128)
    assert metric.count == 1 and len(metric.steps) == len(lines) == 1
    line = "validation uses 1 of 128 sounds, so that it takes no more than a tenth"
    assert f"{line} of 1" in capsys.readouterr().err


def test_a_resumed_run_evaluates_on_as_many_sounds_as_before(monkeypatch):
    loop, metric, _, _ = run(monkeypatch, "10m", 3.0, 0.5, 256)
    assert 1 < metric.count < 256
    at = Progress(seconds=300.0, judging=10.0, judgement=20.0, sounds=metric.count)
    _, again, _, _ = run(monkeypatch, "10m", 3.0, 5.0, 256, at=at)
    assert again.count == metric.count == loop.at.sounds  # though they are dearer now


def test_steps_are_evaluated_at_fixed_shares_whatever_the_clock_says(monkeypatch):
    clock = Clock(monkeypatch)
    slow = Pace(Budget(steps=100), SlowMetric(clock, 100.0, 256), most=4)
    at = Progress(step=25, seconds=1.0, judging=1e6, judgement=1e6)
    assert slow.share(at) == 0.25
    assert slow.planned(at, 0.25) and slow.affordable(at, 0.25) and not slow.planned(at, 0.24)
    slow.begin(at, None, None, None)
    assert clock.now == 1000.0
    assert evaluation_count(Budget(steps=1000), 256, 16) == 6
    assert evaluation_count(Budget(steps=10), 256, 16) == 1


def test_the_validation_metric_can_do_with_less(splits, monkeypatch):
    metric, drawn = (
        validation_metric(splits),
        ToyTone(ToyToneConfig(4096, classes=("noise", "tone"))),
    )
    assert metric.sounds(drawn) == validation.MIN_DRAWN
    scored = ToyFlow(ToyFlowConfig())
    assert metric.sounds(scored) == len(splits.validation) == 12
    assert 0 < metric.seconds_per_sound(drawn) < 1
    asked = []
    monkeypatch.setattr(validation, "quick_distance", lambda model, of, n: asked.append(n) or 0.0)
    monkeypatch.setattr(
        validation, "mean_bits", lambda model, clips: asked.append(len(clips)) or 0.0
    )
    for count in (5000, 100, 3, 1):
        metric.take(count)
        metric(drawn)
        metric(scored)
    assert asked == [256, 12, 100, 12, 8, 3, 8, 1]


def test_a_run_with_a_budget_of_time_logs_what_evaluation_took(tmp_path, splits):
    fit(splits, TrainConfig(tmp_path / "run", budget="3s", batch=4), validation_metric(splits))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    evaluated = [line for line in lines if "validation_metric" in line]
    assert evaluated and evaluated[-1]["step"] == lines[-2]["step"]
    assert all(line["judging_seconds"] > 0 and line["judging_share"] > 0 for line in evaluated)
    assert np.all(np.diff([line["seconds"] for line in evaluated]) > 0)
