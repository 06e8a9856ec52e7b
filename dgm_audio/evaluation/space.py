"""The space that clips are compared in: an embedding, standardised on the reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_audio.evaluation.distances import median_distance

COMPONENTS = 32
"""Frechet distances are taken in at most so many principal components of the reference: with about
a hundred clips the covariance of hundreds of numbers is mostly noise."""


@dataclass(frozen=True)
class Space:
    """Standardised coordinates.

    Args:
        mean: of the reference's numbers (E,).
        scale: their standard deviation (E,); 1 where it is zero.
        points: the reference (N, E) in this space.
        bandwidth: median distance within the reference.
        axes: its first principal axes (E, P), P at most a third of its clips.
    """

    mean: Tensor
    scale: Tensor
    points: Tensor
    bandwidth: float
    axes: Tensor

    @classmethod
    def of(cls, numbers: Tensor) -> Space:
        """The space of a reference's embedding (N, E)."""
        mean, scale = numbers.mean(0), numbers.std(0)
        scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
        points = (numbers - mean) / scale
        count = min(COMPONENTS, max(1, len(points) // 3), points.shape[1])
        axes = torch.linalg.svd(points, full_matrices=False).Vh[:count].T
        return cls(mean, scale, points, median_distance(points), axes)

    def __call__(self, numbers: Tensor) -> Tensor:
        """Points (M, E) of an embedding (M, E)."""
        return (numbers - self.mean) / self.scale
