"""What a run tells: what it is measured against, where it stopped, where it goes on."""

import io
import json
import os
import signal
from dataclasses import replace

import pytest
from toys import ToyTone, ToyToneConfig

from dgm_audio.errors import InputError
from dgm_audio.training import loop as loop_module
from dgm_audio.training.baselines import baselines
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.judgements import Pace
from dgm_audio.training.monitor import Monitor
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import RunFolder, remembered, saved_progress
from dgm_audio.training.schedule import Budget
from dgm_audio.training.state import Progress


class Judge:
    """Costs nothing; knows a name and a floor."""

    def __call__(self, model):
        return float(next(model.parameters()).detach().abs().sum())

    def name(self, model):
        return f"size of a {model.family}"

    def floor(self, model):
        return "a stone", 1e9


def config(out, **changes):
    return replace(
        TrainConfig(out=out, steps=4, batch=4, evaluations=2, precision="float32"), **changes
    )


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def stop_at(monkeypatch, step):
    """SIGTERM in the middle of a step."""
    original = loop_module.Loop._step

    def stopped(loop, share):
        if loop.at.step == step - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(loop, share)

    monkeypatch.setattr(loop_module.Loop, "_step", stopped)


def test_a_run_says_once_what_it_is_measured_against(tmp_path, splits, monkeypatch, capsys):
    """Floor and start by the run's own judge; a resumed run does not measure them again."""
    first = fit(splits, config(tmp_path / "first", steps=1), Judge())
    run = tmp_path / "run"
    begun = config(run, start=str(first), steps=6, evaluations=3)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_at(patch, 3)
        fit(splits, begun, Judge())
    assert "stopped: step 3, 50 % of 6 steps, is saved in " in capsys.readouterr().err
    fit(splits, replace(begun, resume=True), Judge())
    log = read_log(run)
    (found,) = [line for line in log if "metric_name" in line]
    assert found["metric_name"] == "size of a vae"
    assert (found["floor_name"], found["floor_metric"]) == ("a stone", 1e9)
    assert found["start_name"] == str(first)
    kept = [line["validation_metric"] for line in read_log(tmp_path / "first")[-1:]]
    assert [found["start_metric"]] == pytest.approx(kept, rel=1e-2)  # stored in half precision
    assert [line["step"] for line in log if "validation_metric" in line] == [2, 4, 6]
    said = capsys.readouterr().err
    assert "goes on at step 3, 50 % of 6 steps; best so far: size of a vae " in said


def test_a_stopped_run_says_what_is_saved_and_an_enlarged_one_is_judged(
    tmp_path, splits, monkeypatch, capsys
):
    run = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        stop_at(patch, 1)
        fit(splits, config(run), lambda model: 1.0)
    assert stop.value.code == 143
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"stopped: step 1, 25 % of 4 steps, is saved in {run}; there is no model yet, since none "
        "has been judged; --resume goes on"
    )
    fit(splits, config(run, resume=True), lambda model: 1.0)
    assert "goes on at step 1, 25 % of 4 steps; no model evaluated yet" in capsys.readouterr().err
    fit(splits, config(run, resume=True), lambda model: 1.0)
    assert "4 steps are used up at step 4: only a larger one" in capsys.readouterr().err
    fit(splits, config(run, resume=True, steps=6), lambda model: 0.5)
    assert [line["step"] for line in read_log(run) if "validation_metric" in line] == [2, 4, 6]
    assert saved_progress(run / "state.safetensors")["best_step"] == 6
    known = remembered(run)
    assert known["steps"] == 6 and (known["sample_rate"], known["length"]) == (8000, 4096)
    folder = RunFolder(run, resume=True)
    assert folder.saved(Budget(steps=12)) == (
        f"step 6, 50 % of 12 steps, is saved in {run}, the best model so far, of step 6, in "
        f"{folder.model_path}"
    )
    folder.close()


def test_a_start_that_these_clips_cannot_judge_is_left_out(capsys):
    def judge(model):
        raise InputError("it has other classes")

    model = ToyTone(ToyToneConfig())
    assert baselines(judge, model, model, "old") == {"metric_name": "validation metric"}
    assert "start from is not judged: it has other classes" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_of_a_resumed_run_starts_where_the_run_does(tmp_path, splits, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    run = RunFolder(tmp_path, resume=False)
    budget = Budget(steps=100)
    monitor = Monitor(run, Pace(budget, None, 2), splits.train, "bits")
    at = Progress(step=40, seconds=80.0, best=2.5, best_step=30)
    monitor.begin(at, resumed=True)
    assert monitor.bar is not None and monitor.bar.n == monitor.bar.initial == 40.0
    assert "goes on at step 40, 40 % of 100 steps; best so far: bits 2.5 at step 30" in (
        terminal.getvalue()
    )
    at.step, at.seconds = 44, 82.0
    monitor._say(at, 0.44, 0.0)
    assert "step 44, 2.00 steps/s" in str(monitor.bar.postfix) and monitor.bar.n == 44.0
    monitor.close()
    run.close()
