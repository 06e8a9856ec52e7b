"""A reference's embedding, standardised: the coordinates that clips are compared in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_audio._renamed import old_names
from dgm_audio.evaluation.distances import median_distance

COMPONENTS = 32
"""Frechet distances are taken in at most so many principal components of the reference: with about
a hundred clips the covariance of hundreds of numbers is mostly noise."""


@dataclass(frozen=True)
class StandardisedReference:
    """Coordinates in which a reference has zero mean and unit deviation.

    Args:
        mean: of the reference's embedding (E,).
        scale: its standard deviation (E,); 1 where it is zero.
        points: the reference (N, E) in these coordinates.
        bandwidth: median distance within the reference.
        axes: its first principal axes (E, P), P at most a third of its clips.
    """

    mean: Tensor
    scale: Tensor
    points: Tensor
    bandwidth: float
    axes: Tensor

    @classmethod
    def of(cls, embedded: Tensor) -> StandardisedReference:
        """Standardise a reference's embedding (N, E)."""
        mean, scale = embedded.mean(0), embedded.std(0)
        scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
        points = (embedded - mean) / scale
        count = min(COMPONENTS, max(1, len(points) // 3), points.shape[1])
        axes = torch.linalg.svd(points, full_matrices=False).Vh[:count].T
        return cls(mean, scale, points, median_distance(points), axes)

    def __call__(self, embedded: Tensor) -> Tensor:
        """Points (M, E) of an embedding (M, E), standardised like the reference."""
        return (embedded - self.mean) / self.scale


__getattr__ = old_names(__name__)
