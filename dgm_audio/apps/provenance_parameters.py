"""Parameters of provenance, checked: values, and the ends and corners that sounds lie between.

Provenance may come from anybody's file or link, so every value is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dgm_audio.apps.latents import unpack
from dgm_audio.apps.morph import check_corners
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator, check_integer

MAX_INDEX = 2**31 - 1
MAX_LENGTH = 2**62


def value(parameters: Mapping[str, Any], key: str, kind: type) -> Any:
    """A parameter of that type.

    Raises:
        InputError: if it is missing or of another type.
    """
    found = parameters.get(key)
    kinds = (int, float) if kind is float else kind
    if not isinstance(found, kinds) or isinstance(found, bool):
        raise InputError(f"provenance: {key} is {found!r:.60}; it must be of type {kind.__name__}")
    return found


def number(parameters: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A parameter that is a number in [low, high].

    Raises:
        InputError: if it is not.
    """
    found = value(parameters, key, float)
    if not low <= found <= high:  # also catches NaN
        raise InputError(f"provenance: {key} is {found!r:.60}; it must be from {low:g} to {high:g}")
    return float(found)


def samples(parameters: Mapping[str, Any]) -> int:
    """The parameter `length`; the model says how large it may be.

    Raises:
        InputError: if it is no integer above 0.
    """
    found = value(parameters, "length", int)
    if not 1 <= found <= MAX_LENGTH:
        raise InputError(f"provenance: length is {found!r:.60}; it must be from 1 to {MAX_LENGTH}")
    return found


def drawn(model: AudioGenerator, parameters: Mapping[str, Any]) -> Tensor:
    """The item of a seed: what `model.sample` decodes, (1, D, L)."""
    return model.noise(1, length=samples(parameters), **drawing(parameters))


def drawing(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `model.noise` that say which item of which seed is drawn.

    Raises:
        InputError: if one is missing or not allowed.
    """
    return {
        "seed": value(parameters, "seed", int),
        "temperature": value(parameters, "temperature", float),
        "first": check_integer("index", value(parameters, "index", int), 0, MAX_INDEX),
    }


def end(model: AudioGenerator, said: Any, length: int, folder: Path) -> Tensor:
    """The latent (1, D, L) of an end: a seed with an index, or a packed latent.

    A model with a latent frame per hop draws it for a sound of `length` samples, whatever the
    sound was that the end was taken from: so all ends of a morph have as many frames.

    Raises:
        InputError: if it is neither, or no latent of this model.
    """
    if not isinstance(said, Mapping):
        raise InputError(f"provenance: an end is {said!r:.60}; it must be of type dict")
    if "seed" in said:
        return drawn(model, {"temperature": 1.0, **said, "length": length})
    z = unpack(said, folder)
    model._check_latents(z)
    return z


def corners(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> list[Tensor]:
    """The latents (1, D, L) of the parameter `corners`, 2 or 4.

    Raises:
        InputError: if there are others.
    """
    said = value(parameters, "corners", list)
    check_corners(len(said))
    length = samples(parameters)
    return [end(model, one, length, folder) for one in said]
