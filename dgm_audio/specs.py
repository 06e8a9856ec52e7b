"""What a generator makes and takes: `AudioSpec`, `LatentSpec`, `ConditionSpec`.

Letters, as everywhere in this package: B batch, C audio channels, T samples, D latent channels,
L latent frames, M mel bins, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.fields import Classes, Mixture, Scalar
from dgm_audio.frames import Frames
from dgm_audio.text_field import Text

__all__ = [
    "AudioSpec",
    "Classes",
    "Condition",
    "ConditionSpec",
    "Field",
    "Frames",
    "LatentSpec",
    "Mixture",
    "Scalar",
    "Text",
]

MAX_LATENT_NORM = 1e6
"""Latents with a larger Euclidean norm per item are refused: no standard normal ever has one."""


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


Field = Classes | Scalar | Frames | Text
Condition = Mapping[str, Any] | None
"""What users pass: a mapping from field name to value(s); an absent field takes its default."""


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
        parsed: dict[str, Tensor] = {}
        said = any(isinstance(spec, Text) and given.get(key) is not None for key, spec in self)
        for key, spec in self:
            value = given.get(key)
            if value is not None:
                parsed[key] = spec.parse(key, value, batch, parsed)
            elif said and isinstance(spec, Classes) and spec.follows:
                first = spec.default(batch, parsed)[:1]  # a text is in one language
                parsed[key] = first.expand(batch, *first.shape[1:])
            else:
                parsed[key] = spec.default(batch, parsed)
        return parsed
