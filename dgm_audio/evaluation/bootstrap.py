"""Intervals by the bootstrap, over clusters of near copies.

A figure is a function of how often each clip of each set counts. Its value is that for "once"; its
95 % interval comes from drawing clusters with replacement, the same draw for every figure.
Clusters, because ten velocity layers of one drum are one observation, not ten. The interval is
moved to the value, since figures such as the Frechet distance are larger on any resampled set.

References:
    Efron and Tibshirani, "An introduction to the bootstrap", 1993.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

Weights = Mapping[str, Tensor]
"""By the name of a set: how often each of its clips counts (N,)."""
Figure = Callable[[Weights], float]

ROUNDS = 200
LEVEL = 0.95


def estimate(
    figures: Mapping[str, Figure],
    clusters: Mapping[str, Tensor],
    *,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Values and 95 % intervals of all figures.

    All sets are drawn anew in every round, generated and real ones, by clusters. A figure that is
    not defined for a draw (a class that was not drawn) is left out of that round; one without a
    value has no interval.

    Args:
        figures: by name.
        clusters: by the name of a set: near copies share a number (N,).
        seed: of the draws.
        progress: takes the number of rounds that are done, `ROUNDS` in all.
    """
    once = {name: torch.ones(len(number), dtype=torch.float64) for name, number in clusters.items()}
    values = {name: figure(once) for name, figure in figures.items()}
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(ROUNDS):
        weights = {name: resample(number, rng) for name, number in clusters.items()}
        for name, figure in figures.items():
            draws[name].append(figure(weights))
        progress(1)
    defined = {name: [draw for draw in found if not math.isnan(draw)]
               for name, found in draws.items() if not math.isnan(values[name])}  # fmt: skip
    return values, {
        name: _interval(values[name], found) for name, found in defined.items() if found
    }


def resample(clusters: Tensor, rng: np.random.Generator) -> Tensor:
    """How often each clip counts (N,) when as many clusters as there are are drawn at random.

    >>> resample(torch.tensor([0, 0, 1]), np.random.default_rng(1)).tolist()
    [1.0, 1.0, 1.0]
    """
    names, index = clusters.unique(return_inverse=True)
    drawn = rng.integers(len(names), size=len(names))
    return torch.from_numpy(np.bincount(drawn, minlength=len(names)).astype(float))[index]


def _interval(value: float, draws: list[float]) -> list[float]:
    """Quantiles of the draws around their median, moved to the value."""
    low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return [float(value + low - middle), float(value + high - middle)]
