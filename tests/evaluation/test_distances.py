"""Distances and neighbours against closed forms and brute force."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.evaluation.distances import (
    frechet_distance,
    gaussian_kernel,
    mean_within,
    median_distance,
    mmd,
    signed_root,
    squared_mmd,
)
from dgm_audio.evaluation.neighbours import Neighbours
from dgm_audio.evaluation.standardised_reference import StandardisedReference


def normal(count, size, seed):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, size)))


def brute_force_mmd(x, y, width):
    def k(a, b):
        return math.exp(-float((a - b).square().sum()) / (2 * width**2))

    def within(z):
        return np.mean([k(a, b) for a, b in itertools.permutations(z, 2)])

    return within(x) + within(y) - 2 * np.mean([k(a, b) for a in x for b in y])


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 4), st.integers(0, 99))
def test_the_squared_mmd_is_what_two_loops_give(n, m, size, seed):
    x, y = normal(n, size, seed), normal(m, size, seed + 100) * 2 + 1
    width = np.median([float((a - b).norm()) for a, b in itertools.combinations(y, 2)][::-1])
    found = squared_mmd(x, y, float(width))
    assert found == pytest.approx(brute_force_mmd(x, y, width), abs=1e-10)


def test_the_bandwidth_is_the_median_of_the_reference():
    y = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)  # distances 1, 2, 3
    assert median_distance(y) == 2
    assert median_distance(torch.zeros(3, 2)) == 1
    x = normal(4, 1, 0)
    assert squared_mmd(x, y) == squared_mmd(x, y, 2.0)


def test_the_squared_mmd_is_unbiased():
    same = [squared_mmd(normal(12, 3, s), normal(9, 3, 1000 + s), 2.0) for s in range(300)]
    assert abs(np.mean(same)) < 3 * np.std(same) / math.sqrt(300)
    assert min(same) < 0
    assert squared_mmd(normal(50, 3, 0) + 3, normal(50, 3, 1)) > 0.5


def test_the_mmd_is_the_root_of_its_size_with_its_sign():
    far, near = normal(50, 3, 0) + 3, normal(50, 3, 1)
    assert mmd(far, near) == pytest.approx(math.sqrt(squared_mmd(far, near)))
    assert mmd(near[:25], near) == pytest.approx(-math.sqrt(-squared_mmd(near[:25], near)))
    assert [signed_root(d) for d in (4.0, 0.0, -9.0)] == [2, 0, -3]


def test_the_mmd_of_a_mixture_is_its_share_and_the_square_is_not():
    """Of a share w of other sounds the MMD is w times theirs; a squared one flatters."""
    y = normal(400, 3, 0)
    other, like = normal(400, 3, 1) + 3, normal(400, 3, 2)
    mixed = torch.cat([other[:120], like[:280]])  # three of ten
    assert mmd(mixed, y) / mmd(other, y) == pytest.approx(0.3, abs=0.03)
    assert squared_mmd(mixed, y) / squared_mmd(other, y) == pytest.approx(0.09, abs=0.02)


def test_counting_a_clip_twice_adds_no_pair_with_itself():
    kernel = gaussian_kernel(normal(3, 2, 0), normal(3, 2, 0), 1.0)
    twice = mean_within(kernel, torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64))
    # Pairs of different clips: (0, 1) and (0, 2) twice, (1, 2) once; in both orders.
    expected = (2 * kernel[0, 1] + 2 * kernel[0, 2] + kernel[1, 2]) / 5
    assert float(twice) == pytest.approx(float(expected))


def test_the_frechet_distance_of_a_shift_and_of_a_scaling_is_known():
    x = normal(50, 4, 0)
    shift = torch.tensor([1.0, 2.0, 0.0, -1.0], dtype=torch.float64)
    assert frechet_distance(x + shift, x) == pytest.approx(6, abs=1e-9)
    centred = x - x.mean(0)
    trace = float(torch.cov(x.T).trace())
    assert frechet_distance(3 * centred, centred) == pytest.approx(4 * trace, abs=1e-9)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_approaches_the_closed_form_of_gaussians():
    deviation = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    x, y = normal(20000, 3, 0) * deviation + 1, normal(20000, 3, 1)
    closed_form = 3 + float((deviation - 1).square().sum())
    assert frechet_distance(x, y) == pytest.approx(closed_form, rel=0.03)


def test_the_frechet_distance_agrees_with_the_eigenvalues_of_the_product():
    x, y = normal(30, 5, 0) @ normal(5, 5, 2), normal(40, 5, 1)
    a, b = np.cov(x.numpy().T), np.cov(y.numpy().T)
    roots = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    mean = float((x.mean(0) - y.mean(0)).square().sum())
    expected = mean + np.trace(a) + np.trace(b) - 2 * roots
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_fewer_clips_than_numbers_give_a_finite_frechet_distance():
    assert 0 < frechet_distance(normal(5, 40, 0), normal(6, 40, 1)) < 200


def test_weights_repeat_clips():
    x, y = normal(6, 2, 0), normal(8, 2, 1)
    weight = torch.tensor([0, 1, 2, 0, 3, 1])
    repeated = frechet_distance(x.repeat_interleave(weight, 0), y)
    assert frechet_distance(x, y, weight.double()) == pytest.approx(repeated)


def neighbours(made, real, k=5):
    return Neighbours(made, real, k)(torch.ones(len(made)).double(), torch.ones(len(real)).double())


def test_neighbours_of_points_on_a_line():
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]], dtype=torch.float64)  # radii 1, 1, 1, 8
    made = torch.tensor([[0.4], [1.4], [30.0]], dtype=torch.float64)  # radii 1, 1, 28.6
    found = neighbours(made, real, k=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.density == pytest.approx(4 / 3)
    assert found.recall == 1  # the far clip's ball reaches 10
    assert found.coverage == 3 / 4


def test_clips_that_count_nothing_are_no_neighbours_and_others_weigh_in_the_means():
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]], dtype=torch.float64)
    made = torch.tensor([[0.4], [1.4], [30.0]], dtype=torch.float64)
    pair = Neighbours(made, real, 1)
    weight, weight_real = torch.tensor([3.0, 0, 1]).double(), torch.tensor([1.0, 0, 2, 1]).double()
    found = pair(weight, weight_real)
    kept, kept_real = weight > 0, weight_real > 0
    alone = neighbours(made[kept], real[kept_real], k=1)
    assert alone == (0.5, 1.0, 1.0, 2 / 3)  # radii 2, 2, 8 and 29.6
    assert found == pytest.approx((3 / 4, 1.0, 3 / 2, 3 / 4))


def test_neighbours_tell_fidelity_from_diversity():
    real = normal(100, 4, 0)
    narrow, wide = real[:1] + 0.01 * normal(100, 4, 1), normal(100, 4, 2) * 6
    one, all_over = neighbours(narrow, real), neighbours(wide, real)
    assert one.precision > 0.9 and one.coverage < 0.2 and one.recall < 0.05
    assert all_over.precision < 0.2 and all_over.recall > 0.9
    again = neighbours(normal(100, 4, 3), real)
    assert again.precision > 0.8 and again.coverage > 0.8
    assert again.density == pytest.approx(1, abs=0.2)


def test_few_clips_have_few_neighbours():
    found = neighbours(normal(3, 2, 0), normal(2, 2, 1), k=5)
    assert all(0 <= share <= 2 for share in found)


def test_few_clips_span_few_components():
    numbers = torch.cat([normal(30, 50, 0), torch.full((30, 1), 7.0).double()], 1)
    standard = StandardisedReference.of(numbers)
    assert standard.axes.shape == (51, 10)
    assert torch.allclose(standard.points[:, :50].std(0), torch.ones(50).double())
    assert (standard.points[:, 50] == 0).all()
