"""What stands side by side under Transform, and the words beside it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .shelf import Sound


def side(sound: Sound, label: str) -> dict[str, Any]:
    """A sound, and what it is here."""
    return sound.page() | {"label": label}


def original(sound: Sound, own: bool, source: Sound | None) -> dict[str, Any]:
    """What was taken: a visitor's recording, or the sound in the dock, which may be of one."""
    flags = {} if own or sound.recipe or not source else unlinked(source.page()["model"])
    return side(sound, "Original" if source else "Recording") | flags


def unlinked(model: str) -> dict[str, Any]:
    """What the page is told of a sound of a model that has no recipe, and is of no recording."""
    return {"model": model, "unlinked": "No recipe makes this sound, so no link does; download it."}


def error_words(decibels: float) -> str:
    """How far two sounds are from each other."""
    return (
        f"off by {decibels:.1f} dB: the mean difference of the two mel spectrograms; "
        "0 would be the same"
    )


def found_out(condition: dict[str, Any], given: dict[str, Any]) -> Generator[str, None, None]:
    """What was found out of the recording."""
    for key, value in condition.items():
        if key not in given:
            said = value.replace("_", " ") if isinstance(value, str) else f"{value:g}"
            yield f"taken as {key} {said}"
