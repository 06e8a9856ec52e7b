"""Backward-adaptive linear prediction: each sample from those before it, and nothing else.

    p_t = 0.998 sum_{i=1}^{P} a_i x_{t-i}

The coefficients a solve the normal equations of the last W samples, weighted by a window that rises
slowly and ends at once, and are renewed at every hop. A receiver that knows the past finds the same
ones, so none need to be sent, or learned: of a sound that rings, an order of 128 at 16 kHz follows
every partial. How far to trust it says the mean error of its latest predictions; how far the sound
has died, the largest that it was.

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


class Expected(NamedTuple):
    """What is expected of samples before they are heard.

    Attributes:
        mean: the prediction p (...), float32 in [-1, 1].
        spread: mean absolute errors of late (..., 3), float32, above 0: of 32 and of 512 samples,
            and the largest of the latter in the last second or so.
    """

    mean: Tensor
    spread: Tensor


@dataclass(frozen=True)
class BackwardPrediction:
    """Predictions of audio from its own past.

    Args:
        order: P, past samples that a prediction is made of, a multiple of 16; 0 expects silence.
        window: W, samples that the coefficients are fitted to; at least P.
        hop: samples between two fits.

    Raises:
        InputError: if a value is not allowed.

    Example:
        >>> x = torch.sin(0.3 * torch.arange(4000.0))[None]
        >>> expected = BackwardPrediction(16)(x)
        >>> bool(((x - expected.mean)[:, 3000:].abs() < 0.01).all())
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

    def __call__(self, x: Tensor) -> Expected:
        """What to expect of each sample of audio (B, T), given those before it."""
        from dgm_audio.runtime.kernels.prediction import N_SPREADS, follow

        known = np.ascontiguousarray(x.detach().cpu().float().numpy())
        mean, spread = np.empty_like(known), np.empty((*known.shape, N_SPREADS), np.float32)
        follow(self.memory(len(known)), known, mean, spread)
        return Expected(torch.from_numpy(mean).to(x.device), torch.from_numpy(spread).to(x.device))

    def start(self, batch: int) -> Predictor:
        """A predictor that hears a batch sample by sample."""
        return Predictor(self.memory(batch))

    def memory(self, streams: int) -> Memory:
        """What compiled code needs to follow streams from their start."""
        from dgm_audio.runtime.kernels.prediction import FIRST, N_SPREADS, Memory
        from dgm_audio.runtime.kernels.vectors import DOUBLES

        rise = np.sin(np.pi / 2 * (np.arange(self.window) + 0.5) / self.window) ** 2
        return Memory(
            window=rise,
            heard=np.zeros((streams, self.window + self.hop), np.float32),
            weights=np.zeros((streams, self.order)),
            errors=np.full((streams, N_SPREADS), FIRST),
            seen=np.zeros(self.window + self.order + DOUBLES),
            lags=np.zeros(self.order + DOUBLES),
            solution=np.zeros((2, self.order)),
        )


class Predictor:
    """Follows a batch of streams: `expect`, then `hear`, for each sample."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.now = memory, 0
        self.mean = np.zeros(len(memory.errors), np.float32)

    def expect(self) -> Expected:
        """What to expect of the next sample of each stream: (B,) and (B, 3)."""
        from dgm_audio.runtime.kernels.prediction import expect_all

        spread = np.empty_like(self.memory.errors, np.float32)
        expect_all(self.memory, self.now, self.mean, spread)
        return Expected(torch.from_numpy(self.mean.copy()), torch.from_numpy(spread))

    def hear(self, x: Tensor) -> None:
        """The next sample of each stream (B,)."""
        from dgm_audio.runtime.kernels.prediction import hear_all

        hear_all(self.memory, self.now, x.cpu().numpy(), self.mean)
        self.now += 1
