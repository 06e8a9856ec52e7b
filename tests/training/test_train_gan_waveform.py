"""The waveform GAN learns codes, plays from its prior, and goes on as if it had not stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dgm_audio.data import ClipSet
from dgm_audio.registry import load
from dgm_audio.training import loop as loop_module
from dgm_audio.training import monitor
from dgm_audio.training.gan_waveform import WaveformTask, first_codes
from dgm_audio.training.run import TrainConfig, fit
from dgm_audio.training.run_folder import load_state


@pytest.fixture(autouse=True)
def small_waveform_models(monkeypatch):
    monkeypatch.setattr(WaveformTask, "widths", (32, 32, 16))
    monkeypatch.setattr(WaveformTask, "blocks", (1, 1, 1))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def config(out, **changes):
    settings = TrainConfig(out=out, family="gan-waveform", steps=8, batch=4, evaluations=2)
    return replace(settings, precision="float32", **changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


def test_first_codes_are_near_for_near_sounds(splits):
    """Tones to tones and noise to noise; unit variance; no more components than there are."""
    clips = splits.train
    codes = first_codes(clips, 8)
    assert float(codes.square().mean()) == pytest.approx(1, abs=1e-4)
    distances = torch.cdist(codes, codes).fill_diagonal_(torch.inf)
    nearest = distances.argmin(1).numpy()
    assert np.mean(clips.labels[nearest] == clips.labels) > 0.9
    assert first_codes(clips.subset([0, 1]), 8).shape == (2, 8)


def test_codes_are_learned_by_heart_before_the_game(tmp_path, splits, monkeypatch):
    few = replace(splits, train=splits.train.subset([0, 1, 2, 3]))
    monkeypatch.setattr(monitor, "LOG_SECONDS", 0.0)  # a line per step
    fit(few, config(tmp_path / "run", steps=150, rate=3e-3, evaluations=1), numbers)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    start = [line for line in log if "energy" in line and "adversarial" not in line]
    assert 65 <= len(start) <= 85  # half of the budget
    assert start[-1]["energy"] < 0.5 * start[0]["energy"]
    model = load(str(tmp_path / "run" / "model"), device="cpu")
    x = model.sample(3, seed=0)
    assert x.shape == (3, 1, 4096) and float(x.abs().max()) > 1e-3


def test_the_prior_is_fitted_to_the_codes_when_the_game_begins(splits):
    task = WaveformTask(splits.train, mixed=False)
    objective, clips = task.objective, splits.train
    objective.rows = np.arange(4)
    x, labels = clips.tensor(objective.rows), torch.as_tensor(clips.labels[:4])
    objective(x, labels, 0.1)
    assert not bool(objective.game_began)
    losses = objective(x, labels, 0.5)
    assert bool(objective.game_began)
    assert losses.fake is not None and len(losses.fake) == 4
    z = objective.generator.latent_of_code(objective.codes.detach(), torch.as_tensor(clips.labels))
    assert float(z.mean(0).abs().max()) < 1e-3
    # codes keep learning, since some of the sounds are reconstructed in the game as well
    losses.terms["energy"].backward()
    touched = objective.slow_codes.grad.abs().sum(1) > 0
    assert touched.tolist() == [True] + [False] * (len(clips) - 1)


@pytest.mark.fault(22)
def test_resuming_equals_not_having_stopped(tmp_path, splits, monkeypatch):
    """Bit-equal, the codes and their optimizer's memory among them; one stop in each phase."""
    fit(splits, config(tmp_path / "whole"), numbers)
    halted, original = config(tmp_path / "parts"), loop_module.Loop._step
    for stop_at in (2, 6):

        def step(loop, share, stop_at=stop_at):
            if loop.at.step == stop_at:
                loop.stop_signal = 2
            return original(loop, share)

        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(loop_module.Loop, "_step", step)
            fit(splits, halted, numbers)
        halted = replace(halted, resume=True)
    fit(splits, halted, numbers)
    whole, _ = load_state(tmp_path / "whole" / "state.safetensors")
    parts, _ = load_state(tmp_path / "parts" / "state.safetensors")
    assert "objective/slow_codes" in whole and whole.keys() == parts.keys()
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []


def test_from_a_start_the_codes_of_these_clips_are_learned_before_the_game(splits):
    start = WaveformTask(splits.train, mixed=False).objective.generator
    again = WaveformTask(splits.train, mixed=False, start=start).objective
    again.rows = np.arange(4)
    x, labels = splits.train.tensor(again.rows), torch.as_tensor(splits.train.labels[:4])
    assert again(x, labels, 0.05).fake is None or len(again(x, labels, 0.05).fake) == 0
    assert len(again(x, labels, 0.15).fake) == 4


def test_first_codes_see_the_whole_sound():
    """A burst wherever it is: windows leave no gap."""
    audio = np.zeros((12, 1, 8192), dtype=np.float32)
    for index in range(12):
        audio[index, 0, 100 + 160 * index : 140 + 160 * index] = 0.9
    codes = first_codes(ClipSet.from_arrays(audio, 8000), 4)
    away = torch.cdist(codes, codes) + 9 * torch.eye(12)
    assert float(away.min()) > 1e-3
