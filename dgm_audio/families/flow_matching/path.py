"""Straight paths from noise to data, and what a network may predict on them.

    x_t = (1 - t) x_0 + t x_1,    v = x_1 - x_0 = (x_1 - x_t) / (1 - t)

A network predicts v, or the endpoint x_1, which suits data that are often silent or lie on a thin
manifold. Near t = 1 a small error of x_1 is a large one of v, so 1 - t is bounded from below by a
`floor`. Or it predicts a correction of the velocity of standard normal data,

    v = (2 t - 1) / (t^2 + (1 - t)^2) x_t + correction,

which suits few white data: the flow begins as a Gaussian, and no correction is none too little.

References:
    Lipman et al., "Flow matching for generative modeling", 2023.
    Esser et al., "Scaling rectified flow transformers", 2024 (times of a logit-normal).
    Li and He, "Back to basics: let denoising generative models denoise", 2025 (endpoints).
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 0.05
"""Least 1 - t, by which endpoints are divided."""


def between(x0: Tensor, x1: Tensor, t: Tensor | float) -> Tensor:
    """x_t (B, D, L) of noise and data (B, D, L); t is a time or one per item (B,)."""
    t = _per_item(t, x1)
    return (1 - t) * x0 + t * x1


def velocity_of_endpoint(
    endpoint: Tensor, x: Tensor, t: Tensor | float, floor: float = FLOOR
) -> Tensor:
    """v = (x_1 - x_t) / max(1 - t, floor) (B, D, L); t is a time or one per item (B,)."""
    return (endpoint - x) / (1 - _per_item(t, x)).clamp_min(floor)


def endpoint_of_velocity(velocity: Tensor, x: Tensor, t: Tensor | float) -> Tensor:
    """x_1 = x_t + (1 - t) v (B, D, L); t is a time or one per item (B,)."""
    return x + (1 - _per_item(t, x)) * velocity


def gaussian_velocity(x: Tensor, t: Tensor | float) -> Tensor:
    """v (B, D, L) of standard normal data; t is a time or one per item (B,)."""
    t = _per_item(t, x)
    return (2 * t - 1) / (t**2 + (1 - t) ** 2) * x


def endpoint_weight(t: Tensor, floor: float = FLOOR) -> Tensor:
    """Weights (B,) that make squared errors of endpoints those of velocities, 1 / (1 - t)^2."""
    return (1 - t).clamp_min(floor).square().reciprocal()


def logit_normal(
    count: int, generator: torch.Generator | None = None, mean: float = 0.0, deviation: float = 1.0
) -> Tensor:
    """Times (count,) in (0, 1), float32: the logistic function of N(mean, deviation^2).

    Most lie in the middle, where prediction is hard; a mean above 0 prefers times near the data.
    """
    device = "cpu" if generator is None else generator.device
    normal = torch.randn(count, generator=generator, dtype=torch.float32, device=device)
    return (mean + deviation * normal).sigmoid()


def _per_item(t: Tensor | float, like: Tensor) -> Tensor:
    """Times, to be broadcast over items of shape (D, L)."""
    return torch.as_tensor(t, dtype=like.dtype, device=like.device).reshape(-1, 1, 1)
