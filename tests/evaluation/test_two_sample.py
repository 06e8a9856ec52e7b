"""The two-sample test: what is real is not told apart, what is not is; and its regression."""

import pytest
import torch
from drum_sounds import blurred, mels, with_noise

from dgm_audio.evaluation.kernel_ridge import balanced, fit
from dgm_audio.evaluation.two_sample import patterns, two_sample_test


def auc(x, real, clusters=None, clusters_real=None):
    clusters = torch.arange(len(x)) if clusters is None else clusters
    clusters_real = torch.arange(len(real)) if clusters_real is None else clusters_real
    votes = two_sample_test(patterns(mels(x)), patterns(mels(real)), clusters, clusters_real)
    assert votes.compared.sum() > 0
    return votes.auc(torch.ones(len(x)).double(), torch.ones(len(real)).double())


def test_real_sounds_cannot_be_told_from_real_ones(reference, others):
    assert auc(others, reference.audio) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("spoil", [lambda x: with_noise(x, 20), blurred])
def test_what_is_not_real_is_told_apart(reference, others, spoil):
    assert auc(spoil(others), reference.audio) > 0.9


def test_recognising_a_sound_again_does_not_count(others):
    # Four takes of 8 sounds on each side: a classifier could learn the sounds by heart.
    takes = torch.cat([with_noise(others[:16], 40, seed) for seed in range(4)])
    sound = torch.arange(16).repeat(4)
    first = sound < 8
    x, real, own, others_own = takes[first], takes[~first], sound[first], sound[~first]
    assert auc(x, real) > auc(x, real, own, others_own) + 0.2


def test_a_tie_counts_half():
    x = torch.zeros(6, 4).double()
    votes = two_sample_test(x, x, torch.arange(6), torch.zeros(6))
    ones = torch.ones(6).double()
    assert votes.auc(ones, ones) == 0.5


def test_ridge_regression_solves_its_equations():
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).double()
    y, weight = x @ torch.tensor([[1.0], [-2.0], [0.5]]).double() + 3, torch.rand(9).double() + 0.5
    a, b = fit(x @ x.T, y, weight, 0.1)
    slope = x.T @ a
    normal = x.T @ (weight[:, None] * x) + 0.1 * torch.eye(3)
    assert torch.allclose(normal @ slope, x.T @ (weight[:, None] * (y - b)))
    assert torch.allclose(
        balanced(torch.tensor([0, 0, 1])), torch.tensor([0.75, 0.75, 1.5]).double()
    )
