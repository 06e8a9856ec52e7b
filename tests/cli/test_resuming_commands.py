"""train: stopped by a signal, gone on with by the command that it said, and told what it was."""

import os
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest

from dgm_audio import cache_folder
from dgm_audio.cli.train import FAMILIES
from dgm_audio.families.vae.training import VAETask
from dgm_audio.registry import trainable
from dgm_audio.release import verdict
from dgm_audio.release.verdict import Heard
from dgm_audio.training import loop
from dgm_audio.training.run_folder import remembered, saved_progress

RATE = 8000


@pytest.fixture(autouse=True)
def small_and_at_home(monkeypatch, tmp_path):
    monkeypatch.setattr(VAETask, "width", 16)
    monkeypatch.setattr(cache_folder, "default_cache_dir", lambda: tmp_path / "cache")


@pytest.fixture
def recordings(record, tmp_path):
    """Ten sounds in a folder whose name a shell would take apart."""
    rng, time = np.random.default_rng(0), np.arange(2000) / RATE
    for index in range(10):
        sound = np.sin(2 * np.pi * rng.uniform(100, 900) * time) * np.exp(-20 * time)
        record(f"my sounds/{'abcdefghij'[index]}.wav", sound[None], RATE)
    return tmp_path / "my sounds"


def stop_at(patch, step, number):
    original = loop.Loop._step

    def stopped(self, share):
        if self.at.step == step - 1:
            os.kill(os.getpid(), number)
        return original(self, share)

    patch.setattr(loop.Loop, "_step", stopped)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_the_command_that_goes_on(dgm, recordings, monkeypatch, number):
    """What was set is remembered: the command needs the folders only."""
    words = ["--steps", 4, "--batch", 3, "--seed", 5, "--seconds", 0.2, "--device", "cpu"]
    words += ["--precision", "float32"]
    with monkeypatch.context() as patch:
        stop_at(patch, 2, number)
        result = dgm("train", recordings, *words, "--out", "a run")
    assert result.code == 128 + number and "play it" not in result.out
    *_, stopped, command = result.err.splitlines()
    assert stopped.startswith("stopped: step 2, 50 % of 4 steps, is saved in a run; ")
    assert command.startswith("go on: dgm-audio train '") and Path("a run/verdict.json").is_file()

    result = dgm(*shlex.split(command)[3:]).ok()
    assert "goes on at step 2, 50 % of 4 steps" in result.err
    assert "clips of 0.2" in result.out and "lower is better:" in result.out
    known = remembered(Path("a run"))
    assert [known[key] for key in ("steps", "batch", "seed", "family")] == [4, 3, 5, "vae"]
    assert saved_progress(Path("a run/state.safetensors"))["step"] == 4


def test_a_resumed_run_may_be_enlarged_but_not_changed(dgm, recordings):
    words = [
        "--steps",
        2,
        "--batch",
        3,
        "--precision",
        "float32",
        "--device",
        "cpu",
        "--out",
        "run",
    ]
    dgm("train", recordings, *words).ok()
    for flag, given, begun in (
        ("--family", "gan", "vae"),
        ("--batch", 4, 3),
        ("--start", "old", "none"),
        ("--seed", 1, 0),
        ("--sample-rate", 4000, "16000"),
        ("--seconds", 0.1, "0.2"),
    ):
        result = dgm("train", recordings, "--out", "run", "--resume", flag, given)
        result.failed(f"{flag} is {given}", f"begun with {begun}")  # one line: no file was read
    used = "made 2 steps", "uses up"
    dgm("train", recordings, "--out", "run", "--resume", "--steps", 1).failed(*used, "1 steps")
    result = dgm("train", recordings, "--resume", *words[2:], "--seed", 0, "--steps", 3).ok()
    assert "goes on at step 2, 67 % of 3 steps" in result.err
    assert remembered(Path("run"))["steps"] == 3
    result = dgm("train", recordings, "--out", "run", "--resume", "--steps", 3).ok()
    assert "3 steps are used up at step 3" in result.err and "lower is better:" in result.out


def test_a_useless_model_is_a_failure_and_is_not_played(dgm, recordings, monkeypatch):
    monkeypatch.setattr(verdict, "listen", lambda model, clips: Heard(1.0, 0.4))
    words = ["--steps", 1, "--batch", 2, "--out", "run", "--device", "cpu"]
    result = dgm("train", recordings, *words)
    assert result.code == 1
    assert "the model is of no use: it is noise at full scale" in result.out
    assert result.err.splitlines()[-1].startswith("dgm-audio: error: the model in run is of no")
    assert "dgm-audio sample" not in result.out and Path("run/model").is_dir()


def test_the_help_lists_every_family_that_can_be_trained(dgm):
    assert list(FAMILIES) == trainable()
    text = " ".join(dgm("train", "--help").out.replace("│", " ").split())
    assert f"Kind of model: {', '.join(FAMILIES)}, or that of a plugin; by default vae." in text
