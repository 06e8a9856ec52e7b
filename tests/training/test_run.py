"""The loop end to end on small models: budgets, resuming, stopping, damage."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from dgm_audio.errors import ConfigError, InputError, TrainingError, UnknownModelError
from dgm_audio.evaluation.validation import validation_metric
from dgm_audio.families.autoregressive import training as autoregressive
from dgm_audio.families.vae.training import VAETask
from dgm_audio.shipped import load
from dgm_audio.training import loop as loop_module
from dgm_audio.training import monitor
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.order import batch_rows
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import RunFolder, load_state, write_atomically


def config(out, **changes):
    """In float32: bits are compared, on processors whose bfloat16 may fail by chance, too."""
    known = TrainConfig(out=out, steps=8, batch=4, evaluations=2, precision="float32")
    return replace(known, **changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_training_lowers_the_loss_and_gives_a_model_that_plays(tmp_path, splits):
    folder = fit(splits, config(tmp_path / "run", steps=30), validation_metric(splits))
    log = read_log(tmp_path / "run")
    assert any("validation_metric" in line for line in log)
    model = load(str(folder), device="cpu")
    x = model.sample(3, seed=0)
    assert x.shape == (3, 1, 4096) and float(x.abs().max()) > 0
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert settings["steps"] == 30 and settings["data"]["clips"]["train"] == 24


def test_one_batch_can_be_learned_by_heart(tmp_path, splits, monkeypatch):
    few = replace(splits, train=splits.train.subset([0, 1, 2, 3]))
    monkeypatch.setattr(monitor, "LOG_SECONDS", 0.0)  # a line per step
    fit(few, config(tmp_path / "run", steps=120, rate=5e-3, evaluations=1), numbers)
    log = read_log(tmp_path / "run")
    first, last = log[0], log[-2]
    assert last["energy"] < 0.5 * first["energy"]
    assert last["negative_log_likelihood"] < 0.5 * first["negative_log_likelihood"]


@pytest.mark.fault(22)
@pytest.mark.parametrize("family", ["vae", "autoregressive"])
def test_resuming_equals_not_having_stopped(tmp_path, splits, monkeypatch, family):
    """Bit-equal weights, average, optimizers, own samples; the stop falls into every phase."""
    monkeypatch.setattr(autoregressive, "OWN_SAMPLE_STEPS", 2)
    monkeypatch.setattr(autoregressive.AutoregressiveTask, "depth", 4)
    fit(splits, config(tmp_path / "whole", family=family), numbers)
    halted = config(tmp_path / "parts", family=family)
    for stop_at in (3, 6):
        with stopped_at(monkeypatch, stop_at), pytest.raises(SystemExit) as stop:
            fit(splits, halted, numbers)
        assert stop.value.code == 130
        halted = replace(halted, resume=True)
    fit(splits, halted, numbers)
    whole, at = load_state(tmp_path / "whole" / "state.safetensors")
    parts, also_at = load_state(tmp_path / "parts" / "state.safetensors")
    assert whole.keys() == parts.keys()
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
    assert at["best"] == also_at["best"] and at["step"] == also_at["step"] == 8


class stopped_at:
    """Ctrl-C in the middle of the given step."""

    def __init__(self, monkeypatch, step):
        self.patch, self.step = monkeypatch, step

    def __enter__(self):
        original = loop_module.Loop._step

        def step(loop, share):
            if loop.at.step == self.step - 1:
                os.kill(os.getpid(), signal.SIGINT)
            return original(loop, share)

        self.context = self.patch.context()
        self.context.__enter__().setattr(loop_module.Loop, "_step", step)

    def __exit__(self, *error):
        self.context.__exit__(*error)


@pytest.mark.fault(28)
def test_a_folder_with_a_run_is_not_overwritten_and_not_shared(tmp_path, splits):
    fit(splits, config(tmp_path / "run", steps=1), numbers)
    with pytest.raises(TrainingError, match="already holds a run"):
        fit(splits, config(tmp_path / "run", steps=1), numbers)
    with pytest.raises(TrainingError, match="no run to resume"):
        fit(splits, config(tmp_path / "other", resume=True), numbers)
    run = RunFolder(tmp_path / "run", resume=True)
    with pytest.raises(TrainingError, match="in use"):
        RunFolder(tmp_path / "run", resume=True)
    run.close()


@pytest.mark.fault(23)
def test_non_finite_losses_are_skipped_then_named(tmp_path, splits, monkeypatch):
    poisoned = np.asarray(splits.train.audio).copy()
    poisoned[:] = np.nan
    bad = replace(splits, train=type(splits.train).from_arrays(poisoned, 8000))
    with pytest.raises(TrainingError, match=r"not finite for 5 steps.*\d+\.wav"):
        fit(bad, config(tmp_path / "run", steps=100), numbers)
    tensors, at = load_state(tmp_path / "run" / "state.safetensors")
    assert at["step"] == 0
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values())


def test_wrong_settings_are_refused(tmp_path, splits):
    with pytest.raises(ConfigError, match="budget is 'soon'"):
        fit(splits, TrainConfig(out=tmp_path / "a", budget="soon"), numbers)
    with pytest.raises(
        UnknownModelError,
        match=r"no family to train 'vea'; did you mean 'vae'. there are autoregressive, flow, "
        "flow-matching, flow-vocoder, gan, vae, vae-stream;",
    ):
        fit(splits, config(tmp_path / "b", family="vea"), numbers)


def test_every_epoch_sees_every_clip_once():
    rows = np.concatenate([batch_rows(7, 3, step, seed=1) for step in range(7)])
    assert all(sorted(rows[i : i + 7]) == list(range(7)) for i in (0, 7, 14))
    assert not np.array_equal(rows[:7], rows[7:14])


@pytest.mark.fault(20)
def test_a_full_disk_leaves_the_old_state(tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["state"]


def test_a_trained_model_is_a_start_that_skips_the_warm_up(tmp_path, splits, capsys):
    first = fit(splits, config(tmp_path / "first", steps=4), numbers)
    start = load(str(first), device="cpu")
    folder = fit(splits, config(tmp_path / "second", steps=1, start=str(first)), numbers)
    log = read_log(tmp_path / "second")
    assert "adversarial" in log[0]  # the discriminator takes part from the beginning
    recipe = json.loads((folder / "config.json").read_text())["recipe"]
    assert recipe["start"]["weights_sha256"] == start.weights_hash
    assert str(tmp_path) not in json.dumps(recipe)
    moved = load(str(folder), device="cpu").state_dict()
    assert all((moved[k] - v).abs().max() < 0.1 for k, v in start.state_dict().items() if "." in k)


def test_a_start_of_another_shape_is_refused(tmp_path, splits, monkeypatch):
    first = fit(splits, config(tmp_path / "first", steps=1), numbers)
    monkeypatch.setattr(VAETask, "width", 48)
    with pytest.raises(InputError, match="% of the weights"):
        fit(splits, config(tmp_path / "second", steps=1, start=str(first)), numbers)
