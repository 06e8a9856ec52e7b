"""Training a WaveNet: what is scored, perturbed contexts, and that it learns."""

import math
from dataclasses import replace

import pytest
import torch

from dgm_audio.data import ClipSet
from dgm_audio.families.autoregressive import training as autoregressive
from dgm_audio.families.autoregressive.distribution import log_probability
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.autoregressive.training import (
    LEAD,
    AutoregressiveObjective,
    AutoregressiveTask,
    _noisy,
    best_order,
    perturbed_context,
)

SMALL = WaveNetConfig(
    width=16, skip=16, depth=4, frame=16, length=1024, classes=("a", "b"), output="logistics"
)


@pytest.fixture
def objective(monkeypatch):
    monkeypatch.setattr(autoregressive, "CROP", 256)
    monkeypatch.setattr(autoregressive, "CONTEXT", 64)
    torch.manual_seed(0)
    return AutoregressiveObjective(WaveNet(SMALL), mixed=False)


def tones(batch=4, length=1024):
    t = torch.arange(length) / 16000
    return torch.stack([0.5 * torch.sin(2 * math.pi * 300 * (i + 1) * t) for i in range(batch)])[
        :, None
    ]


def test_without_noise_the_loss_of_a_whole_clip_is_minus_its_log_prob(objective, monkeypatch):
    monkeypatch.setattr(autoregressive, "CROP", 1024)
    monkeypatch.setattr(autoregressive, "NOISE", 0.0)
    monkeypatch.setattr(autoregressive, "PERTURBED", 0.0)
    x, labels = tones(), torch.tensor([0, 1, 0, 1])
    losses = objective(x, labels, 0.0)
    nats = -objective.generator.log_prob(x, {"class": labels}).detach().mean() / 1024
    torch.testing.assert_close(losses.terms["negative_log_likelihood"], nats, atol=2e-3, rtol=0)
    assert losses.report["bits_per_sample"] == pytest.approx(float(nats) / math.log(2), abs=3e-3)


def test_crops_begin_at_the_start_or_anywhere_in_the_sound(objective):
    x = tones(400)
    x[:, :, 700:] = 0
    starts = autoregressive.starts(x[:, 0], 256, 16) * 16
    assert 0.4 < float((starts == 0).float().mean()) < 0.65
    within = starts <= 700 + 64 - 256
    assert 0.01 < float((~within).float().mean()) < 0.1
    assert int(starts.max()) <= 1024 - 256
    assert len(starts[within].unique()) > 20


def test_a_crop_with_a_perturbed_context_returns_to_itself(monkeypatch):
    monkeypatch.setattr(autoregressive, "PERTURBED", 1.0)
    torch.manual_seed(0)
    x = 0.01 * torch.rand(256, 4096 + LEAD)
    own_samples = 0.02 * torch.rand(256, 4096 + LEAD)
    within = torch.arange(256)[:, None] % 2 == 0
    lead = torch.where(within, LEAD, 0)
    mixed, unscored = perturbed_context(x, lead, own_samples)
    assert torch.equal(mixed[:, -1024:], x[:, -1024:])
    assert 1024 <= int(unscored[within].min()) < int(unscored[within].max()) <= 2048
    assert 16 <= int(unscored[~within].min()) < 64 < int(unscored[~within].max()) <= 2048
    gain = mixed[:, :16] / own_samples[:, :16]
    from_model = (gain.amax(1) / gain.amin(1).clamp_min(1e-9) < 1.001) & (gain.amin(1) > 0)
    assert 90 < int(from_model.sum()) < 166
    level = (mixed[:, :16].square().mean(1) / x.square().mean(1)).sqrt()
    silent = level == 0
    assert 10 < int(silent.sum()) < 40 and not silent[within[:, 0]].any()
    assert float(level[~silent].min()) > 0.5  # nothing rises to the true level, but from silence
    assert int((level > 3).sum()) > 40
    for row in from_model.nonzero()[:, 0]:  # at the first scored sample the fade has only begun
        place = int(unscored[row] + lead[row])
        before, after = mixed[row, place - 16 : place], x[row, place - 16 : place]
        assert not torch.equal(before, after)


def test_some_contexts_are_perturbed_and_the_other_crops_stay_as_they_are():
    torch.manual_seed(0)
    x = torch.rand(400, 2048 + LEAD) - 0.5
    mixed, unscored = perturbed_context(x, torch.zeros(400, 1, dtype=torch.long), x.flip(1))
    went = (mixed != x).any(1)
    assert 0.3 < float(went.float().mean()) < 0.5
    assert not unscored[~went].any()


def test_a_crop_from_within_is_scored_as_within_its_clip(objective, monkeypatch):
    monkeypatch.setattr(autoregressive, "NOISE", 0.0)
    monkeypatch.setattr(autoregressive, "PERTURBED", 0.0)
    monkeypatch.setattr(autoregressive, "starts", lambda *_: torch.full((4,), 20))
    model, x, labels = objective.generator, tones(), torch.tensor([0, 1, 0, 1])
    symbols, scored = model.symbols(x), slice(320 + 64, 320 + 256)
    masses = model.log_masses(model.step_inputs(symbols), {"class": labels}, scored)
    nats = -log_probability(masses, symbols[:, scored]).mean()
    found = objective(x, labels, 0.0).terms["negative_log_likelihood"]
    torch.testing.assert_close(found, nats, atol=2e-3, rtol=0)


def ringing(length=6000):
    """Forty partials, which an order of 64 cannot all follow (1, 1, T)."""
    rng, t = torch.Generator().manual_seed(0), torch.arange(length) / 16000
    pitch, phase = 100 + 7000 * torch.rand(40, 1, generator=rng), torch.rand(40, 1, generator=rng)
    return (0.02 * torch.sin(2 * math.pi * (pitch * t + phase))).sum(0)[None, None]


def gliding(length=6000):
    """A tone that rises too fast for what was fitted to 2048 samples (1, 1, T)."""
    t = torch.arange(length) / 16000
    return 0.5 * torch.sin(2 * math.pi * (200 * t + 2500 * t * t))[None, None]


@pytest.mark.parametrize("sound, order", [(ringing(), 128), (gliding(), 64)])
def test_clips_choose_the_order_that_expects_them_best(sound, order):
    assert best_order(ClipSet.from_arrays(sound, 16000)) == order


def test_what_lies_beyond_the_end_of_a_clip_does_not_choose_the_order():
    clips = ClipSet.from_arrays(torch.cat([gliding(), ringing()], dim=2), 16000)
    assert best_order(clips) == 128
    assert best_order(replace(clips, lengths=clips.lengths // 2)) == 64


def test_training_that_goes_on_keeps_the_order():
    ringing_clips, other = (ClipSet.from_arrays(x, 16000) for x in (ringing(), gliding()))
    model = AutoregressiveTask(ringing_clips, mixed=False).objective.generator
    again = AutoregressiveTask(other, mixed=False, start=model).objective.generator
    assert model.config.predictor == again.config.predictor == 128


def test_noise_moves_half_of_the_rows_and_stays_within_the_levels():
    torch.manual_seed(0)
    codes = torch.full((200, 50), 254)
    noisy = _noisy(codes, 255, 1.0)
    assert 0 <= int(noisy.min()) <= int(noisy.max()) <= 254
    assert 0.3 < float((noisy != codes).any(1).float().mean()) < 0.6
    assert torch.equal(_noisy(codes, 255, 0.0), codes)


def test_it_learns_a_tone(objective):
    """Sixty steps on two tones: then whole clips need less than 4 bits, one fewer than before."""
    optimizer = torch.optim.Adam(objective.parameters(), 5e-3)
    model, x, labels = objective.generator, tones(2), torch.tensor([0, 1])

    @torch.no_grad()
    def bits() -> float:
        nats = -model.log_prob(x, {"class": labels}).mean() / x.shape[2]
        return float(nats) / math.log(2)

    before = bits()
    for _ in range(60):
        losses = objective(x, labels, 0.0)
        optimizer.zero_grad()
        losses.terms["negative_log_likelihood"].backward()
        optimizer.step()
    assert bits() < min(4, before - 1)
