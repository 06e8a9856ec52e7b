"""Mixtures of Gaussians, of which the whole flow is known."""

import math

import torch
from torch import Tensor


class GaussianMixture:
    """sum_k p_k N(m_k, s_k^2 I) in D dimensions, as data of shape (B, D, 1), float64.

    Of x_t = (1 - t) x_0 + t x_1 component k is N(t m_k, var_k), var_k = (1 - t)^2 + t^2 s_k^2, and

        v(x, t) = sum_k p(k | x) (m_k + (t s_k^2 - (1 - t)) / var_k (x - t m_k))
    """

    def __init__(self, weights: list[float], means: list[list[float]], deviations: list[float]):
        self.weights, self.means, self.deviations = map(
            lambda values: torch.tensor(values, dtype=torch.float64), (weights, means, deviations)
        )

    def parts(self, x: Tensor, t: float) -> tuple[Tensor, Tensor, Tensor]:
        """log p_k N(x_t; ...) (B, K), x - t m_k (B, K, D), and var_k (K,)."""
        away = x[:, None, :, 0].double() - t * self.means
        variance = (1 - t) ** 2 + t**2 * self.deviations**2
        dimensions = away.shape[2]
        log = self.weights.log() - 0.5 * away.square().sum(2) / variance
        return log - 0.5 * dimensions * (2 * math.pi * variance).log(), away, variance

    def velocity(self, x: Tensor, t: float) -> Tensor:
        log, away, variance = self.parts(x, t)
        slope = ((t * self.deviations**2 - (1 - t)) / variance)[:, None]
        each = self.means + slope * away
        return (log.softmax(1)[:, :, None] * each).sum(1)[:, :, None].to(x.dtype)

    def log_prob(self, y: Tensor) -> Tensor:
        return self.parts(y, 1.0)[0].logsumexp(1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        kind = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        normal = torch.randn(count, self.means.shape[1], generator=generator, dtype=torch.float64)
        return (self.means[kind] + self.deviations[kind, None] * normal)[:, :, None]


PLANE = GaussianMixture([0.5, 0.3, 0.2], [[2.0, 0.0], [-1.5, 1.0], [0.0, -2.0]], [0.3, 0.5, 0.2])
"""Three islands in the plane."""


def noise(count: int, dimensions: int = 2, seed: int = 0, frames: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimensions, frames, generator=generator, dtype=torch.float64)
