"""Clips of silence, of an offset, of nothing but clipping: every family's losses stay finite."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from speaking import small_vocoder

from dgm_audio.data import ClipSet, Splits
from dgm_audio.families.autoregressive.training import AutoregressiveTask
from dgm_audio.families.flow import training as flow
from dgm_audio.families.flow.model import FlowConfig
from dgm_audio.families.flow_matching import training as speech
from dgm_audio.families.spectrogram_training import SpectrogramTask
from dgm_audio.families.vae_stream import training as vae_stream
from dgm_audio.families.vae_stream.model import StreamConfig
from dgm_audio.families.vae_stream.training import StreamTask
from dgm_audio.registry import trainable
from dgm_audio.training import monitor, run
from dgm_audio.training.config import TrainConfig
from dgm_audio.training.run import fit
from dgm_audio.training.run_folder import load_state

STEPS = 4


def stream_config(task, clips):
    sizes = {"n_fft": 512, "hop": 128, "width": 16, "latent": 4, "prior": 8}
    blocks = {"encoder": (1, 1), "decoder": (1, 1)}
    return StreamConfig(clips.sample_rate, 1, clips.audio.shape[2], **sizes, **blocks)


def speech_config(*given, usual=speech.config_for):
    return replace(usual(*given), width=16, blocks=1, style=8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(speech, "config_for", speech_config)
    monkeypatch.setattr(run, "load", lambda name, device: small_vocoder())
    monkeypatch.setattr(SpectrogramTask, "width", 16)
    monkeypatch.setattr(AutoregressiveTask, "width", 16)
    monkeypatch.setattr(AutoregressiveTask, "depth", 4)
    monkeypatch.setattr(StreamTask, "config_for", stream_config)
    monkeypatch.setattr(vae_stream, "PIECE", 12)
    monkeypatch.setattr(vae_stream, "WINDOWS", (1024,))
    monkeypatch.setattr(vae_stream, "BAND_WINDOWS", (128,))
    monkeypatch.setattr(
        flow, "FlowConfig", lambda *given: FlowConfig(*given, width=16, blocks=1, iterations=1)
    )
    bfloat16 = "_is_avx512_bf16_supported"  # of pieces this short it makes NaN
    monkeypatch.setattr(torch.cpu, bfloat16, lambda: False, raising=False)
    monkeypatch.setattr(monitor, "LOG_SECONDS", 0.0)  # a line per step
    monkeypatch.setattr(monitor, "SOUNDS", 1)


@pytest.fixture(scope="module")
def odd():
    """Four clips, all in each batch: silence, an offset, clipping, one sample."""
    audio = np.zeros((4, 1, 8192), np.float32)
    audio[1] = 0.5
    audio[2, 0] = np.sign(np.sin(0.1 * np.arange(8192)) + 1e-9)
    audio[3, 0, 0] = 1.0
    said = {"texts": ["uno", "dos", "tres", "no"], "languages": ["es"] * 4, "voices": ["bo"] * 4}
    clips = ClipSet.from_arrays(audio, 8000, **said)
    return Splits(clips, *3 * [clips.subset([])])


@pytest.mark.fault(8)
@pytest.mark.parametrize("family", sorted(trainable()))
def test_losses_stay_finite(tmp_path, odd, family):
    config = TrainConfig(out=tmp_path / "run", family=family, steps=STEPS, batch=4, evaluations=1)
    fit(odd, config, lambda model: 0.0)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    steps = [line for line in log if "skipped" in line]
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    for line in steps:
        assert line["skipped"] == 0
        assert all(math.isfinite(value) for value in line.values() if isinstance(value, float))
    tensors, at = load_state(tmp_path / "run" / "state.safetensors")
    assert at["skipped"] == 0
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values())
