"""What a generator makes and takes: `AudioSpec`, `LatentSpec`, `ConditionSpec`.

Letters, as everywhere in this package: B batch, C audio channels, T samples, D latent channels,
L latent frames, M mel bins, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.runtime.surroundings import holds

if TYPE_CHECKING:
    from dgm_audio.signal.mel import MelSpec

MAX_LATENT_NORM = 1e6
"""Latents with a larger Euclidean norm per item are refused: no standard normal ever has one."""
LOG_MEL = "natural logarithms of mel magnitudes"
"""The unit of a mel condition."""


@dataclass(frozen=True)
class AudioSpec:
    """Shape and range of the audio that a generator makes: (B, C, T) in [-1, 1].

    Args:
        sample_rate: in Hz.
        channels: C.
        length: T of a clip when nothing else is asked for.
        max_length: the largest T that the model can make; None if it can go on for ever.
        levels: number of amplitude levels if x is discrete (256 for 8-bit mu-law), so that a
            likelihood is a probability mass; None if x is continuous and it is a density.
    """

    sample_rate: int
    channels: int = 1
    length: int = 65536
    max_length: int | None = None
    levels: int | None = None

    @property
    def seconds(self) -> float:
        """Duration of a default clip."""
        return self.length / self.sample_rate

    def resolve_length(self, seconds: float | None) -> int:
        """Number of samples T = round(seconds * sample_rate), or `length` for None.

        Raises:
            InputError: if seconds is not a finite number between one sample and the longest clip.
        """
        if seconds is None:
            return self.length
        if isinstance(seconds, bool) or not isinstance(
            seconds, int | float | np.integer | np.floating
        ):
            raise InputError(f"seconds is {seconds!r}; it must be a number above 0")
        longest = math.inf if self.max_length is None else self.max_length / self.sample_rate
        samples = float(seconds) * self.sample_rate
        length = round(samples) if math.isfinite(samples) else 0
        if length < 1 or length / self.sample_rate > longest:
            limit = f"at most {longest:.3f}" if math.isfinite(longest) else "finite"
            raise InputError(f"seconds is {seconds}; it must be above 0 and {limit} for this model")
        return length


@dataclass(frozen=True)
class LatentSpec:
    """Shape of z: (B, D, L), standard normal.

    Args:
        channels: D.
        hop: samples of audio per latent frame, so that L = ceil(T / hop); None means one code per
            clip (L = 1).
    """

    channels: int
    hop: int | None = None

    def frames(self, length: int) -> int:
        """L for a clip of `length` samples.

        >>> LatentSpec(8, hop=512).frames(513), LatentSpec(8).frames(513)
        (2, 1)
        """
        return 1 if self.hop is None else math.ceil(length / self.hop)


@dataclass(frozen=True)
class Classes:
    """A class label out of K names. Given as a name, an index, a list of them, or a tensor (B,).

    A name is understood in upper and lower case, with blanks around it, and with blanks or hyphens
    for its underscores, unless two classes differ in nothing else: then only as it is written.

    >>> Classes(("kick", "closed_hat")).parse("class", [" Kick", "Closed hat", 0], batch=3)
    tensor([0, 1, 0])
    """

    names: tuple[str, ...]

    def default(self, batch: int) -> Tensor:
        """Item i gets class i mod K: a batch without labels shows every class."""
        return torch.arange(batch, device="cpu") % len(self.names)

    def parse(self, key: str, value: Any, batch: int) -> Tensor:
        """Int64 tensor (B,) of class indices."""
        if _is_traced(value):
            return _row(key, value, batch).long()
        indices = [self._index(key, item) for item in _items(key, value, batch)]
        return torch.tensor(indices, dtype=torch.long, device="cpu")

    def _index(self, key: str, item: Any) -> int:
        if isinstance(item, str):
            alike = [name for name in self.names if _plain(name) == _plain(item)]
            if item in self.names or len(alike) == 1:
                return self.names.index(item if item in self.names else alike[0])
            item = int(item) if item.isdecimal() else item
        if isinstance(item, int | np.integer) and not isinstance(item, bool):
            if 0 <= item < len(self.names):
                return int(item)
        allowed = ", ".join(self.names)
        raise InputError(f"condition {key!r} is {item!r:.60}; allowed are {allowed}")


@dataclass(frozen=True)
class Scalar:
    """A number in [low, high], with its unit; absent means `default_value`."""

    low: float
    high: float
    unit: str
    default_value: float

    def default(self, batch: int) -> Tensor:
        """Float tensor (B,) of the default value."""
        number = float(self.default_value)
        return torch.full((batch,), number, dtype=torch.float32, device="cpu")

    def parse(self, key: str, value: Any, batch: int) -> Tensor:
        """Float tensor (B,)."""
        if _is_traced(value):
            return _row(key, value, batch).float()
        try:
            numbers = [float(item) for item in _items(key, value, batch)]
        except (TypeError, ValueError, OverflowError):
            numbers = [math.nan]
        if not all(self.low <= number <= self.high for number in numbers):
            raise InputError(
                f"condition {key!r} is {value!r:.60}; "
                f"it must be a number from {self.low:g} to {self.high:g} ({self.unit})"
            )
        return torch.tensor(numbers, dtype=torch.float32, device="cpu")


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

    def default(self, batch: int) -> Tensor:
        """There is no default for frames.

        Raises:
            InputError: always; the message says what is needed.
        """
        raise InputError(
            f"this model needs frames of shape ({batch}, {self.channels}, L) as a condition"
        )

    def parse(self, key: str, value: Any, batch: int) -> Tensor:
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


Field = Classes | Scalar | Frames
Condition = Mapping[str, Any] | None
"""What users pass: a mapping from field name to value(s); an absent field takes its default."""


def _plain(name: str) -> str:
    """A name as it is compared (see `Classes`)."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _is_traced(value: Any) -> bool:
    """Whether a value is a tensor of a graph that is being traced: it has none yet."""
    return isinstance(value, Tensor) and torch.compiler.is_compiling()


def _row(key: str, value: Tensor, batch: int) -> Tensor:
    """Values (B,) of a tensor with one value, or one per item."""
    flat = value.flatten()
    if flat.shape[0] not in (1, batch):
        raise InputError(f"condition {key!r} has {flat.shape[0]} values for a batch of {batch}")
    return flat.expand(batch)


def _items(key: str, value: Any, batch: int) -> list[Any]:
    """One value per item of the batch; a single value is repeated."""
    if isinstance(value, Tensor | np.ndarray):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * batch
    if len(value) == 1:
        return list(value) * batch
    if len(value) != batch:
        raise InputError(f"condition {key!r} has {len(value)} values for a batch of {batch}")
    return list(value)


@dataclass(frozen=True)
class ConditionSpec:
    """Ordered, named condition fields; empty for an unconditional model."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, Field]]:
        return iter(self.fields.items())

    def __bool__(self) -> bool:
        return bool(self.fields)

    def parse(self, condition: Condition, batch: int) -> dict[str, Tensor]:
        """One tensor with leading dimension B for every field, in order.

        Raises:
            InputError: for a name that the model does not have, or a value out of its range.
        """
        given = {} if condition is None else condition
        if not isinstance(given, Mapping):
            raise InputError(
                f"condition is a {type(given).__name__}; give a mapping such as "
                f"{{'class': 'kick'}} (this model has: {', '.join(self.fields) or 'no conditions'})"
            )
        for key in given:
            if key not in self.fields:
                allowed = ", ".join(self.fields) or "no conditions"
                raise InputError(f"condition {key!r} is unknown; this model has: {allowed}")
        return {
            key: spec.default(batch)
            if given.get(key) is None
            else spec.parse(key, given[key], batch)
            for key, spec in self
        }
