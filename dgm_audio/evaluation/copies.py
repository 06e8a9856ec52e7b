"""The copy audit: how near is the nearest training clip?

The distance of two clips is the mean absolute difference of their log-mel spectrograms in dB, in
cells of 2 bands and about 23 ms, so that a copy with a little noise or a shift of a few samples is
still near. A model that copies is nearer to its training clips than other real clips of the same
kits are: `copy_score` below `copy_score_real` is a warning, at or above it is good. Held-out clips
have relatives in the training set (other drums of the same kit), but near copies of training clips
were kept out of them, so the comparison is strict: a model that draws from the very distribution of
the training clips makes some near copies and scores a little below. Read it with its interval.

References:
    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
    models", 2020 (nearest training neighbour, against that of held-out data).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_BATCH = 32


def cells(levels: Tensor) -> Tensor:
    """Coarse log-mel spectrograms (N, cells) in dB of fine ones (N, M, L)."""
    pooled = F.avg_pool2d(levels[:, None], (2, 4), ceil_mode=True)
    return pooled.flatten(1)


def nearest_distance(x: Tensor, training: Tensor) -> Tensor:
    """Distance in dB (N,) of clips (N, cells) to the nearest training clip (M, cells)."""
    parts = [torch.cdist(part, training, p=1).amin(1) for part in x.split(_BATCH)]
    return torch.cat(parts).double() / x.shape[1]


def weighted_median(values: Tensor, weight: Tensor) -> float:
    """Smallest value such that half of the weight is at or below it.

    >>> weighted_median(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 1.0]))
    2.0
    """
    order = values.argsort()
    total = weight[order].cumsum(0)
    index = int(torch.searchsorted(total, total[-1:] / 2))
    return float(values[order[index]])
