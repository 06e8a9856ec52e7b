"""What a run takes up: only its own game on its own data, and all of its state or nothing."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import save
from torch import nn

from dgm_audio.errors import TrainingError
from dgm_audio.families.spectrogram_training import SpectrogramTask
from dgm_audio.families.vae.training import VAETask
from dgm_audio.training import loop as loop_module
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.judgements import Pace
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state
from dgm_audio.training.schedule import Budget
from dgm_audio.training.state import gathered, restore
from dgm_audio.training.steps import OptimisedModule


@pytest.fixture(autouse=True)
def small_games(monkeypatch):
    monkeypatch.setattr(SpectrogramTask, "width", VAETask.width)


def config(out, **changes):
    known = TrainConfig(out=out, steps=1, batch=4, evaluations=2, precision="float32")
    return replace(known, **changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


def refused(splits, settings, words):
    """The run is not taken up, for a reason of one line."""
    with pytest.raises(TrainingError, match=words) as told:
        fit(splits, replace(settings, resume=True), numbers)
    assert "\n" not in str(told.value)


def test_a_run_that_is_killed_after_an_evaluation_is_not_judged_there_again(
    tmp_path, splits, monkeypatch
):
    original = loop_module.Loop._step

    def killed(loop, share):
        if loop.at.step == 5:
            raise KeyboardInterrupt
        return original(loop, share)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_module.Loop, "_step", killed)
        fit(splits, config(tmp_path / "run", steps=8), numbers)
    fit(splits, config(tmp_path / "run", steps=8, resume=True), numbers)
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    judged = [line["step"] for line in map(json.loads, log) if "validation_metric" in line]
    assert judged == [4, 8]


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_resuming_on_other_data_is_an_error(tmp_path, splits, family):
    """Even if what is learned has the shape of the data, as one code per clip has."""
    begun = config(tmp_path / "run", family=family)
    fit(splits, begun, numbers)
    for rows in (np.arange(20), splits.train.labels == 0):
        refused(replace(splits, train=splits.train.subset(rows)), begun, "other data")


def test_resuming_another_game_is_an_error_that_names_both(tmp_path, splits):
    first = fit(splits, config(tmp_path / "first"), numbers)
    begun = config(tmp_path / "run", start=str(first))
    fit(splits, begun, numbers)
    others = {"family": "gan", "start": None, "seed": 1, "batch": 2}
    told = {
        name: f"{name} {getattr(begun.training, name)}, now {value}"
        for name, value in others.items()
    }
    for name, value in others.items():
        refused(splits, replace(begun, **{name: value}), re.escape(f"begun with {told[name]}: "))
    refused(splits, replace(begun, **others), re.escape("; ".join(told.values())))
    fit(splits, replace(begun, resume=True, steps=2, budget="1m", evaluations=1), numbers)


def held(seed):
    """What a small loop holds: one layer that has learned, one that has not, and a code."""
    torch.manual_seed(seed)
    modules = {"generator": nn.Linear(3, 3), "other": nn.Linear(2, 1)}
    own, optimised = {"code": torch.randn(3)}, {}
    for name, module in modules.items():
        optimised[f"{name}_optimizer"] = OptimisedModule(
            module, torch.optim.AdamW(module.parameters())
        )
    modules["generator"](torch.randn(1, 3)).sum().backward()
    optimised["generator_optimizer"].optimizer.step()
    return modules, optimised, own


def copied(tensors):
    return {key: value.clone() for key, value in tensors.items()}


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    """A tensor of every kind is missing, unknown, or of a shape that could be broadcast."""
    there, here = gathered(*held(1)), held(0)
    before = copied(gathered(*here))
    kinds = {key.partition("/")[0] for key in there}
    assert kinds == {"generator", "other", "objective", "generator_optimizer"}
    for kind in kinds:
        key = max(key for key in there if key.startswith(f"{kind}/"))
        rest = {name: value for name, value in there.items() if name != key}
        for broken, words in (
            (rest, f"{key} is missing"),
            (there | {f"{key}x": torch.zeros(1)}, f"{key}x is unknown"),
            (rest | {key: torch.zeros(1, 1)}, rf"{key} has shape \(1, 1\), expected"),
        ):
            with pytest.raises(ValueError, match=words):
                restore(broken, *here)
    now = gathered(*here)
    assert all(torch.equal(value, now[key]) for key, value in before.items())
    restore(there, *here)
    now = gathered(*here)
    assert now.keys() == there.keys()
    assert all(torch.equal(value, now[key]) for key, value in there.items())


def test_a_run_whose_state_does_not_fit_ends_with_the_reason(tmp_path, splits):
    begun = config(tmp_path / "run")
    fit(splits, begun, numbers)
    path = tmp_path / "run" / "state.safetensors"
    whole, at = load_state(path)
    for kind in ("average", "generator_optimizer"):
        without = {key: value for key, value in whole.items() if not key.startswith(f"{kind}/")}
        path.write_bytes(save(without, {"numbers": json.dumps(at)}))
        refused(splits, begun, f"does not fit this run: {kind}.* is missing")


class Named:
    """A judge whose metric has a name, and the same value for all models."""

    def __init__(self, name, value=1.0):
        self.words, self.value = name, value

    def __call__(self, model):
        return self.value

    def name(self, model):
        return self.words

    def floor(self, model):
        return "a stone", 2.0


def test_a_best_of_another_metric_is_not_compared_but_refused(tmp_path, splits):
    begun = config(tmp_path / "run")
    old, new = (
        Named("kernel distance to held-out recordings", 0.04),
        Named("MMD to validation", 0.2),
    )
    model = fit(splits, begun, old)
    resumed = replace(begun, resume=True, steps=16)
    with pytest.raises(TrainingError) as told:
        fit(splits, resumed, new)
    assert str(told.value) == (
        f"the best model in {begun.out} was chosen by the kernel distance to held-out recordings, "
        "and models are now compared by the MMD to validation: train into another folder, which "
        f"--start {model} lets begin with it"
    )
    path = begun.out / "state.safetensors"
    assert load_state(path)[1]["best"] == 0.04
    fit(splits, resumed, old)
    fit(splits, config(tmp_path / "another", start=str(model)), new)  # what the message says


def test_of_a_run_of_before_the_metric_was_kept_only_an_unjudged_one_goes_on(tmp_path, splits):
    begun = config(tmp_path / "run")
    fit(splits, begun, Named("MMD to validation"))
    path = begun.out / "state.safetensors"
    tensors, at = load_state(path)
    del at["metric"]
    path.write_bytes(save(tensors, {"numbers": json.dumps(at)}))
    resumed = replace(begun, resume=True, steps=16)
    with pytest.raises(TrainingError, match="chosen by the metric of an older version, and models"):
        fit(splits, resumed, Named("MMD to validation"))
    unjudged = at | {"best": None, "best_step": 0, "evaluations": 0}
    path.write_bytes(save(tensors, {"numbers": json.dumps(unjudged)}))
    fit(splits, resumed, Named("MMD to validation"))
    assert load_state(path)[1]["metric"] == "MMD to validation"


class Elsewhere(Fabric):
    """Its device is `meta`, so that what is moved there is seen."""

    def setup(self, module, optimizer):
        return module.to("meta"), optimizer


def test_the_average_is_on_the_device_of_the_generator(splits):
    loop = loop_module.Loop(
        fabric=Elsewhere(accelerator="cpu", devices=1),
        task=VAETask(splits.train, mixed=False),
        clips=splits.train,
        run=None,
        pace=Pace(Budget.parse("1m"), judge=None),
        batch=4,
        rate=1e-3,
        seed=0,
        mixed=False,
        judge=lambda model, at: 0.0,
        keep=lambda model, at: None,
        tell=lambda at, share, losses: None,
    )
    assert loop.generator.device.type == loop.average.module.device.type == "meta"
