"""Training a flow: what is scored, and that it learns."""

import math

import pytest
import torch

from dgm_audio.families.flow.flow import FlowConfig, PredictiveFlow
from dgm_audio.signal.mel import MelSpec
from dgm_audio.training import flow as training
from dgm_audio.training.flow import FlowObjective

SIZES = {"group": 8, "width": 16, "skip": 16, "depth": 3, "hidden": 16, "predictor": 32}
VOCODER = {"mel": MelSpec(16000, n_fft=256, hop=64, n_mels=20), "clock": False, "envelope": 12}


def objective(**settings) -> FlowObjective:
    torch.manual_seed(0)
    model = PredictiveFlow(FlowConfig(**(SIZES | {"length": 4096} | settings)))
    return FlowObjective(model, mixed=False)


def tones(batch: int, length: int = 4096) -> torch.Tensor:
    t = torch.arange(length) / 16000
    pitches = 200 * (1 + torch.arange(batch))[:, None]
    return (0.3 * torch.sin(2 * math.pi * pitches * t).sign() * 0.5)[:, None]


def test_the_loss_of_a_whole_clip_is_minus_its_log_prob(monkeypatch):
    monkeypatch.setattr("dgm_audio.training.autoregressive.ASTRAY", 0.0)
    monkeypatch.setattr(training, "starts", lambda x, *_: torch.zeros(len(x), dtype=torch.long))
    monkeypatch.setattr(training, "STEP", 0.0)
    task, x = objective(classes=("a", "b")), tones(2)
    labels = torch.tensor([0, 1])
    found = task(x, labels, 0.0)
    silence = torch.nn.functional.pad(x, (0, training.LEAD))
    with torch.no_grad():
        nats = -task.generator.log_prob(silence, {"class": labels}).mean() / silence.shape[2]
    loss = found.terms["negative_log_likelihood"]
    torch.testing.assert_close(loss, nats, atol=1e-3, rtol=0)
    assert found.report["bits_per_sample"] == pytest.approx(
        float(nats) / math.log(2) + 15, abs=0.01
    )


def test_crops_of_a_vocoder_have_levels_and_their_first_samples_do_not_count():
    x = 0.5 * torch.ones(200, 32768)
    torch.manual_seed(0)
    audio, first, scored = training._voiced(x, 8192)
    assert audio.shape == scored.shape == (200, 2048 + 8192 + 512)
    assert not first.any()
    level = audio[:, 0] / 0.5
    assert 0.4 < float((level == 1).float().mean()) < 0.6
    assert 10 ** (-30 / 20) <= float(level.min()) < 0.05
    assert set(scored.sum(1).tolist()) <= {8192, 2048 + 8192}
    assert not scored[:, -512:].any()
    assert float((~scored[:, :2048].any(1)).float().mean()) > 0.9


@pytest.mark.parametrize("settings", [{"classes": ("a", "b")}, VOCODER])
def test_it_learns(settings, monkeypatch):
    """Forty steps: whole clips then need at least 0.2 bits fewer."""
    monkeypatch.setattr(training, "CROP", 1024)
    task, x, labels = objective(**settings), tones(2), torch.tensor([0, 1])
    model = task.generator
    noisy = x + training.STEP * (torch.rand(x.shape) - 0.5)

    @torch.no_grad()
    def bits() -> float:
        given = {"mel": model.mel(noisy)} if model.front else {"class": labels}
        nats = -model.log_prob(noisy, given).mean() / x.shape[2]
        return float(nats) / math.log(2)

    before = bits()
    optimizer = torch.optim.Adam(task.parameters(), 3e-3)
    for _ in range(40):
        losses = task(x, labels, 0.0)
        optimizer.zero_grad()
        losses.terms["negative_log_likelihood"].backward()
        optimizer.step()
    assert bits() < before - 0.2
