"""Conditions as JSON values: names, shares, numbers and texts, as files and pages hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.specs import Classes, Field, Mixture, Scalar, Text


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
