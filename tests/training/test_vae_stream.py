"""Training a stream: its phases, what each of them learns, and that a stop changes nothing."""

import json
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from dgm_audio.data import ClipSet, Splits
from dgm_audio.families.vae_stream import training as vae_stream
from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE
from dgm_audio.families.vae_stream.training import (
    ADVERSARIAL_START,
    PRIOR_START,
    SOUND_START,
    StreamObjective,
    StreamTask,
)
from dgm_audio.shipped import load
from dgm_audio.training import monitor
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.loop import Loop
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state

RATE, LENGTH, STEPS = 8000, 8192, 10


def config_for(task, clips):
    return StreamConfig(
        sample_rate=clips.sample_rate,
        channels=clips.audio.shape[1],
        length=clips.audio.shape[2],
        n_fft=512,
        hop=128,
        width=16,
        latent=4,
        prior=8,
        encoder=(1, 1),
        decoder=(1, 1),
    )


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(StreamTask, "config_for", config_for)
    monkeypatch.setattr(vae_stream, "PIECE", 12)
    monkeypatch.setattr(vae_stream, "WINDOWS", (1024, 256))
    monkeypatch.setattr(vae_stream, "BAND_WINDOWS", (128,))
    monkeypatch.setattr(monitor, "LOG_SECONDS", 0.0)  # a line per step
    monkeypatch.setattr(monitor, "SOUNDS", 1)


@pytest.fixture(scope="module")
def clips():
    """Chords in stereo that are struck twice a second, and each their own."""
    rng, time = np.random.default_rng(0), np.arange(LENGTH) / RATE
    sounds = []
    for _ in range(8):
        tones = np.sin(2 * np.pi * rng.uniform(100, 2000, (6, 1)) * time) * np.exp(
            -6 * (time % 0.5)
        )
        sounds.append(0.1 * np.stack([tones[:4].sum(0), tones[2:].sum(0)]))
    return ClipSet.from_arrays(np.stack(sounds), RATE)


@pytest.fixture
def splits(clips):
    return Splits(clips, *3 * [clips.subset([])])


def config(out, **changes):
    """In float32: in bfloat16 pieces this short may give NaN, which other tests look at."""
    settings = {"family": "vae-stream", "steps": STEPS, "batch": 2, "evaluations": 2}
    settings["precision"] = "float32"
    return TrainConfig(out=out, **settings | changes)


def numbers(model):
    """A stand-in for the validation metric that costs nothing."""
    return float(next(model.parameters()).detach().abs().sum())


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@contextmanager
def stopped_after(monkeypatch, step):
    """As by Ctrl-C in the middle of that step."""
    original = Loop._step

    def stopping(loop, share):
        if loop.at.step == step - 1:
            loop.stop_signal = signal.SIGINT
        return original(loop, share)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Loop, "_step", stopping)
        yield


def test_each_phase_has_its_terms(tmp_path, splits):
    fit(splits, config(tmp_path / "run"), numbers)
    for line in (line for line in read_log(tmp_path / "run") if "loss" in line):
        share = (line["step"] - 1) / STEPS
        assert ("adversarial" in line) == (ADVERSARIAL_START <= share < PRIOR_START)
        assert ("levels" in line) == ("kl" in line) == (share < PRIOR_START)
        assert ("energy" in line) == ("band_energy" in line) == (SOUND_START <= share < PRIOR_START)
        assert "prior" in line and line["skipped"] == 0


@pytest.mark.fault(22)
def test_resuming_equals_not_having_stopped(tmp_path, splits, monkeypatch):
    """Bit-equal weights, average, optimizers; a stop in every phase, and where they begin."""
    fit(splits, config(tmp_path / "whole"), numbers)
    halted = config(tmp_path / "parts")
    for step in (2, 5, 6, 8, 9):
        with stopped_after(monkeypatch, step):
            fit(splits, halted, numbers)
        halted = replace(halted, resume=True)
    fit(splits, halted, numbers)
    whole, at = load_state(tmp_path / "whole" / "state.safetensors")
    parts, also_at = load_state(tmp_path / "parts" / "state.safetensors")
    assert whole.keys() == parts.keys()
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
    assert at["best"] == also_at["best"] and at["step"] == also_at["step"] == STEPS


def test_at_last_only_the_prior_learns(tmp_path, splits, monkeypatch):
    begun = config(tmp_path / "run")
    with stopped_after(monkeypatch, int(PRIOR_START * STEPS)):
        fit(splits, begun, numbers)
    before, _ = load_state(tmp_path / "run" / "state.safetensors")
    fit(splits, replace(begun, resume=True), numbers)
    after, _ = load_state(tmp_path / "run" / "state.safetensors")
    weights = [key for key in before if key.startswith("generator/") and "." in key]
    moved = {key.split("/")[1].split(".")[0] for key in weights if differ(before, after, key)}
    assert moved == {"prior"}


def differ(before, after, key):
    return not torch.equal(before[key], after[key])


def test_training_lowers_every_loss(tmp_path, splits):
    fit(splits, config(tmp_path / "run", steps=100, batch=8, evaluations=1, rate=1e-2), numbers)
    log = [line for line in read_log(tmp_path / "run") if "loss" in line]
    pieces, stretches = log[: int(100 * PRIOR_START)], log[int(100 * PRIOR_START) :]
    for term, lines in (
        ("levels", pieces),
        ("energy", pieces),
        ("band_energy", pieces),
        ("prior", stretches),
    ):
        values = [line[term] for line in lines if term in line]
        assert np.mean(values[-5:]) < 0.95 * np.mean(values[:3]), term


def test_evaluations_keep_a_settled_model(tmp_path, splits):
    folder = fit(splits, config(tmp_path / "run"), numbers)
    judged = [line for line in read_log(tmp_path / "run") if "validation_metric" in line]
    assert [line["step"] for line in judged] == [5, 10]
    model = load(str(folder), device="cpu")
    assert isinstance(model, StreamVAE)
    x = model.sample(2, seed=0)
    assert x.shape == (2, 2, LENGTH) and x.isfinite().all() and float(x.abs().max()) > 0
    assert torch.allclose(model.axes @ model.axes.T, torch.eye(4), atol=1e-2)
    assert not torch.equal(model.axes, torch.eye(4))
    assert (model.spread.diff() <= 0).all() and (model.certainty >= 0).all()
    assert (model.log_scale != 0).all()


def test_it_learns_all_classes_as_one_and_says_so(clips, capsys):
    labelled = ClipSet.from_arrays(clips.audio[:], RATE, labels=["a", "b"] * 4)
    task = StreamTask(labelled, mixed=False)
    assert task.objective.generator.condition.fields == {}
    assert "all 2 classes as one" in capsys.readouterr().err


def test_codes_are_drawn_from_the_posterior(clips, monkeypatch):
    """Those that are decoded, those that the prior learns from, and those of its last part."""
    objective = StreamTask(clips, mixed=False).objective
    model, mean, sigma, decoded = objective.generator, 2.0, 0.5, []
    moments = torch.full((8, 4, 60), mean), torch.full((8, 4, 60), 2 * np.log(sigma))
    count = vae_stream.PIECE + model.delay
    objective.rows = np.arange(8)

    def controls(code, history):
        decoded.append(code.detach())
        return StreamVAE.controls(model, code, history)

    def prior_loss(code):
        decoded.append(code.detach())
        return StreamObjective.prior_loss(objective, code)

    with monkeypatch.context() as patch:
        some = tuple(m[:, :, :count] for m in moments)
        patch.setattr(model, "encode_with_history", lambda x, history: some)
        patch.setattr(model, "posterior", lambda x: tuple(m[:1] for m in moments))
        patch.setattr(model, "controls", controls)
        patch.setattr(objective, "prior_loss", prior_loss)
        x = clips.tensor(range(8))
        losses = objective(x, torch.zeros(8), 0.1)
        objective(x, torch.zeros(8), PRIOR_START)
    reconstructed, learned, stretches = decoded
    assert torch.equal(reconstructed, learned)
    for code in (reconstructed, stretches):
        assert float(code.mean()) == pytest.approx(mean, abs=0.1)
        assert float(code.std()) == pytest.approx(sigma, rel=0.15)
        assert float(code.std(0).min()) > 0 and float(code.std(2).min()) > 0
    kl = 4 * kl_divergence(Normal(mean, sigma), Normal(0.0, 1.0))
    assert losses.report["kl_nats"] == pytest.approx(float(kl), rel=1e-4)


@pytest.mark.parametrize(("rate", "hop"), [(16000, 256), (24000, 256), (44100, 512), (48000, 512)])
def test_rate_and_channels_are_those_of_the_recordings(monkeypatch, rate, hop):
    monkeypatch.undo()
    for channels in (1, 2):
        clips = ClipSet.from_arrays(np.zeros((1, channels, 4096)), rate)
        found = StreamTask.config_for(object.__new__(StreamTask), clips)
        assert (found.sample_rate, found.channels, found.length) == (rate, channels, 4096)
        assert (found.hop, found.n_fft) == (hop, 4 * hop)


def test_a_trained_model_is_a_start_that_skips_the_warm_up(tmp_path, splits):
    first = fit(splits, config(tmp_path / "first"), numbers)
    fit(splits, config(tmp_path / "second", steps=2, start=str(first)), numbers)
    log = [line for line in read_log(tmp_path / "second") if "loss" in line]
    assert "adversarial" in log[0]


def test_the_linear_parts_stay_from_a_trained_start_too(clips):
    first = StreamTask(clips, mixed=False)
    again = StreamTask(clips, mixed=False, start=first.objective.generator)
    for task in (first, again):
        model = task.objective.generator
        lines = (model.encoder.line.weight, model.decoder.line.weight)
        assert not any(line.requires_grad for line in lines)
        assert model.encoder.embed.weight.requires_grad


@pytest.mark.parametrize("loud", [0.0, 0.1])
def test_silence_and_a_single_tone_make_a_start_that_is_tame(loud):
    tone = loud * np.sin(2 * np.pi * 440 * np.arange(LENGTH) / RATE)
    still = ClipSet.from_arrays(np.tile(tone, (4, 2, 1)), RATE)
    model = StreamTask(still, mixed=False).objective.generator
    with torch.no_grad():
        made = model.eval().decode(model.encode(still.tensor([0])))  # refuses latents beyond 1e6
    assert bool(torch.isfinite(made).all())
