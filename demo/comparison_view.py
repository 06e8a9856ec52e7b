"""Original and reconstruction side by side, with captions: the values of the widget "ab"."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .sound_cache import Sound


def entry(sound: Sound, label: str) -> dict[str, Any]:
    """A sound with its caption."""
    return sound.page_data() | {"label": label}


def original_entry(sound: Sound, own: bool, source: Sound | None) -> dict[str, Any]:
    """The input of a transformation.

    Args:
        sound: the input as a sound.
        own: whether it is, or was made of, a visitor's recording.
        source: the sound in the dock that was the input; None for an upload.
    """
    flags = {} if own or sound.recipe or not source else without_link(source.page_data()["model"])
    return entry(sound, "Original" if source else "Recording") | flags


def without_link(model: str) -> dict[str, Any]:
    """Page values of a model's sound that has no recipe and holds no recording."""
    return {"model": model, "unlinked": "This sound has no recipe and so no link; download it."}


def error_text(decibels: float) -> str:
    """The reconstruction error in words."""
    return (
        f"off by {decibels:.1f} dB: the mean difference of the two mel spectrograms; "
        "0 dB would be identical"
    )


def inferred_conditions(
    condition: dict[str, Any], given: dict[str, Any]
) -> Generator[str, None, None]:
    """One note per condition that was inferred from the recording."""
    for key, value in condition.items():
        if key not in given:
            text = value.replace("_", " ") if isinstance(value, str) else f"{value:g}"
            yield f"taken as {key} {text}"
