"""A run that is killed, told to stop, or finds the disk full: its last complete state stands."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import dgm_audio
from dgm_audio import atomic
from dgm_audio.errors import TrainingError
from dgm_audio.shipped import load
from dgm_audio.training import loop as loop_module
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state

KILLER = """
    import os, random, signal, sys, time
    from pathlib import Path
    import torch
    from dgm_audio.training.run_folder import RunFolder, load_state
    torch.set_num_threads(1)

    def save(step):
        run.save_state({"a": torch.full((50_000,), float(step))}, {"step": step})

    run = RunFolder(Path(sys.argv[1]), resume=False)
    start = time.monotonic()
    for step in range(4):
        save(step)
    seconds = (time.monotonic() - start) / 4
    rng, seen = random.Random(0), []
    for _ in range(100):
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child whose parent is gone
            while True:
                step += 1
                save(step)
        time.sleep(rng.uniform(0, 1.5 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        tensors, at = load_state(run.state_path)
        assert bool((tensors["a"] == at["step"]).all())
        idle = bool(seen) and at["step"] == seen[-1]
        seconds *= 1.1 if idle else 1 / 1.2  # a busy machine's children get time to save, too
        seen.append(at["step"])
    run.close()
    RunFolder(run.path, resume=True).close()
    print(len(seen), len(set(seen)))
"""


@pytest.mark.fault(19)
def test_a_state_killed_while_it_is_written_is_the_old_or_the_new_one(tmp_path, figure):
    """One hundred times: a process that saves a state again and again is killed."""
    environment = os.environ | {"PYTHONPATH": str(Path(dgm_audio.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(KILLER), str(tmp_path / "run")],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    survived, states = map(int, done.stdout.split())
    assert survived == 100 and states > 1, "the children did save"
    figure("kills survived", survived, "of 100")


def config(out, **changes):
    return replace(TrainConfig(out=out, steps=6, batch=4, evaluations=2), **changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


def at_step(patch, step, act):
    """Do something in the middle of a step of the loop."""
    original = loop_module.Loop._step

    def acting(loop, share):
        if loop.at.step == step - 1:
            act()
        return original(loop, share)

    patch.setattr(loop_module.Loop, "_step", acting)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.fault(21)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_at_the_next_step_and_ends_with_its_code(
    tmp_path, splits, monkeypatch, number, code
):
    handler = signal.getsignal(number)
    at_step(monkeypatch, 3, lambda: send(number))
    with pytest.raises(SystemExit) as ended:
        fit(splits, config(tmp_path / "run"), numbers)
    assert ended.value.code == code
    _, at = load_state(tmp_path / "run" / "state.safetensors")
    assert at["step"] == 3
    assert signal.getsignal(number) is handler


@pytest.mark.fault(21)
def test_a_second_signal_stops_at_once(tmp_path, splits, monkeypatch, figure):
    def endless():
        send(signal.SIGINT)
        start.append(time.monotonic())
        send(signal.SIGTERM)
        time.sleep(20)

    start = []
    at_step(monkeypatch, 3, endless)
    with pytest.raises(SystemExit) as ended:
        fit(splits, config(tmp_path / "run"), numbers)
    took = time.monotonic() - start[0]
    figure("stopped after", took, "s")
    assert ended.value.code == 143 and took < 5
    _, at = load_state(tmp_path / "run" / "state.safetensors")
    assert at["step"] == 0, "what was saved earlier"


@pytest.mark.fault(20)
def test_a_disk_that_is_full_in_the_middle_ends_the_run_and_loses_nothing(
    tmp_path, splits, monkeypatch
):
    """Also not the best model so far; with room again, the run goes on from where it was saved."""

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(TrainingError) as told:
        at_step(patch, 5, lambda: patch.setattr(atomic.os, "fsync", full))
        fit(splits, config(tmp_path / "run"), numbers)
    assert "No space left on device" in str(told.value) and "\n" not in str(told.value)
    run = tmp_path / "run"
    assert not [path.name for path in run.rglob("*") if path.name.startswith(".")]
    tensors, at = load_state(run / "state.safetensors")
    assert at["step"] == 3 and all(bool(value.isfinite().all()) for value in tensors.values())
    kept = load(str(run / "model"), device="cpu").sample(1, seed=0)
    fit(splits, config(run, resume=True), numbers)
    assert load_state(run / "state.safetensors")[1]["step"] == 6
    assert kept.shape == load(str(run / "model"), device="cpu").sample(1, seed=0).shape
    assert bool(torch.isfinite(kept).all())
