"""Training a flow: what is scored, and that it learns."""

import math

import pytest
import torch

from dgm_audio.families.flow import training as training
from dgm_audio.families.flow.model import FlowConfig, InversionFlow
from dgm_audio.families.flow.training import VocoderObjective
from dgm_audio.signal.mel import MelSpec

MEL = MelSpec(16000, n_fft=256, hop=64, n_mels=20)
SIZES = {"mel": MEL, "length": 4096, "width": 32, "blocks": 1, "ahead": 4, "iterations": 3}


def objective() -> VocoderObjective:
    torch.manual_seed(0)
    return VocoderObjective(InversionFlow(FlowConfig(**SIZES)), mixed=False)


def tones(batch: int, length: int = 4096) -> torch.Tensor:
    t = torch.arange(length) / 16000
    pitches = 200 * (1 + torch.arange(batch))[:, None]
    return (0.3 * torch.sin(2 * math.pi * pitches * t).sign() * 0.5)[:, None]


def test_the_likelihood_of_first_hops_is_that_of_log_prob(monkeypatch):
    """If the power of the latents is taken to be 1, as in training."""
    monkeypatch.setattr(training, "STEP", 0.0)
    monkeypatch.setattr(training, "scored_hops", lambda count: (0, slice(0, 20)))
    monkeypatch.setattr(training, "crops", lambda x: x)
    monkeypatch.setattr("dgm_audio.families.flow.model.MEMORY", math.inf)
    task, x, labels = objective(), tones(2), torch.tensor([0, 1])
    found = task(x, labels, 0.0)
    model = task.generator
    given = {"mel": model.mel(x)}
    parsed = model.requires_grad_(False).condition.parse(given, 2)
    steps = list(model.steps(parsed, 21 * 64, x=x[:, 0, : 21 * 64]))[1:20]
    nats = [0.5 * s.z.square() + 0.5 * math.log(2 * math.pi) + s.slope.log() for s in steps]
    expected = torch.stack(nats).mean()
    loss = found.terms["negative_log_likelihood"]
    assert float(loss.detach()) == pytest.approx(float(expected), abs=1e-2, rel=1e-5)
    assert found.report["bits_per_sample"] == pytest.approx(
        float(expected) / math.log(2) + 15, 0.01
    )


@pytest.mark.parametrize("length", [1, 64, 1000, 1024])
def test_clips_may_be_short_and_of_any_length(length):
    terms = objective()(tones(2, length), torch.zeros(2), 0.0).terms
    assert all(bool(term.isfinite()) for term in terms.values())


def test_crops_have_levels():
    torch.manual_seed(0)
    level = training.crops(0.5 * torch.ones(200, 32768))[:, 0] / 0.5
    assert 0.4 < float((level == 1).float().mean()) < 0.6
    assert 10 ** (-30 / 20) <= float(level.min()) < 0.05


def test_scored_hops_lie_within_the_sound():
    torch.manual_seed(0)
    found = [training.scored_hops(64) for _ in range(200)]
    assert all(0 <= first <= 44 and hops == slice(first, first + 20) for first, hops in found)
    assert 70 < sum(first == 0 for first, _ in found) < 130
    assert training.scored_hops(5)[0] == 0


def test_distances_are_zero_for_what_is_wanted_only():
    wanted = torch.rand(2, 5, 9)
    log, root = training.distances(wanted, wanted)
    assert float(log) == float(root) == 0
    log, root = training.distances(2 * wanted, wanted)
    assert float(log) == pytest.approx(math.log(2), abs=0.02)
    assert float(root) == pytest.approx((math.sqrt(2) - 1) ** 2, abs=0.01)


def test_it_learns():
    """Sixty steps: every term is smaller then, and whole clips need a bit fewer per sample."""
    task, x, labels = objective(), tones(2), torch.tensor([0, 1])
    model = task.generator
    noisy = x + training.STEP * (torch.rand(x.shape) - 0.5)

    @torch.no_grad()
    def bits() -> float:
        given = {"mel": model.mel(noisy)}
        return -float(model.log_prob(noisy, given).mean()) / x.shape[2] / math.log(2)

    before, first, losses = bits(), None, None
    optimizer = torch.optim.Adam(task.parameters(), 3e-3)
    for _ in range(60):
        terms = task(x, labels, 0.0).terms
        losses = {name: float(term.detach()) for name, term in terms.items()}
        first = first or losses
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    assert bits() < before - 0.5
    for name in first.keys() - {"negative_log_likelihood"}:
        assert losses[name] < 0.8 * first[name]
