"""bfloat16 that fails, as on processors with AMX: the step is done again in float32, once and all.

The stubs play such a processor, so that it makes no difference which one runs the tests.
"""

import signal
from dataclasses import replace

import pytest
import torch

from dgm_audio.errors import ConfigError
from dgm_audio.families.autoregressive import training as autoregressive
from dgm_audio.families.autoregressive.model import WaveNet
from dgm_audio.families.autoregressive.training import AutoregressiveTask
from dgm_audio.families.spectrogram_training import SpectrogramTask
from dgm_audio.families.vae.training import VAETask
from dgm_audio.training import precision
from dgm_audio.training import steps as training_steps
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.loop import MAX_SKIPPED, Loop
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state
from dgm_audio.training.state import gathered

ADVERSARIAL = 2
"""The first step of the adversarial phase, of the four steps of a run."""
SAID = "step {} is finite in float32, but not in bfloat16: the run goes on in float32"


@pytest.fixture(autouse=True)
def small_games(monkeypatch):
    monkeypatch.setattr(SpectrogramTask, "width", VAETask.width)
    monkeypatch.setattr(AutoregressiveTask, "depth", 2)
    monkeypatch.setattr(AutoregressiveTask, "width", 16)
    monkeypatch.setattr(autoregressive, "OWN_SAMPLE_STEPS", 2)
    monkeypatch.setattr(WaveNet, "sample", own_samples)


def own_samples(model, batch, *, seed, **_):
    """In place of sounds that would take long to make."""
    return 0.1 * torch.randn(
        batch, 1, model.config.length, generator=torch.Generator().manual_seed(seed)
    )


def config(out, **changes):
    settings = {"steps": 4, "batch": 4, "evaluations": 1, "precision": "bfloat16"}
    return TrainConfig(out=out, device="cpu", **settings | changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


class Processor:
    """One whose convolutions and products give NaN where `spoils(attempt, moved, mixed)` says so.

    `attempt` counts how often a step was begun, from 0; `moved` how many optimizers have moved in
    it; `mixed` is whether the operation is under autocast.
    """

    def __init__(self, monkeypatch, spoils):
        self.spoils, self.attempt, self.moved, self.steps = spoils, -1, 0, []
        for name in ("conv1d", "conv2d", "linear"):
            original = getattr(torch.nn.functional, name)
            monkeypatch.setattr(torch.nn.functional, name, self.playing(original))
        attempt, descend = Loop._attempt, training_steps._descend

        def begun(loop, share):
            self.attempt, self.moved = self.attempt + 1, 0
            self.steps.append(loop.at.step)
            return attempt(loop, share)

        def descended(*arguments):
            report = descend(*arguments)
            self.moved += 1
            return report

        monkeypatch.setattr(Loop, "_attempt", begun)
        monkeypatch.setattr(training_steps, "_descend", descended)

    def playing(self, original):
        def operation(*arguments, **named):
            y = original(*arguments, **named)
            mixed = torch.is_autocast_enabled("cpu")
            training = torch.is_grad_enabled()  # and neither settling nor judging
            spoiled = training and self.spoils(self.attempt, self.moved, mixed)
            return y * torch.nan if spoiled else y

        return operation


def amx(first, moved=0):
    """Spoils all that is in bfloat16 from a step on, once so many optimizers have moved."""
    return lambda attempt, so_far, mixed: mixed and attempt >= first and so_far >= moved


def train(monkeypatch, splits, settings, spoils):
    with monkeypatch.context() as patch:
        processor = Processor(patch, spoils)
        fit(splits, settings, numbers)
    return processor, *load_state(settings.out / "state.safetensors")


def in_float32_from(monkeypatch, splits, settings, first):
    """What such a run should come to: bfloat16 before that step, float32 from there on."""
    original = Loop._step

    def step(loop, share):
        if loop.at.step >= first:
            loop._compute_in(mixed=False)
        return original(loop, share)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_step", step)
        fit(splits, settings, numbers)
    return load_state(settings.out / "state.safetensors")


def differing(one, other):
    assert one.keys() == other.keys()
    return [key for key in one if not torch.equal(one[key], other[key])]


@pytest.mark.parametrize(
    ("family", "first", "moved"),
    [
        ("vae", 1, 0),
        ("vae", ADVERSARIAL, 0),
        ("vae", ADVERSARIAL, 1),  # the discriminator has moved by then, and must go back
        ("gan", ADVERSARIAL, 1),
        ("autoregressive", 1, 0),  # it has just drawn own samples
    ],
)
def test_a_step_that_bfloat16_spoils_is_done_in_float32(
    tmp_path, splits, monkeypatch, capsys, family, first, moved
):
    settings = config(tmp_path / "run", family=family)
    processor, found, at = train(monkeypatch, splits, settings, amx(first, moved))
    told = capsys.readouterr().err
    assert processor.steps == sorted([*range(4), first])  # one step is begun twice
    assert told.count("in bfloat16") == 2 and SAID.format(first + 1) in told
    assert (at["step"], at["skipped"], at["float32"]) == (4, 0, True)
    assert all(bool(value.isfinite().all()) for value in found.values())
    right, _ = in_float32_from(
        monkeypatch, splits, replace(settings, out=tmp_path / "right"), first
    )
    assert differing(found, right) == []


def test_a_run_that_left_bfloat16_stays_so_when_it_is_resumed(
    tmp_path, splits, monkeypatch, capsys
):
    """N + M steps are N, a stop, and M: bit for bit, though bfloat16 failed before the stop."""
    settings = config(tmp_path / "whole")
    _, whole, _ = train(monkeypatch, splits, settings, amx(1))
    halted, original = replace(settings, out=tmp_path / "parts"), Loop._step

    def stopping(loop, share):
        if loop.at.step == ADVERSARIAL:
            loop.stop_signal = signal.SIGINT
        return original(loop, share)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Loop, "_step", stopping)
        train(patch, splits, halted, amx(1))
    capsys.readouterr()
    resumed = replace(halted, resume=True)
    processor, parts, at = train(monkeypatch, splits, resumed, amx(0))
    assert processor.steps == [ADVERSARIAL + 1] and at["float32"]
    assert "bfloat16" not in capsys.readouterr().err
    assert differing(whole, parts) == []


@pytest.mark.fault(23)
def test_a_step_that_float32_does_not_mend_is_skipped_as_a_whole(
    tmp_path, splits, monkeypatch, capsys
):
    """Neither module moves, nor its buffers; and bfloat16 was not to blame."""
    original, seen = Loop._step, []

    def watched(loop, share):
        before = {key: value.clone() for key, value in gathered(*loop._state()).items()}
        losses = original(loop, share)
        if losses["skipped"]:
            seen.append((loop.at.step, differing(before, gathered(*loop._state()))))
        return losses

    settings = config(tmp_path / "run", family="gan")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_step", watched)
        _, _, at = train(
            patch, splits, settings, lambda attempt, moved, _: attempt in (2, 3) and moved == 1
        )
    assert seen == [(ADVERSARIAL, [])]
    assert (at["skipped"], at["float32"]) == (1, False)
    assert "goes on in float32" not in capsys.readouterr().err


def test_a_run_that_is_rolled_back_does_not_return_to_bfloat16(
    tmp_path, splits, monkeypatch, capsys
):
    last = 2 + MAX_SKIPPED
    _, found, at = train(
        monkeypatch,
        splits,
        config(tmp_path / "run", steps=8),
        lambda attempt, _, mixed: mixed or 2 <= attempt < last,
    )
    assert (at["rollbacks"], at["float32"]) == (1, True)
    assert capsys.readouterr().err.count("goes on in float32") == 1
    assert all(bool(value.isfinite().all()) for value in found.values())


def test_bfloat16_is_chosen_where_it_is_fast_or_asked_for(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    for fast in (False, True):
        monkeypatch.setattr(precision, "_fast_bfloat16", lambda fast=fast: fast)
        assert precision.in_bfloat16("auto", cpu) is fast
        assert precision.in_bfloat16("auto", cuda)
        for device in (cpu, cuda):
            assert precision.in_bfloat16("bfloat16", device)
            assert not precision.in_bfloat16("float32", device)
    with pytest.raises(ConfigError, match="precision is 'half'; it is one of auto, float32, bfl"):
        precision.in_bfloat16("half", cpu)


def test_a_refused_bfloat16_is_not_used(tmp_path, splits, monkeypatch, capsys):
    monkeypatch.setattr(precision, "_fast_bfloat16", lambda: True)
    settings = config(tmp_path / "run", steps=1, precision="float32")
    _, _, at = train(monkeypatch, splits, settings, lambda attempt, moved, mixed: mixed)
    assert (at["skipped"], at["float32"]) == (0, False)
    assert "bfloat16" not in capsys.readouterr().err
