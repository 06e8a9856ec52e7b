"""The differential equation of flow matching against a known mixture and another solver."""

import math

import pytest
import torch
from gaussian_mixture import PLANE, noise
from scipy.stats import ks_2samp
from torchdiffeq import odeint

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.ode import METHODS, grid, invert, solve


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_those_of_torchdiffeq(method):
    z, times = noise(50), grid(7, sway=-0.5)
    theirs = odeint(
        lambda t, x: PLANE.velocity(x, float(t)),
        z,
        torch.tensor(times, dtype=torch.float64),
        method={"heun": "heun2"}.get(method, method),
    )[-1]
    torch.testing.assert_close(solve(PLANE.velocity, z, times, method), theirs)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_more_steps_converge_with_the_order_of_the_method(method, order):
    z = noise(30)
    exact = odeint(
        lambda t, x: PLANE.velocity(x, float(t)),
        z,
        torch.tensor([0.0, 1.0], dtype=torch.float64),
        method="dopri5",
        rtol=1e-9,
        atol=1e-9,
    )[-1]
    errors = [
        float((solve(PLANE.velocity, z, grid(steps), method) - exact).norm())
        for steps in (128, 256)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_noise_becomes_the_mixture():
    """Moments, and the distribution along 8 directions, of 20,000 points against as many draws.

    Standard errors of means are 0.01; two samples of 20,000 differ by 0.0195 in Kolmogorov's
    distance once in 1,000 times.
    """
    ours = solve(PLANE.velocity, noise(20000), grid(40), "heun")[:, :, 0]
    theirs = PLANE.sample(20000, torch.Generator().manual_seed(1))[:, :, 0]
    torch.testing.assert_close(ours.mean(0), theirs.mean(0), atol=0.04, rtol=0)
    torch.testing.assert_close(ours.T.cov(), theirs.T.cov(), atol=0.08, rtol=0)
    for angle in torch.arange(8) * math.pi / 8:
        way = torch.stack([angle.cos(), angle.sin()]).double()
        assert ks_2samp(ours @ way, theirs @ way).statistic < 0.0195


@pytest.mark.parametrize("method", METHODS)
def test_the_inverse_leads_back_in_float32(method):
    y = PLANE.sample(200, torch.Generator().manual_seed(0)).float()
    z, residual = invert(PLANE.velocity, y, grid(16), method)
    assert z.dtype == torch.float32 and residual.max() < 1e-4
    torch.testing.assert_close(solve(PLANE.velocity, z, grid(16), method), y, atol=1e-3, rtol=0)


def test_the_inverse_is_that_of_the_steps_not_of_the_equation():
    """Of few steps, where the equation backwards ends elsewhere."""
    z = noise(100)
    y = solve(PLANE.velocity, z, grid(4), "heun")
    back = odeint(
        lambda t, x: PLANE.velocity(x, float(t)),
        y,
        torch.tensor([1.0, 0.0], dtype=torch.float64),
        method="dopri5",
    )[-1]
    found = invert(PLANE.velocity, y, grid(4), "heun", tolerance=1e-10)
    assert found.residual.max() < 1e-8
    torch.testing.assert_close(found.z, z, atol=1e-5, rtol=0)
    assert (back - z).abs().amax(1).median() > 0.01


def test_items_do_not_influence_each_other():
    """Bit for bit, also where a neighbour needs more iterations or has no inverse."""

    def velocity(x, t):
        return (x * torch.tensor([0.5, 3.0, 40.0])[: len(x), None, None]).sin()

    y = noise(3).float()
    z, residual = invert(velocity, y, grid(4), "euler")
    assert residual[:2].max() < 1e-5 < residual[2], "the third one has no inverse"
    alone = invert(velocity, y[:1], grid(4), "euler")
    assert torch.equal(alone.z, z[:1]) and torch.equal(alone.residual, residual[:1])


def test_a_lost_inverse_is_reported():
    """A step of y = x^2 / 4 has no inverse of -1: the residual says so."""
    found = invert(lambda x, t: x**2 / 4 - x, torch.tensor([[[-1.0]], [[0.5]]]), [0, 1], "euler")
    assert found.residual[0] > 0.1


def test_what_is_zero_has_an_inverse():
    found = invert(lambda x, t: 0.3 * x, torch.zeros(1, 2, 3), grid(4), "heun")
    assert found.residual == 0 and not found.z.any()


def test_grids_rise_from_0_to_1_and_sway_moves_them():
    for sway in (-1.0, -0.3, 0.0, 1.0):
        times = grid(8, sway)
        assert (times[0], times[-1]) == (0.0, 1.0) and times == sorted(set(times))
    assert grid(4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert grid(4, -1.0)[2] == pytest.approx(1 - math.cos(math.pi / 4))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: grid(0), "steps is 0"),
        (lambda: grid(4, 1.5), "sway is 1.5"),
        (lambda: solve(PLANE.velocity, noise(1), grid(2), "rk4"), "'rk4'.*euler, midpoint, heun"),
    ],
)
def test_what_is_out_of_range_is_named(call, said):
    with pytest.raises(InputError, match=said):
        call()
