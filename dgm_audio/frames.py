"""Sequences of features as a condition, and what of them is plausible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.runtime.surroundings import holds

if TYPE_CHECKING:
    from dgm_audio.signal.mel import MelSpec

LOG_MEL = "natural logarithms of mel magnitudes"
"""The unit of a mel condition."""


@dataclass(frozen=True)
class Frames:
    """A sequence of feature frames (B, channels, L), one frame per `hop` samples; required.

    Args:
        channels: numbers per frame.
        hop: samples per frame.
        low: the smallest number that is plausible.
        high: the largest one.
        unit: what the numbers are.
    """

    channels: int
    hop: int
    low: float = -math.inf
    high: float = math.inf
    unit: str = "features"

    @classmethod
    def of_mel(cls, spec: MelSpec) -> Frames:
        """The frames that `LogMel(spec)` makes."""
        return cls(spec.n_mels, spec.hop, *spec.range, LOG_MEL)

    def default(self, batch: int, known: Mapping[str, Tensor] | None = None) -> Tensor:
        """There is no default for frames.

        Raises:
            InputError: always; the message says what is needed.
        """
        raise InputError(
            f"this model needs frames of shape ({batch}, {self.channels}, L) as a condition"
        )

    def parse(
        self, key: str, value: Any, batch: int, known: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Float tensor (B, channels, L); a batch of one is repeated."""
        if not isinstance(value, Tensor | np.ndarray):
            raise InputError(f"condition {key!r} is a {type(value).__name__}; it must be a tensor")
        frames = value if isinstance(value, Tensor) else torch.from_numpy(value)
        if frames.ndim == 2:
            frames = frames[None]
        if (
            frames.ndim != 3
            or frames.shape[1] != self.channels
            or frames.shape[0] not in (1, batch)
        ):
            raise InputError(
                f"condition {key!r} has shape {tuple(frames.shape)}; "
                f"expected ({batch}, {self.channels}, L)"
            )
        if not frames.is_floating_point():
            raise InputError(f"condition {key!r} is {frames.dtype}; it must be floating-point")
        self._check_range(key, frames.detach())
        return frames.expand(batch, -1, -1)

    def _check_range(self, key: str, frames: Tensor) -> None:
        if not frames.numel():
            return
        least, most = frames.aminmax()  # NaN if there is one
        inside = (least >= self.low) & (most <= self.high) & (most - least).isfinite()
        signed = (least < 0) | (most <= 0) if self.unit == LOG_MEL else inside
        if holds(inside & signed):
            return
        found = float(least), float(most)
        if not all(map(math.isfinite, found)):
            raise InputError(f"condition {key!r} has NaN or infinite values; it must be finite")
        raise InputError(
            f"condition {key!r} has values from {found[0]:.4g} to {found[1]:.4g}; {self.unit} lie "
            f"between {self.low:.4g} and {self.high:.4g}{self._mistake(*found)}"
        )

    def _mistake(self, least: float, most: float) -> str:
        """What was probably done wrong, and what to do."""
        if self.unit != LOG_MEL:
            return ""
        if least >= 0:
            return "; if they are magnitudes, take their logarithm"
        if least < 3 * self.low:
            return "; if they are decibels, multiply them by log(10) / 20"
        if least < self.low:
            return "; if they are logarithms of power, halve them"
        return "; is the sound within [-1, 1]?"
