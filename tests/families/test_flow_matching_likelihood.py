"""Densities of flow matching against those of known distributions."""

import pytest
import torch
from gaussian_mixture import PLANE, noise

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.likelihood import (
    estimated_density,
    exact_density,
    normal_density,
)
from dgm_audio.families.flow_matching.ode import METHODS, grid, solve


def test_fine_steps_give_the_density_of_the_mixture():
    y = PLANE.sample(60, torch.Generator().manual_seed(0))
    nats, error = exact_density(PLANE.velocity, y, grid(60), "heun")
    assert not error.any()
    torch.testing.assert_close(nats, PLANE.log_prob(y), atol=0.05, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_exact_densities_are_those_of_the_discrete_map(method):
    """Of three steps, by the Jacobian of the whole map at z."""
    z, times = 0.3 * noise(4, 2, frames=2), grid(3)
    turn = noise(4, 4, seed=1)[:, :, 0] / 3

    def velocity(x, t):
        return (x.flatten(1) @ turn + t).tanh().view_as(x)

    y = solve(velocity, z, times, method)
    jacobian = torch.stack(
        [
            torch.autograd.functional.jacobian(
                lambda one: solve(velocity, one[None], times, method)[0], item
            ).view(4, 4)
            for item in z
        ]
    )
    expected = normal_density(z) - jacobian.slogdet().logabsdet
    torch.testing.assert_close(
        exact_density(velocity, y, times, method).nats, expected, atol=1e-4, rtol=0
    )


def test_the_estimate_is_within_its_error():
    """Scores over 300 seeds: a standard error of the wrong size, or a bias, would show.

    Of v = A x the integral is tr A. Scores of Student's t with 15 degrees of freedom have a mean
    square of 15 / 13.
    """
    rates = noise(6, 6, seed=1)[:, :, 0] / 4

    def velocity(x, t):
        return (x[:, :, 0] @ rates.T)[:, :, None]

    z, times = noise(1, 6), grid(2)
    y = solve(velocity, z, times, "euler")
    expected = normal_density(z) - rates.trace()
    found = [
        estimated_density(velocity, y, times, "euler", probes=16, seed=seed) for seed in range(300)
    ]
    scores = torch.cat([(nats - expected) / error for nats, error in found])
    assert scores.square().mean() == pytest.approx(15 / 13, abs=0.3)
    assert scores.mean() == pytest.approx(0, abs=0.2)


def test_fine_steps_estimate_the_density_of_the_mixture():
    y = PLANE.sample(60, torch.Generator().manual_seed(0))
    nats, error = estimated_density(PLANE.velocity, y, grid(30), "heun", probes=32)
    away = (nats - PLANE.log_prob(y)).abs()
    assert (away < 4 * error + 0.05).all() and error.max() < 0.5


def test_the_estimate_integrates_the_trace():
    """Of v = A x the integral is tr A; probes of a diagonal A have no error at all."""
    rates = torch.linspace(-1, 1.5, 6, dtype=torch.float64).view(1, 3, 2)
    z = noise(4, 3, frames=2)
    for method in METHODS:
        y = solve(lambda x, t: rates * x, z, grid(5), method)
        nats, error = estimated_density(lambda x, t: rates * x, y, grid(5), method)
        torch.testing.assert_close(nats, normal_density(z) - rates.sum(), atol=1e-4, rtol=0)
        assert error.max() < 1e-9


def test_estimates_depend_on_the_seed_and_not_on_the_batch():
    y = PLANE.sample(3, torch.Generator().manual_seed(0))

    def estimate(y, seed):
        return estimated_density(PLANE.velocity, y, grid(6), "heun", probes=4, seed=seed)

    whole, alone = estimate(y, 0), estimate(y[1:2], 0)
    torch.testing.assert_close(alone.nats[0], whole.nats[1])
    torch.testing.assert_close(alone.error[0], whole.error[1])
    assert not torch.equal(whole.nats, estimate(y, 1).nats)


def test_one_probe_is_refused():
    with pytest.raises(InputError, match="probes is 1"):
        estimated_density(PLANE.velocity, noise(1), grid(2), "heun", probes=1)
