"""Backward-adaptive linear prediction (LPC): each sample from those before it, and nothing else.

    p_t = 0.998 sum_{i=1}^{P} a_i x_{t-i}

    x (B, T) -> predictions p (B, T), mean absolute errors (B, T, 3)

The coefficients a solve the normal equations of the last W samples, weighted by a window that rises
slowly and ends at once, and are renewed at every hop. A decoder that has the past computes the same
ones, so they are neither sent nor learned: in a sound that rings, an order of 128 at 16 kHz follows
every partial. The mean error of the latest predictions measures how reliable they are, the largest
mean error of the last second how far the sound has decayed.

References:
    Chen et al., "A low-delay CELP coder for the CCITT 16 kb/s speech coding standard", 1992.
    Makhoul, "Linear prediction: a tutorial review", 1975 (Levinson's recursion).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.runtime.kernels.prediction import Memory


class Prediction(NamedTuple):
    """Predictions of samples, and how far recent ones were off.

    Attributes:
        mean: the prediction p (...), float32 in [-1, 1].
        spread: mean absolute errors (..., 3), float32, above 0: over 32 and 512 samples, and the
            largest of the latter in about the last second.
    """

    mean: Tensor
    spread: Tensor


@dataclass(frozen=True)
class BackwardPrediction:
    """Predictions of audio from its own past.

    Args:
        order: P, past samples per prediction, a multiple of 16; 0 predicts silence.
        window: W, samples that the coefficients are fitted to; at least P.
        hop: samples between two fits.

    Raises:
        InputError: if a value is not allowed.

    Example:
        >>> x = torch.sin(0.3 * torch.arange(4000.0))[None]
        >>> prediction = BackwardPrediction(16)(x)
        >>> bool(((x - prediction.mean)[:, 3000:].abs() < 0.01).all())
        True
    """

    order: int = 128
    window: int = 2048
    hop: int = 128

    @classmethod
    def of_order(cls, order: int) -> BackwardPrediction:
        """The window and the hop that suit an order: 16 times as long, and as long."""
        return cls(order, 16 * order, order) if order else cls(0)

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 <= self.order <= self.window or self.order % 16 or self.hop < 1:
            raise InputError(
                f"order is {self.order}, window {self.window}, hop {self.hop}; allowed are "
                "an order that is a multiple of 16 up to the window, and a hop of at least 1"
            )

    def __call__(self, x: Tensor) -> Prediction:
        """The prediction of each sample of audio (B, T) from those before it."""
        from dgm_audio.runtime.kernels.prediction import N_SPREADS, follow

        known = np.ascontiguousarray(x.detach().cpu().float().numpy())
        mean, spread = np.empty_like(known), np.empty((*known.shape, N_SPREADS), np.float32)
        follow(self.memory(len(known)), known, mean, spread)
        return Prediction(*(torch.from_numpy(part).to(x.device) for part in (mean, spread)))

    def start(self, batch: int) -> Predictor:
        """A predictor of a batch of streams, sample by sample."""
        return Predictor(self.memory(batch))

    def memory(self, streams: int) -> Memory:
        """The state of streams at their start, for compiled code."""
        from dgm_audio.runtime.kernels.prediction import FIRST, N_SPREADS, Memory
        from dgm_audio.runtime.kernels.vectors import DOUBLES

        rise = np.sin(np.pi / 2 * (np.arange(self.window) + 0.5) / self.window) ** 2
        return Memory(
            window=rise,
            samples=np.zeros((streams, self.window + self.hop), np.float32),
            weights=np.zeros((streams, self.order)),
            errors=np.full((streams, N_SPREADS), FIRST),
            windowed=np.zeros(self.window + self.order + DOUBLES),
            lags=np.zeros(self.order + DOUBLES),
            solution=np.zeros((2, self.order)),
        )


class Predictor:
    """Predicts a batch of streams sample by sample: call `predict`, then `update`, for each."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.now = memory, 0
        self.mean = np.zeros(len(memory.errors), np.float32)

    def predict(self) -> Prediction:
        """The prediction of the next sample of each stream: (B,) and (B, 3)."""
        from dgm_audio.runtime.kernels.prediction import predict_all

        spread = np.empty_like(self.memory.errors, np.float32)
        predict_all(self.memory, self.now, self.mean, spread)
        return Prediction(torch.from_numpy(self.mean.copy()), torch.from_numpy(spread))

    def update(self, x: Tensor) -> None:
        """Take the next sample of each stream (B,)."""
        from dgm_audio.runtime.kernels.prediction import update_all

        update_all(self.memory, self.now, x.cpu().numpy(), self.mean)
        self.now += 1
