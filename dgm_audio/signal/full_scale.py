"""Sound beyond full scale is lowered, never clipped: a clip as a whole, a stream in places.

Callers that report it to a user measure it by `lowered_within`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import InputError

STEP = 128
"""Samples between two gains; in between they go in a straight line."""
CEILING = 0.99
RELEASE = 100.0
"""dB per second with which a lowered sound comes back."""
GRID = 2.0**30
"""Log-gains are multiples of 1 / GRID, so that sums of them are exact in any order."""


@dataclass
class Lowered:
    """By how many dB sounds were lowered at most: as a whole, and in places."""

    whole_db: float = 0.0
    places_db: float = 0.0

    def describe(self) -> str:
        """A phrase; empty if no sound was lowered by more than 0.05 dB.

        >>> Lowered(3.21).describe()
        'lowered by 3.2 dB: it went beyond full scale'
        """
        if self.places_db > max(self.whole_db, 0.05):
            return f"lowered in places, by up to {self.places_db:.1f} dB: it went beyond full scale"
        if self.whole_db > 0.05:
            return f"lowered by {self.whole_db:.1f} dB: it went beyond full scale"
        return ""


_asked: ContextVar[Lowered | None] = ContextVar("lowered", default=None)


@contextmanager
def lowered_within() -> Iterator[Lowered]:
    """By how much sounds are lowered within, in this thread.

    Example:
        >>> with lowered_within() as lowered:
        ...     x = below_full_scale(torch.full((1, 1, 4), 2.0))
        >>> float(x.max()), round(lowered.whole_db, 2)
        (1.0, 6.02)
    """
    found = Lowered()
    token = _asked.set(found)
    try:
        yield found
    finally:
        _asked.reset(token)


def below_full_scale(x: Tensor) -> Tensor:
    """Sounds (B, C, T), each divided by its largest magnitude if that is above 1."""
    loudest = x.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1)
    if (asked := _asked.get()) is not None:
        asked.whole_db = max(asked.whole_db, 20 * math.log10(float(loudest.detach().max())))
    return x / loudest


def tell_lowered(places_db: float) -> None:
    """A sound was lowered in places, by so much at most."""
    if (asked := _asked.get()) is not None:
        asked.places_db = max(asked.places_db, places_db)


class Limiter:
    """Lowers a sound where it would pass 0.99 of full scale, within a step; comes back slowly.

    It works in steps of `STEP` samples and is late by one: the first block gives so many fewer.
    Blocks one after the other give, bit for bit, what the whole sound gives. A sound that stays
    below is not changed. Gradients take the gain as given.

    Args:
        sample_rate: in Hz.

    Example:
        >>> limiter = Limiter(44100)
        >>> loud = [limiter(torch.full((1, 1, 1024), 2.0)) for _ in range(2)]
        >>> [block.shape[2] for block in loud], round(float(loud[1].max()), 6)
        ([896, 1024], 0.99)
        >>> round(limiter.lowered_db, 2)
        6.11
    """

    def __init__(self, sample_rate: int) -> None:
        release = RELEASE * STEP / sample_rate * math.log(10) / 20
        self._release = max(1, round(release * GRID)) / GRID
        self._held: Tensor | None = None
        self._level: Tensor | None = None
        self._lowest: Tensor | None = None

    @property
    def lowered_db(self) -> float:
        """By how much it has lowered the sound at most."""
        return 0.0 if self._lowest is None else -20 / math.log(10) * float(self._lowest)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, C, n * STEP) -> the same, `STEP` samples late.

        Raises:
            InputError: if the block is not of whole steps.
        """
        x = x if self._held is None else torch.cat([self._held, x], dim=2)
        steps = in_steps(x.detach())
        if steps.shape[2] < 2:
            self._held = x
            return x[:, :, :0]
        self._held = x[:, :, -STEP:]
        most = steps.abs().amax(dim=(1, 3)).double().clamp_min(CEILING)
        needed = ((CEILING / most).log() * GRID).floor() / GRID
        start = needed[:, :1] if self._level is None else self._level
        both = torch.minimum(needed[:, :-1], needed[:, 1:])
        rise = self._release * torch.arange(needed.shape[1], device=x.device, dtype=torch.float64)
        level = (torch.cat([start, both], dim=1) - rise).cummin(dim=1).values + rise
        self._level = level[:, -1:]
        lowest = level.min()
        self._lowest = lowest if self._lowest is None else torch.minimum(self._lowest, lowest)
        return x[:, :, :-STEP] * ramps(level.exp())[:, None].to(x.dtype)

    def whole(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """All of a sound of blocks (B, C, t) of any length, to its end."""
        rest: Tensor | None = None
        left = 0
        for block in blocks:
            left += block.shape[2]
            rest = block if rest is None else torch.cat([rest, block], dim=2)
            whole = rest.shape[2] // STEP * STEP
            if whole and (made := self(rest[:, :, :whole])).shape[2]:
                left -= made.shape[2]
                yield made
            rest = rest[:, :, whole:]
        if rest is not None:
            end = F.pad(rest, (0, 2 * STEP - rest.shape[2]))
            last = self(end)[:, :, :left]
            if _asked.get() is not None:  # a graph that is traced has no values to look at
                tell_lowered(self.lowered_db)
            yield last


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
