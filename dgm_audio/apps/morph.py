"""Between sounds: on the way from one to another, on a pad with four corners, along a path.

A place is (x, y), x from left (0) to right (1), y from top (0) to bottom (1). Corners come in the
order top left, top right, bottom left, bottom right; two corners make a line, on which y says
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.generator import check_integer
from dgm_audio.interpolation import slerp
from dgm_audio.specs import ConditionSpec, Mixture

MAX_GRID = 33
_LARGEST = 1e9
"""Conditions beyond do not glide: no field has a use for them, so they are refused later on."""


def point(corners: Sequence[Tensor], x: float, y: float) -> Tensor:
    """The latent at a place: great circles between left and right, then between top and bottom.

        slerp(slerp(z00, z01, x), slerp(z10, z11, x), y)

    Args:
        corners: 4 latents (1, D, L), or 2.
        x: from left (0) to right (1).
        y: from top (0) to bottom (1).

    Returns:
        Latent (1, D, L), that of a corner itself in the corners.

    Raises:
        InputError: if there are not 2 or 4 corners, their shapes differ, or x or y is not allowed.
    """
    check_corners(len(corners))
    x, y = _share("x", x), _share("y", y)
    shapes = {tuple(corner.shape) for corner in corners}
    if len(shapes) != 1:
        found = " and ".join(str(shape) for shape in sorted(shapes))
        raise InputError(f"the corners have latents of shapes {found}; they must be equal")
    rows = [slerp(left, right, x) for left, right in zip(corners[::2], corners[1::2], strict=True)]
    return rows[0] if len(rows) == 1 else slerp(rows[0], rows[1], y)


def blend(
    conditions: Sequence[Mapping[str, Any]], x: float, y: float, spec: ConditionSpec | None = None
) -> dict[str, Any]:
    """The condition at a place: numbers and mixtures glide, names are those of the nearest corner.

    Args:
        conditions: a full one per corner, 2 or 4; classes by name.
        x: as those of `point`.
        y: see there.
        spec: says which of them are mixtures; by default none are.

    Returns:
        Numbers in proportion to the distance from each side, rounded to 2 decimals; what is the
        same everywhere stays as it is. Halfway between two corners names are those of the earlier.

    Raises:
        InputError: if there are not 2 or 4 conditions, their names differ, or x or y is wrong.

    Example:
        >>> blend([{"class": "reed", "pitch": 60.0}, {"class": "pipe", "pitch": 50.0}], 0.25, 0)
        {'class': 'reed', 'pitch': 57.5}
    """
    check_corners(len(conditions))
    x, y = _share("x", x), _share("y", y)
    y = y if len(conditions) == 4 else 0.0
    names = list(conditions[0])
    for other in conditions:
        if set(other) != set(names):
            raise InputError(
                f"the corners have conditions {', '.join(map(repr, names)) or 'none'!s:.60} and "
                f"{', '.join(map(repr, other)) or 'none'!s:.60}; their names must be equal"
            )
    nearest = conditions[2 * (y > 0.5) + (x > 0.5)]
    there = {}
    for name in names:
        values = [condition[name] for condition in conditions]
        field = spec.fields.get(name) if spec else None
        if isinstance(field, Mixture) and any(value != values[0] for value in values):
            there[name] = _mixed(name, field, values, x, y)
            continue
        glides = all(map(_glides, values)) and any(value != values[0] for value in values)
        there[name] = round(_bilinear(values, x, y), 2) if glides else nearest[name]
    return there


def grid_order(size: int = 9) -> list[tuple[int, int]]:
    """All cells (row, column) of a square grid, coarse to fine, so that it can be played soon.

    First the corners, then what halves their distance, and so on.

    Raises:
        InputError: if the size is not from 2 to 33.

    Example:
        >>> grid_order(3)
        [(0, 0), (0, 2), (2, 0), (2, 2), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]
    """
    size = check_integer("size", size, 2, MAX_GRID)
    level, lines = {0: 0, size - 1: 0}, [0, size - 1]
    while len(lines) < size:
        halves = {(low + high) // 2 for low, high in pairwise(lines)}
        finer = max(level.values()) + 1
        level |= {line: finer for line in halves - set(lines)}
        lines = sorted(level)
    cells = [(row, column) for row in range(size) for column in range(size)]
    return sorted(cells, key=lambda cell: max(level[cell[0]], level[cell[1]]))


def crossfade(sounds: Sequence[Tensor], starts: Sequence[int], fade: int) -> Tensor:
    """One clip of sounds that follow each other.

    When a sound begins, the one before fades out (half a cosine); the new one begins as it is, so
    that attacks stay. The last one sounds to its end.

    Args:
        sounds: audio (C, T_i).
        starts: sample at which each begins, never falling.
        fade: samples that fading out takes; 0 cuts.

    Returns:
        Audio (C, T) up to the end of what sounds last. If it is beyond full scale anywhere, all of
        it is divided by its peak.

    Raises:
        InputError: if there is no sound, the counts or channels differ, or a number is not allowed.
    """
    starts, fade = _check_fading(sounds, starts, fade)
    parts = []
    for index, sound in enumerate(sounds):
        if index + 1 < len(sounds):
            sound = _faded(sound, starts[index + 1] - starts[index], fade)
        parts.append(sound)
    end = max(start + part.shape[1] for start, part in zip(starts, parts, strict=True))
    clip = sounds[0].new_zeros(sounds[0].shape[0], end)
    for start, part in zip(starts, parts, strict=True):
        clip[:, start : start + part.shape[1]] += part
    return clip / clip.abs().max().clamp_min(1)


def check_corners(count: int) -> None:
    """Whether so many corners make a pad or a line.

    Raises:
        InputError: if not.
    """
    if count not in (2, 4):
        raise InputError(f"there are {count} corners; a pad has 4 and a line 2")


def _share(name: str, value: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:  # also catches NaN
        raise InputError(f"{name} is {value!r:.60}; it must be a number from 0 to 1")
    return float(value)


def _glides(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -_LARGEST <= value <= _LARGEST


def _bilinear(values: Sequence[float], x: float, y: float) -> float:
    rows = [
        left + x * (right - left) for left, right in zip(values[::2], values[1::2], strict=True)
    ]
    return rows[0] if len(rows) == 1 else rows[0] + y * (rows[1] - rows[0])


def _mixed(name: str, field: Mixture, values: Sequence[Any], x: float, y: float) -> Any:
    shares = [field.parse(name, value, 1)[0].tolist() for value in values]
    blended = [_bilinear(column, x, y) for column in zip(*shares, strict=True)]
    return field.plain(torch.tensor([round(share, 4) for share in blended]))


def _check_fading(
    sounds: Sequence[Tensor], starts: Sequence[int], fade: int
) -> tuple[list[int], int]:
    if not sounds or len(sounds) != len(starts):
        raise InputError(
            f"there are {len(sounds)} sounds and {len(starts)} starts; give as many, at least one"
        )
    for sound in sounds:
        if sound.ndim != 2 or 0 in sound.shape or sound.shape[0] != sounds[0].shape[0]:
            raise InputError(
                f"a sound has shape {tuple(sound.shape)}; expected (C, T), as many channels in all"
            )
    starts = [check_integer("a start", start, 0, 2**31) for start in starts]
    if starts != sorted(starts):
        raise InputError("the starts fall; sounds must begin one after the other")
    return starts, check_integer("fade", fade, 0, 2**31)


def _faded(sound: Tensor, hold: int, fade: int) -> Tensor:
    """The first `hold` samples, then `fade` more that fade out."""
    sound = sound[:, : hold + fade].clone()
    tail = sound[:, hold:]
    steps = torch.arange(tail.shape[1], dtype=sound.dtype, device=sound.device)
    tail *= 0.5 + 0.5 * torch.cos(math.pi * steps / max(fade, 1))
    return sound
