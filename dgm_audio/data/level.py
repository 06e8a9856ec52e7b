"""Level, clipping and offset of a sound, gathered block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FULL_SCALE = 0.999
"""Samples from here upwards are at full scale; three in a row are clipping."""


@dataclass
class Level:
    """Running figures of the blocks added so far.

    Attributes:
        peak: largest magnitude.
        clipped: samples that lie in runs of three or more at full scale.
    """

    peak: float = 0.0
    clipped: int = 0
    _count: int = 0
    _sum: float = 0.0

    def add(self, block: np.ndarray) -> None:
        """Take in a block (C, T) of samples."""
        self.peak = max(self.peak, float(block.max()), -float(block.min()))
        self._count += block.size
        self._sum += float(block.sum(dtype=np.float64))
        if self.peak >= FULL_SCALE:
            full = np.abs(block) >= FULL_SCALE
            inner = full[:, 2:] & full[:, 1:-1] & full[:, :-2]
            runs = np.zeros_like(full)
            for shift in range(3):
                runs[:, shift : shift + inner.shape[1]] |= inner
            self.clipped += int(runs.sum())

    @property
    def offset(self) -> float:
        """Mean of the samples: the DC offset."""
        return self._sum / self._count if self._count else 0.0

    @property
    def clipped_share(self) -> float:
        """Share of the samples that are clipped, 0 to 1."""
        return self.clipped / self._count if self._count else 0.0
