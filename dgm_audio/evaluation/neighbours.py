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

K = 5


class Shares(NamedTuple):
    """The four figures."""

    precision: float
    recall: float
    density: float
    coverage: float


class Neighbours:
    """The distances of two sets, computed once, and the figures for any weights of their clips.

    Args:
        x: embedded generated clips (N, E).
        reference: embedded real clips (M, E).
        k: neighbours; at most what the smaller set has.
    """

    def __init__(self, x: Tensor, reference: Tensor, k: int = K) -> None:
        self._k = k
        self._between = squared_distances(x, reference)
        self._made, self._real = _within(x), _within(reference)

    def __call__(self, weight: Tensor, weight_real: Tensor) -> Shares:
        """The figures when clips count (N,) and (M,) times.

        Clips that count nothing are in no ball and have none. A clip that counts twice weighs twice
        in the means, but is no neighbour of itself: its ball would shrink to a point.
        """
        made, real = weight > 0, weight_real > 0
        between, w, v = self._between[made][:, real], weight[made], weight_real[real]
        k = min(self._k, len(w) - 1, len(v) - 1)
        in_real = (between <= _radii(self._real[real][:, real], k)).double()
        in_made = (between <= _radii(self._made[made][:, made], k)[:, None]).double()
        return Shares(
            precision=float(w @ in_real.amax(1) / w.sum()),
            recall=float(v @ in_made.amax(0) / v.sum()),
            density=float(w @ in_real.sum(1) / w.sum() / max(k, 1)),
            coverage=float(v @ in_real.amax(0) / v.sum()),
        )


def _within(points: Tensor) -> Tensor:
    """Squared distances (N, N) of one set; the nearest of all is the clip itself."""
    distances = squared_distances(points, points)
    distances.fill_diagonal_(0)
    return distances


def _radii(distances: Tensor, k: int) -> Tensor:
    """Squared distance (N,) to the k-th neighbour."""
    return distances.kthvalue(k + 1, dim=1).values
