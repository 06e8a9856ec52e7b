"""A classifier of labels, trained on the training clips: do generated clips sound like their class?

Kernel ridge regression, one against the rest, on the texture embedding and on the log-mel
spectrogram in sections of time that grow from the onset. On twelve classes of drums it names three
of four unseen clips rightly. It can be flattered (noise shaped to a class's mean spectrogram is the
most typical member of that class), so its figure means nothing without those of real clips and of
the floor.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from dgm_audio.evaluation import kernel_ridge
from dgm_audio.evaluation.distances import gaussian_kernel, median_distance

PENALTY = 0.3


def course(levels: Tensor) -> Tensor:
    """Log-mel levels (N, M, L) averaged over sections that grow from 1 frame: (N, M * S)."""
    edges, frames = [0, 1, 2, 3, 4], levels.shape[2]
    while edges[-1] * 1.4 < frames:
        edges.append(round(edges[-1] * 1.4))
    edges = [edge for edge in edges if edge < frames] + [frames]
    sections = [levels[:, :, a:b].mean(2) for a, b in pairwise(edges)]
    return torch.stack(sections, 2).flatten(1).double()


class LabelClassifier:
    """Names the class of a clip from its numbers (N, E); classes weigh as the root of their size.

    Args:
        numbers: of the training clips (N, E).
        labels: their class indices (N,).
    """

    def __init__(self, numbers: Tensor, labels: Tensor) -> None:
        self._numbers = numbers
        (known,) = kernel_ridge.standardise(numbers)
        self._width = median_distance(known)
        targets = torch.nn.functional.one_hot(labels).double()
        weight = kernel_ridge.balanced(labels, power=0.5)
        kernel = gaussian_kernel(known, known, self._width)
        self._a, self._b = kernel_ridge.fit(kernel, targets, weight, PENALTY)

    def __call__(self, numbers: Tensor) -> Tensor:
        """Class indices (M,) of clips (M, E)."""
        return self.scores(numbers).argmax(1)

    def scores(self, numbers: Tensor) -> Tensor:
        """Near 1 for a clip's class and near 0 for the others, (M, K), of clips (M, E)."""
        known, unknown = kernel_ridge.standardise(self._numbers, numbers)
        return gaussian_kernel(unknown, known, self._width) @ self._a + self._b

    def correct(self, numbers: Tensor, labels: Tensor) -> Tensor:
        """1 for each clip (M, E) whose class is named rightly, else 0: float64 (M,)."""
        return (self(numbers) == labels).double()
