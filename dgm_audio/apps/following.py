"""Gains that change smoothly while a sound comes in blocks: one that follows, one that limits.

Both work in steps of `STEP` samples, hear no more of the future than one step, and remember what
they need: blocks one after the other give what the whole sound gives.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.nn.causal import History

STEP = 128
"""Samples between two gains; in between they go in a straight line."""
WINDOW, SMOOTH = 0.05, 0.012
"""Seconds over which power is averaged, and gains."""
MOST_DB = 24.0
SILENCE_DB = -70.0
CEILING = 0.99
RELEASE = 100.0
"""dB per second with which a lowered sound comes back."""


class Limiter:
    """Lowers a sound where it would pass 0.99 of full scale, within a step; comes back slowly.

    It is late by `STEP` samples: the first block gives so many fewer.

    Args:
        sample_rate: in Hz.

    Attributes:
        lowered_db: by how much it has lowered the sound at most.

    Example:
        >>> limiter = Limiter(44100)
        >>> loud = [limiter(torch.full((1, 1, 1024), 2.0)) for _ in range(2)]
        >>> [block.shape[2] for block in loud], round(float(loud[1].max()), 6)
        ([896, 1024], 0.99)
    """

    def __init__(self, sample_rate: int) -> None:
        self.lowered_db = 0.0
        self._release = RELEASE * STEP / sample_rate * math.log(10) / 20
        self._held: Tensor | None = None
        self._level: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, n * STEP) -> the same, `STEP` samples late.

        Raises:
            InputError: if the block is not of whole steps.
        """
        x = x if self._held is None else torch.cat([self._held, x], dim=2)
        steps = in_steps(x)
        if steps.shape[2] < 2:
            self._held = x
            return x[:, :, :0]
        self._held = x[:, :, -STEP:]
        most = steps.abs().amax(dim=(1, 3)).double().clamp_min(CEILING)
        needed = (CEILING / most).log()
        start = needed[:, :1] if self._level is None else self._level
        both = torch.minimum(needed[:, :-1], needed[:, 1:])
        rise = self._release * torch.arange(needed.shape[1], device=x.device)
        level = (torch.cat([start, both], dim=1) - rise).cummin(dim=1).values + rise
        self._level = level[:, -1:]
        self.lowered_db = max(self.lowered_db, -20 / math.log(10) * float(level.min()))
        return x[:, :, :-STEP] * ramps(level.exp())[:, None].to(x.dtype)


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
        power = in_steps(x).double().square().mean(dim=(1, 3))
        return (
            self._history.joined(key, power, self._window - 1).unfold(1, self._window, 1).mean(-1)
        )


def in_steps(x: Tensor) -> Tensor:
    """(B, C, n * STEP) -> (B, C, n, STEP).

    Raises:
        InputError: if it is not of whole steps.
    """
    if x.shape[2] % STEP:
        raise InputError(f"the block has {x.shape[2]} samples; it must be a multiple of {STEP}")
    return x.unflatten(2, (x.shape[2] // STEP, STEP))


def ramps(level: Tensor) -> Tensor:
    """Straight lines (B, n * STEP) between levels (B, n + 1), each step ending at its level."""
    way = torch.arange(1, STEP + 1, device=level.device, dtype=level.dtype) / STEP
    rise = level.diff(dim=1)
    return (level[:, :-1, None] + rise[:, :, None] * way).flatten(1)
