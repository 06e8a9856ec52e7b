"""A gain that changes smoothly while a sound comes in blocks, and follows another sound.

It works in steps of `STEP` samples, hears no more of the future than one step, and remembers what
it needs: blocks one after the other give what the whole sound gives.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.nn.causal import History
from dgm_audio.signal.full_scale import STEP, Limiter, in_steps, ramps

WINDOW, SMOOTH = 0.05, 0.012
"""Seconds over which power is averaged, and gains."""
MOST_DB = 24.0
SILENCE_DB = -70.0


class LoudnessFollower:
    """Gives one sound the short-term loudness of another that comes with it.

        y_t g_t,    g^2 = mean power of x / mean power of y

    Powers are those of all channels together, over the last 50 ms. The gain keeps to +-24 dB; where
    x is below -70 dB it goes to silence. A `Limiter` comes last, so the first block gives `STEP`
    samples fewer.

    Args:
        sample_rate: in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._window = max(1, round(WINDOW * sample_rate / STEP))
        self._smooth = max(1, round(SMOOTH * sample_rate / STEP))
        self._history = History()
        self._gains: Tensor | None = None
        self._limiter = Limiter(sample_rate)

    @property
    def lowered_db(self) -> float:
        """By how much the sound was lowered at most, to stay below full scale."""
        return self._limiter.lowered_db

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The next block of y (B, C, n * STEP), as loud as that of x (B, C, n * STEP).

        Raises:
            InputError: if the blocks differ in length, or are not of whole steps.
        """
        if x.shape[2] != y.shape[2]:
            raise InputError(f"the blocks have {x.shape[2]} and {y.shape[2]} samples, not equal")
        if not y.shape[2]:
            return self._limiter(y)
        wanted, found = self._power("x", x), self._power("y", y)
        most = 10 ** (MOST_DB / 20)
        gains = (wanted / found.clamp_min(1e-20)).sqrt().clamp(1 / most, most)
        gains = gains.where(wanted > 10 ** (SILENCE_DB / 10), 0.0)
        if self._gains is None:
            self._gains = gains[:, :1].expand(-1, self._smooth)
        gains = torch.cat([self._gains, gains], dim=1)
        self._gains = gains[:, -self._smooth :]
        level = gains.unfold(1, self._smooth, 1).mean(-1)
        return self._limiter(y * ramps(level)[:, None].to(y.dtype))

    def _power(self, key: str, x: Tensor) -> Tensor:
        """Mean square (B, n) of the last 50 ms at the end of each step of (B, C, n * STEP)."""
        power = in_steps(x).double().square().mean(3).mean(1)  # in an order that n does not change
        return (
            self._history.joined(key, power, self._window - 1).unfold(1, self._window, 1).mean(-1)
        )
