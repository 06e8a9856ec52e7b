"""Conditions as JSON values: names, shares, numbers and texts, as files and pages hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.fields import class_indices
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Classes, Field, Mixture, Scalar, Text


def in_one_language(model: AudioGenerator, given: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The given conditions and, if they have a text but not its language, that of the first sound.

    Raises:
        InputError: if a name or a value is not allowed.
    """
    whole = dict(given)
    for key, spec in model.condition:
        said = given.get(key) is not None
        if isinstance(spec, Text) and said and spec.by and given.get(spec.by) is None:
            others = {name: value for name, value in given.items() if name != key}
            first = class_indices(model.condition.parse(others, count)[spec.by])[0]
            whole[spec.by] = spec.languages[int(first)]
    return whole


def plain_values(key: str, spec: Field, given: Any, values: Mapping[str, Tensor]) -> list[Any]:
    """One JSON value per item of a parsed field."""
    if isinstance(spec, Mixture):
        return [spec.plain(shares) for shares in values[key]]
    if isinstance(spec, Classes):
        return [spec.names[int(index)] for index in values[key]]
    if isinstance(spec, Scalar):
        return [float(str(number.numpy())) for number in values[key]]  # 61.1, not 61.099998
    if isinstance(spec, Text):
        return spec.written(key, given, len(values[key]), values)
    raise InputError(f"condition {key!r} is a sequence of frames; use it from Python")
