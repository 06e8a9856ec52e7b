"""Options that several commands have, and how their texts are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from dgm_audio.cli.console import note
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator

DEFAULT_MODEL = "drums-vae"

_UNLIMITED_HELP = "Duration in seconds; by default that of the model."

Model = Annotated[
    Positional[str],
    arg(metavar="MODEL", help="A name from `dgm-audio list`, a model folder, or hf:org/name."),
]
RequiredFile = Annotated[Positional[Path], arg(metavar="FILE")]
RequiredFiles = Annotated[Positional[tuple[Path, ...]], arg(metavar="FILES", help_behavior_hint="")]
Seconds = Annotated[float | None, arg(metavar="S", help=_UNLIMITED_HELP, help_behavior_hint="")]
Conditions = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        name="condition",
        metavar="KEY=VALUE",
        help="What to make, such as class=kick (see `dgm-audio info`); repeat it for several keys.",
        help_behavior_hint="",
    ),
]
Out = Annotated[Path, arg(metavar="DIR", help="Folder to write to; made if it is missing.")]
Overwrite = Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")]
Json = Annotated[bool, arg(help="Print JSON instead of text.", help_behavior_hint="")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    arg(help="Where to compute; auto is the CPU, whose bytes `recall` makes again anywhere."),
]
Normalize = Annotated[
    Literal["none", "peak"],
    arg(help="peak brings audio files to 0.95 of full scale first, as training does by default."),
]


def load(name: str, device: str) -> AudioGenerator:
    """The model, on the CPU unless another device was asked for by name."""
    from dgm_audio.registry import load

    return load(name, "cpu" if device == "auto" else device)


def note_guess(condition: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Say which classes, and which pitch, of an encoded file were not given but found."""
    for key, value in condition.items():
        if key not in given and isinstance(value, str):
            note(f"{key} {value} fits best; --condition {key}=NAME chooses another")
        elif key not in given and key == "pitch":
            note(f"pitch {value:g} is assumed; --condition pitch=NUMBER chooses another")


def parse_conditions(texts: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE texts as a mapping; the values are read by the model's `ConditionSpec`.

    Raises:
        InputError: if a text has no "=", or a key is given twice.

    >>> parse_conditions(["class=kick", "pitch=60"])
    {'class': 'kick', 'pitch': '60'}
    """
    conditions: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise InputError(f"--condition is {text!r}; write KEY=VALUE, such as class=kick")
        if key in conditions:
            raise InputError(f"--condition gives {key!r} twice; one value is allowed")
        conditions[key] = value
    return conditions
