"""The two-sample test: what is real is not told apart, what is not is; and its regression."""

import math

import pytest
import torch
from drum_sounds import blurred, mels, with_noise

from dgm_audio.evaluation.kernel_ridge import balanced, fit, standardise
from dgm_audio.evaluation.two_sample import TwoSampleTest, patterns


def ones(count):
    return torch.ones(count, dtype=torch.float64)


def auc(x, real, clusters=None, clusters_real=None, paired=False):
    clusters = torch.arange(len(x)) if clusters is None else clusters
    clusters_real = torch.arange(len(real)) if clusters_real is None else clusters_real
    seen, seen_real = patterns(mels(x)), patterns(mels(real))
    votes = TwoSampleTest(seen, seen_real, clusters, clusters_real, paired=paired)(
        ones(len(x)), ones(len(real))
    )
    assert votes.compared.sum() > 0
    return votes.auc(ones(len(x)), ones(len(real)))


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
    votes = TwoSampleTest(x, x, torch.arange(6), torch.zeros(6))(ones(6), ones(6))
    assert votes.auc(ones(6), ones(6)) == 0.5


def test_a_sound_and_what_became_of_it_never_lie_in_different_halves(others):
    """A classifier that knows the real sound would tell by elimination which one is made."""
    faithful = with_noise(others[:32], 60)
    assert auc(faithful, others[:32], paired=True) == pytest.approx(0.5, abs=0.15)
    assert auc(faithful, others[:32]) < 0.35  # each half holds the twin, with the other label
    assert auc(blurred(others[:32]), others[:32], paired=True) > 0.9


def test_a_clip_that_counts_twice_is_learned_as_two_clips():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(12, 5, generator=rng).double() + 0.5
    real = torch.randn(10, 5, generator=rng).double()
    own, own_real = torch.arange(12) // 2, torch.arange(10) // 2
    test = TwoSampleTest(x, real, own, own_real)
    weight = torch.tensor([2.0, 2.0, 0.0, 0.0] + [1.0] * 8).double()
    weighted = test(weight, ones(10)).auc(weight, ones(10))
    again = torch.tensor([0, 0, 1, 1, *range(4, 12)])
    twice = TwoSampleTest(x[again], real, own[again], own_real)
    twice._sides = [torch.cat([side[:12][again], side[12:]]) for side in test._sides]
    (points,) = standardise(torch.cat([x, real]))  # of all clips, as in the test with weights
    points = torch.cat([points[:12][again], points[12:]])
    twice._kernel = points @ points.T / points.shape[1]
    assert twice(ones(12), ones(10)).auc(ones(12), ones(10)) == pytest.approx(weighted)
    fixed = test(ones(12), ones(10)).auc(weight, ones(10))
    assert abs(weighted - fixed) > 1e-3  # the classifier itself has changed


def test_clips_that_count_nothing_are_neither_learned_nor_compared():
    x, real = torch.zeros(4, 3).double(), torch.ones(4, 3).double()
    test = TwoSampleTest(x, real, torch.arange(4), torch.arange(4))
    nothing = torch.zeros(4).double()
    assert math.isnan(test(nothing, ones(4)).auc(nothing, ones(4)))
    some = torch.tensor([1.0, 0.0, 1.0, 1.0]).double()
    assert test(some, ones(4)).compared[1].sum() == 0


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
