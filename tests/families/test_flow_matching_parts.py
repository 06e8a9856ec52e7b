"""Guidance, pairing and paths of flow matching."""

import itertools

import pytest
import torch
from gaussian_mixture import PLANE, GaussianMixture, noise

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.guidance import guided
from dgm_audio.families.flow_matching.ode import grid, solve
from dgm_audio.families.flow_matching.pairing import paired
from dgm_audio.families.flow_matching.path import (
    between,
    endpoint_of_velocity,
    endpoint_weight,
    gaussian_velocity,
    logit_normal,
    velocity_of_endpoint,
)


def never(x, t):
    raise AssertionError("a pass that is not needed")


def test_guidance_of_1_is_none_and_costs_nothing():
    z = noise(5).float()
    plain = solve(PLANE.velocity, z, grid(4), "heun")
    assert torch.equal(solve(guided(PLANE.velocity, never, 1.0), z, grid(4), "heun"), plain)


def test_guidance_extrapolates_within_its_interval():
    def toward(x, t):
        return torch.full_like(x, 3.0)

    def away(x, t):
        assert 0.25 <= t <= 0.5, "a pass that is not needed"
        return torch.full_like(x, 1.0)

    v = guided(toward, away, 2.5, (0.25, 0.5))
    x = torch.zeros(1, 1, 1)
    assert [v(x, t).item() for t in (0.2, 0.25, 0.5, 0.6)] == [3.0, 6.0, 6.0, 3.0]
    assert guided(toward, lambda x, t: torch.ones_like(x), 0.0)(x, 0.3).item() == 1.0


@pytest.mark.parametrize("arguments", [(-1.0,), (float("nan"),), (2.0, (0.5, 0.2)), (2.0, (0, 2))])
def test_impossible_guidance_is_refused(arguments):
    with pytest.raises(InputError, match="guidance"):
        guided(never, never, *arguments)


def test_pairs_are_the_nearest_within_classes():
    """Against all permutations."""
    data, z = noise(7, 2, frames=2), noise(7, 2, seed=1, frames=2)
    labels = torch.tensor([0, 1, 0, 1, 0, 2, 0])

    def cost(order):
        return float((z[list(order)] - data).square().sum())

    allowed = [
        order
        for order in itertools.permutations(range(7))
        if torch.equal(labels[list(order)], labels)
    ]
    assert torch.equal(paired(z, data, labels), z[list(min(allowed, key=cost))])
    assert torch.equal(paired(z, data), z[list(min(itertools.permutations(range(7)), key=cost))]), (
        "without classes"
    )


def test_paths_and_targets_belong_together():
    x0, x1 = noise(4).float(), noise(4, seed=1).float()
    t = torch.tensor([0.0, 0.3, 0.9, 1.0])
    x = between(x0, x1, t)
    assert torch.equal(x[0], x0[0]) and torch.equal(x[3], x1[3])
    v = velocity_of_endpoint(x1, x, t)
    torch.testing.assert_close(v[:3], (x1 - x0)[:3])
    torch.testing.assert_close(endpoint_of_velocity(x1 - x0, x, t), x1)
    torch.testing.assert_close(velocity_of_endpoint(x1, x, 0.9)[2], v[2])
    assert velocity_of_endpoint(x1 + 1, x, 1.0)[3].abs().max() <= 1 / 0.05 + 1e-3, "bounded"


def test_weighted_errors_of_endpoints_are_those_of_velocities():
    x, wrong = noise(3).float(), noise(3, seed=1).float()
    t = torch.tensor([0.1, 0.5, 1.0])
    error = velocity_of_endpoint(x + wrong, x, t) - velocity_of_endpoint(x, x, t)
    weighted = endpoint_weight(t)[:, None, None] * wrong.square()
    torch.testing.assert_close(weighted, error.square())


def test_the_velocity_of_a_gaussian_is_that_of_standard_normal_data():
    known = GaussianMixture([1.0], [[0.0, 0.0]], [1.0])
    x = noise(4)
    for t in (0.0, 0.3, 1.0):
        torch.testing.assert_close(gaussian_velocity(x, t), known.velocity(x, t))
    times = torch.tensor([0.0, 0.3, 0.6, 1.0], dtype=torch.float64)
    expected = torch.cat([known.velocity(x[i : i + 1], float(t)) for i, t in enumerate(times)])
    torch.testing.assert_close(gaussian_velocity(x, times), expected)


def test_times_are_logit_normal():
    t = logit_normal(20000, torch.Generator().manual_seed(0), mean=0.4, deviation=0.8)
    assert 0 < t.min() and t.max() < 1 and t.dtype == torch.float32
    logits = t.double().logit()
    assert logits.mean() == pytest.approx(0.4, abs=0.03)
    assert logits.std() == pytest.approx(0.8, abs=0.03)
