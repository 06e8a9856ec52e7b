"""The density of a representation y that a flow gives: how likely y is, not the sound of it.

    exact:      log p(y) = log N(z; 0, I) - sum_k log |det dF_k/dx|      F_k: the steps of `solve`
    estimated:  log p(y) = log N(z; 0, I) - int_0^1 tr(dv/dx) dt

Exact densities are those of the discrete map from z to y, and need D L vector-Jacobian products per
evaluation of v: for small codes. Of sequences the trace is estimated,

    tr(J) = E[e^T J e],    e: random signs,

and integrated over time with the evaluations of the method: besides its standard error the result
has the error of the grid, which vanishes with the length of the steps.

References:
    Chen et al., "Neural ordinary differential equations", 2018.
    Grathwohl et al., "FFJORD", 2019.
    Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.families.flow_matching.ode import Velocity, stages, step, steps_back


class Density(NamedTuple):
    """log p(y) in nats (B,), and its standard error in nats (B,), 0 where it is exact."""

    nats: Tensor
    error: Tensor


@torch.no_grad()
def exact_density(v: Velocity, y: Tensor, times: Sequence[float], method: str) -> Density:
    """log p(y) of representations y (B, D, L), by all of D L vector-Jacobian products.

    Args:
        v: the velocity; its gradients by x must exist.
        y: the representations.
        times: the grid, as in `ode.solve`.
        method: as in `ode.solve`.

    Raises:
        InputError: if there is no such method.
    """
    volume, z = y.new_zeros(len(y), dtype=torch.float64), y
    for z, start, stop in steps_back(v, y, times, method):
        with torch.enable_grad():
            x = z.detach().requires_grad_()
            image = step(v, x, start, stop, method)
        volume = volume + _jacobian(image, x).double().slogdet().logabsdet
    nats = normal_density(z) - volume
    return Density(nats, torch.zeros_like(nats))


@torch.no_grad()
def estimated_density(
    v: Velocity,
    y: Tensor,
    times: Sequence[float],
    method: str,
    *,
    probes: int = 8,
    seed: int = 0,
) -> Density:
    """log p(y) of representations y (B, D, L), by Hutchinson's estimate.

    Probes depend on the seed, not on the item or its place in the batch: differences between items
    of one shape are more exact than their densities.

    Args:
        v: the velocity; its gradients by x must exist.
        y: the representations.
        times: the grid, as in `ode.solve`.
        method: as in `ode.solve`.
        probes: vectors of random signs per evaluation of v, at least 2.
        seed: of the signs.

    Raises:
        InputError: if there is no such method, or too few probes.
    """
    if probes < 2:
        raise InputError(f"probes is {probes}; a standard error needs at least 2")
    generator = torch.Generator(device="cpu").manual_seed(seed)
    integrals, z = y.new_zeros(probes, len(y), dtype=torch.float64), y
    for z, start, stop in steps_back(v, y, times, method):
        for stage in stages(v, z, start, stop, method):
            if stage.weight:
                traces = _traces(v, stage.x, stage.t, probes, generator)
                integrals = integrals + (stop - start) * stage.weight * traces
    error = integrals.std(dim=0) / math.sqrt(probes)
    return Density(normal_density(z) - integrals.mean(dim=0), error)


def normal_density(z: Tensor) -> Tensor:
    """log N(z; 0, I) in nats (B,), float64, of latents (B, D, L)."""
    return -0.5 * (z.double().square() + math.log(2 * math.pi)).flatten(1).sum(dim=1)


@torch.enable_grad()
def _jacobian(image: Tensor, x: Tensor) -> Tensor:
    """d image / d x (B, D L, D L) of tensors (B, D, L) whose items do not influence each other."""
    rows = [
        torch.autograd.grad(component.sum(), x, retain_graph=True)[0].flatten(1)
        for component in image.flatten(1).unbind(dim=1)
    ]
    return torch.stack(rows, dim=1)


def _traces(v: Velocity, x: Tensor, t: float, probes: int, generator: torch.Generator) -> Tensor:
    """Estimates e^T (dv/dx) e (probes, B), float64."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        velocity = v(x, t)
    signs = torch.randint(0, 2, (probes, *x.shape[1:]), generator=generator, device="cpu") * 2 - 1
    estimates = []
    for sign in signs.to(x):
        (product,) = torch.autograd.grad(velocity, x, sign.expand_as(x), retain_graph=True)
        estimates.append((product * sign).flatten(1).double().sum(dim=1))
    return torch.stack(estimates)
