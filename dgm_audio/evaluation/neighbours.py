"""Fidelity apart from diversity, by k nearest neighbours.

With B_k(y) the ball around y that reaches its k-th nearest neighbour within y's own set:

    precision = share of generated clips x that lie in some B_k(y) of a real clip y
    density   = mean number of balls B_k(y) that a generated clip lies in, over k
    recall    = share of real clips y that lie in some B_k(x)
    coverage  = share of real clips y with some generated clip in B_k(y)

Precision and density ask whether the generated clips are like real ones, recall and coverage
whether all kinds of real clips are made. All but density depend on the numbers of clips, so they
are compared with a floor and a ceiling of the same size only.

References:
    Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models",
    2019. Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from dgm_audio.evaluation.distances import squared_distances


class Neighbours(NamedTuple):
    """What each clip adds to the four means: precision and density (N,), the others (M,)."""

    precision: Tensor
    recall: Tensor
    density: Tensor
    coverage: Tensor


def neighbours(x: Tensor, reference: Tensor, k: int = 5) -> Neighbours:
    """Precision, recall, density and coverage, clip by clip.

    Args:
        x: embedded generated clips (N, E).
        reference: embedded real clips (M, E).
        k: neighbours; at most what the smaller set has.
    """
    k = min(k, len(x) - 1, len(reference) - 1)
    between = squared_distances(x, reference)
    in_real = between <= _radii(reference, k)
    in_made = between <= _radii(x, k)[:, None]
    return Neighbours(
        precision=in_real.any(1).double(),
        recall=in_made.any(0).double(),
        density=in_real.double().sum(1) / k,
        coverage=in_real.any(0).double(),
    )


def _radii(points: Tensor, k: int) -> Tensor:
    """Squared distance (N,) to the k-th neighbour; the nearest of all is the clip itself."""
    distances = squared_distances(points, points)
    distances.fill_diagonal_(0)
    return distances.kthvalue(k + 1, dim=1).values
