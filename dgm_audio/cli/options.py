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
DEFAULT_SPEAKER = "speech"

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
Folder = Annotated[
    Positional[Path],
    arg(metavar="FOLDER", help="Audio files; sub-folders are classes. Or a CSV manifest."),
]
SampleRate = Annotated[
    int | None,
    arg(metavar="HZ", help="By default what most recordings have.", help_behavior_hint=""),
]
ClipSeconds = Annotated[
    float | None,
    arg(
        metavar="S",
        help="Length of a clip; by default what fits most files, at most 1.5; 3 to 20 of "
        "recordings that are taken whole.",
        help_behavior_hint="",
    ),
]
Out = Annotated[Path, arg(metavar="DIR", help="Folder to write to; made if it is missing.")]
Overwrite = Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")]
Json = Annotated[bool, arg(help="Print JSON instead of text.", help_behavior_hint="")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    arg(
        help="Where to compute; auto takes a GPU if there is one. `recall` makes the same bytes of "
        "what the CPU made."
    ),
]
_FORMATS = Literal["wav16", "wav24", "float", "flac", "flac24"]
_FORMAT_HELP = "Of what is written: WAV of 16 or 24 bits or of floats, FLAC of 16 or 24 bits."
Format = Annotated[_FORMATS, arg(help=_FORMAT_HELP)]
MaybeFormat = Annotated[
    _FORMATS | None, arg(help=f"{_FORMAT_HELP} By default as the suffix says, of 16 bits.")
]
Level = Annotated[
    str,
    arg(
        metavar="none|peak|lufs",
        help="Bring each sound to a level: peak (0.95 of full scale) or lufs (-23), or to one of "
        "your own, such as peak=-3 (dBFS) or lufs=-16.",
    ),
]
FullLength = Annotated[
    bool,
    arg(
        name="full-length",
        help="Keep the silence after a one-shot, up to the model's clip.",
        help_behavior_hint="",
    ),
]
Normalize = Annotated[
    Literal["none", "peak"],
    arg(help="peak brings audio files to 0.95 of full scale first, as training does by default."),
]


def load(name: str, device: str) -> AudioGenerator:
    """The model, where `Device` says."""
    from dgm_audio.shipped import load

    return load(name, device)


def suffix_of(format: str) -> str:
    """Of the files of a `Format`.

    >>> suffix_of("wav24"), suffix_of("flac")
    ('.wav', '.flac')
    """
    return ".flac" if format.startswith("flac") else ".wav"


def check_level(text: str) -> str:
    """The value of --level, if it is one.

    Raises:
        InputError: if not.
    """
    from dgm_audio.apps.finishing import parse_level

    try:
        parse_level(text)
    except InputError as error:
        raise InputError(f"--{error}") from None
    return text


def note_guess(
    found: Sequence[tuple[Mapping[str, Any], float]], given: Mapping[str, Any], what: str = ""
) -> None:
    """Say which classes, and which pitch, of an encoded file were not given but found.

    Args:
        found: conditions and their probabilities, the likeliest first.
        given: what the user gave.
        what: whose they are, if there are several files.
    """
    (condition, share), *others = found
    before = f"{what}: " if what else ""
    keys = [key for key, value in condition.items() if key not in given and isinstance(value, str)]
    if keys:
        names = [" ".join(str(one[key]) for key in keys) for one, _ in found]
        rest = [f"{name} {odds:.0%}" for name, (_, odds) in zip(names[1:3], others, strict=False)]
        note(
            f"{before}{keys[0]} {names[0]} is likeliest ({share:.0%}; then {', '.join(rest)}); "
            f"--condition {keys[0]}=NAME chooses another"
        )
    if "pitch" in condition and "pitch" not in given:
        pitch = f"{before}pitch {condition['pitch']:g} is assumed"
        note(f"{pitch}; --condition pitch=NUMBER chooses another")


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
