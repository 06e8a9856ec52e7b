"""Frozen dataclasses from JSON and back, strictly.

A key that nobody asked for, a wrong type, a value out of range: each is an error with the path of
the key. Nothing is guessed, rounded or dropped.

Example:
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     channels: int = 64
    >>> from_dict(Config, {"chanels": 32})
    Traceback (most recent call last):
    ...
    dgm_audio.errors.ConfigError: config.chanels is unknown; did you mean 'channels'?
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from dgm_audio.errors import ConfigError, DgmAudioError

T = TypeVar("T")

INTEGER_RANGE = (0, 10**8)
"""Allowed integers of a field that states no bounds; large enough for any size or rate."""

MAX_JSON_BYTES = 2**20
MAX_JSON_DEPTH = 24


def from_dict(cls: type[T], data: Any, path: str = "config") -> T:
    """An instance of the dataclass `cls` from JSON data.

    Field types may be int, float, str, bool, Path, Literal, tuple, dataclass, and unions of these
    with None. A field may state its range as `field(metadata={"low": 1, "high": 512})`; an integer
    without a stated bound must lie in `INTEGER_RANGE`, a float must be finite. An absent field
    takes its default.

    Args:
        cls: a dataclass type.
        data: what `json.loads` or `to_dict` gave.
        path: how messages call the whole.

    Raises:
        ConfigError: names the key's path, what was found and what is allowed.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path} is {_show(data)}; it must be an object with named values")
    kinds = get_type_hints(cls)
    known = {item.name: item for item in fields(cast(Any, cls)) if item.init}
    for key in data:
        if key not in known:
            raise ConfigError(f"{path}.{key} is unknown; {_suggestion(str(key), known)}")
    values = {}
    for name, item in known.items():
        if name in data:
            values[name] = _convert(kinds[name], data[name], f"{path}.{name}", item.metadata)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ConfigError(f"{path}.{name} is missing")
    try:
        return cls(**values)
    except (ValueError, DgmAudioError) as error:
        raise ConfigError(f"{path} is inconsistent: {error}") from error


def to_dict(config: Any) -> dict[str, Any]:
    """JSON data of a dataclass instance, such that `from_dict` gives an equal instance back.

    Raises:
        TypeError: if `config` is no dataclass instance or holds a value of another type.
    """
    if not is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"{config!r} is no dataclass instance")
    return {item.name: _plain(getattr(config, item.name)) for item in fields(config) if item.init}


def read_json(
    path: Path, *, max_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH
) -> Any:
    """Data of a JSON file that somebody else may have written: bounded in size and depth.

    Raises:
        ConfigError: if the file cannot be read, is too large, nests too deeply, names a key twice
            or is no JSON (which has no NaN).
    """
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > max_bytes:
        raise ConfigError(f"{path} has more than {max_bytes} bytes; that is no configuration")
    try:
        text = raw.decode()
        if _depth(text) > max_depth:
            raise ConfigError(f"{path} nests deeper than {max_depth} levels")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except ValueError as error:
        raise ConfigError(f"{path} is no valid JSON: {error}") from error


def _convert(kind: Any, value: Any, path: str, bounds: Mapping[str, Any]) -> Any:
    """The JSON value as the annotated type `kind`, or a ConfigError."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _convert_union(arguments, value, path, bounds)
    if origin is Literal:
        if any(value == option and type(value) is type(option) for option in arguments):
            return value
        allowed = ", ".join(repr(option) for option in arguments)
        raise ConfigError(f"{path} is {_show(value)}; allowed are {allowed}")
    if origin is tuple:
        return _convert_tuple(arguments, value, path, bounds)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_dict(kind, value, path)
    if kind is int or kind is float:
        return _convert_number(kind, value, path, bounds)
    if kind not in (str, bool, Path):
        raise TypeError(f"{path} has the annotation {kind}, which no config can hold")
    if not isinstance(value, bool if kind is bool else str):
        name = "true or false" if kind is bool else "a string"
        raise ConfigError(f"{path} is {_show(value)}; it must be {name}")
    return Path(str(value)) if kind is Path else value


def _convert_union(kinds: tuple[Any, ...], value: Any, path: str, bounds: Mapping[str, Any]) -> Any:
    if value is None and type(None) in kinds:
        return None
    errors = []
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _convert(kind, value, path, bounds)
        except ConfigError as error:
            errors.append(error)
    raise errors[0]


def _convert_tuple(
    kinds: tuple[Any, ...], value: Any, path: str, bounds: Mapping[str, Any]
) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigError(f"{path} is {_show(value)}; it must be a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ConfigError(f"{path} has {len(value)} values; it must have {len(kinds)}")
    return tuple(
        _convert(kind, item, f"{path}[{index}]", bounds)
        for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _convert_number(
    kind: type[int] | type[float], value: Any, path: str, bounds: Mapping[str, Any]
) -> int | float:
    low, high = INTEGER_RANGE if kind is int else (-math.inf, math.inf)
    low, high = bounds.get("low", low), bounds.get("high", high)
    right_type = isinstance(value, int if kind is int else int | float)
    if right_type and not isinstance(value, bool) and low <= value <= high:
        if isinstance(value, int) or math.isfinite(value):
            return kind(value)
    name = "an integer" if kind is int else "a number"
    raise ConfigError(f"{path} is {_show(value)}; it must be {name}{_range(low, high)}")


def _range(low: float, high: float) -> str:
    """The clause of a message that says which numbers are allowed."""
    if math.isfinite(low) and math.isfinite(high):
        return f" from {low} to {high}"
    if math.isfinite(low):
        return f" of at least {low}"
    return f" of at most {high}" if math.isfinite(high) else ""


def _plain(value: Any) -> Any:
    """JSON data of one field."""
    if is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a config cannot hold {value!r}")


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"allowed are {', '.join(known) or 'no keys'}"


def _show(value: Any) -> str:
    """A short repr for one line of a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings; counted before the recursive parser runs."""
    depth = deepest = 0
    quoted = escaped = False
    for letter in text:
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the pairs; a key given twice would silently lose one of its values."""
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return result
