"""A path across the corners of a morph, as one clip: the sounds of its points, crossfaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dgm_audio.apps import provenance_parameters as ends
from dgm_audio.apps.decoding import decode_one, one_thread
from dgm_audio.apps.morph import blend, crossfade, point
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator

MAX_POINTS, MAX_SECONDS, MAX_FADE = 64, 60.0, 5.0


def path_clip(
    model: AudioGenerator,
    parameters: Mapping[str, Any],
    folder: Path,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None = None,
) -> Tensor:
    """The clip (C, T) of the call "path", on the CPU.

    Args:
        model: that made it.
        parameters: of the provenance, see `dgm_audio.apps.render.provenance_for`.
        folder: where packed latents lie.
        watch: passes on the single sounds (1, C, t), of T samples in all; it may stop by raising.

    Raises:
        InputError: if a parameter is missing or not allowed.
    """
    length, points = ends.samples(parameters), path_points(parameters)
    conditions = path_conditions(parameters)
    rate = model.audio.sample_rate
    starts = [round(seconds * rate) for seconds, _, _ in points]
    fade = round(ends.number(parameters, "fade", 0, MAX_FADE) * rate)
    for count, size in ((len(points), length), (1, starts[-1] + length)):
        model._check_size(count, size)
    with one_thread():
        corners = ends.corners(model, parameters, folder)
        if len(corners) != len(conditions):
            raise InputError(
                f"provenance: there are {len(corners)} corners and {len(conditions)} conditions"
            )
        places = [point(corners, x, y) for _, x, y in points]
    sounds = (
        decode_one(model, z, blend(conditions, x, y, model.condition), length)[None]
        for z, (_, x, y) in zip(places, points, strict=True)
    )
    seen = sounds if watch is None else watch(sounds, length * len(points))
    return crossfade([sound[0] for sound in seen], starts, fade)


def path_points(parameters: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    """The parameter `points`: (seconds, x, y) each.

    Raises:
        InputError: if there are none or too many, or one is not allowed.
    """
    said = ends.value(parameters, "points", list)
    if not 1 <= len(said) <= MAX_POINTS:
        raise InputError(f"provenance: there are {len(said)} points; allowed are 1 to {MAX_POINTS}")
    points = []
    for one in said:
        if not isinstance(one, list | tuple) or len(one) != 3:
            raise InputError(f"provenance: a point is {one!r:.60}; it must be [seconds, x, y]")
        named: dict[str, Any] = dict(zip(("seconds", "x", "y"), one, strict=True))
        seconds = ends.number(named, "seconds", 0, MAX_SECONDS)
        points.append((seconds, ends.number(named, "x", 0, 1), ends.number(named, "y", 0, 1)))
    times = [seconds for seconds, _, _ in points]
    if times != sorted(times):
        raise InputError("provenance: the seconds of the points fall; they must ascend")
    return points


def path_conditions(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameter `conditions`, one per corner.

    Raises:
        InputError: if it is no list of mappings, or `condition` is not the first of them.
    """
    said = ends.value(parameters, "conditions", list)
    conditions = [ends.value({"a condition": one}, "a condition", dict) for one in said]
    first = ends.value(parameters, "condition", dict)
    if conditions[:1] != [first]:
        raise InputError(
            f"provenance: condition is {first!r:.60}; it must be that of the first corner"
        )
    return conditions
