"""NSynth, 306,000 notes of 1,006 instruments at 16 kHz, in the layout that it unpacks to.

    nsynth-train/ {examples.json, audio/*.wav}    289,205 notes
    nsynth-valid/                                  12,678
    nsynth-test/                                    4,096

Each is 4 s long: held for three and released. The family is the class, the instrument the group.
No instrument of the first folder is in the others, so these are what models are judged by. A folder
that is not there is passed over, and named in the notes of the splits.

References:
    Engel, Resnick, Roberts, Dieleman, Eck, Simonyan and Norouzi, "Neural Audio Synthesis of Musical
    Notes with WaveNet Autoencoders", 2017.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.splits import Splits, assigned_splits
from dgm_audio.errors import DataError
from dgm_audio.io import shown

NAME = "nsynth"
TRAIN, VALID, TEST = "nsynth-train", "nsynth-valid", "nsynth-test"
LICENCE = "CC-BY-4.0"
CREDIT = "NSynth / Magenta"

CLASSES = tuple(
    "bass brass flute guitar keyboard mallet organ reed string synth_lead vocal".split()
)
"""Families; only the first folder has synth leads."""

_TABLE = "examples.json"
_SIDES = {TRAIN: "train", VALID: "validation", TEST: "test"}


def find_nsynth(folder: Path) -> Path:
    """`folder`, if its owner has put NSynth there: it is too large to be fetched unasked.

    Raises:
        DataError: if it is not there; the message says what to put where.
    """
    if not any((folder / part / _TABLE).is_file() for part in (TRAIN, VALID, TEST)):
        raise DataError(
            f"{shown(str(folder))} holds no NSynth; unpack nsynth-train.jsonwav.tar.gz, "
            "nsynth-valid.jsonwav.tar.gz and nsynth-test.jsonwav.tar.gz "
            f"(magenta.withgoogle.com/datasets/nsynth) there, so that {TRAIN}/{_TABLE} and "
            f"{TRAIN}/audio/*.wav exist"
        )
    return folder


def nsynth_manifest(folder: Path) -> Manifest:
    """The notes that the tables list; the pitch is the MIDI number of the key.

    Raises:
        DataError: if `folder` holds no NSynth, or a table is damaged.
    """
    find_nsynth(folder)
    entries: list[Entry] = []
    omitted: list[Omission] = []
    for part in (TRAIN, VALID, TEST):
        if not (folder / part / _TABLE).is_file():
            continue
        home = folder / part / "audio"
        there = set(os.listdir(home)) if home.is_dir() else set()
        for name, note in sorted(_read_table(folder / part / _TABLE).items()):
            path = f"{part}/audio/{name}.wav"
            if f"{name}.wav" in there:
                entries.append(_entry(path, note))
            else:
                omitted.append(Omission(path, f"listed in {_TABLE} and missing", bad=True))
    if not entries:
        raise DataError(
            f"{shown(str(folder))} has {_TABLE}, but none of its {len(omitted)} files; "
            f"expected {omitted[0].path if omitted else f'{TRAIN}/audio/*.wav'} and the like"
        )
    return Manifest(folder, tuple(entries), CLASSES, tuple(omitted), label_name="instrument")


def nsynth_splits(clips: ClipSet) -> Splits:
    """NSynth's own train, validation and test set.

    The last two share instruments, which the notes say: only training is apart from both.

    Raises:
        DataError: if there is nothing to train on.
    """
    folders = [file.partition("/")[0] for file in clips.files]
    if TRAIN not in folders:
        raise DataError(f"there is no clip of {TRAIN}, so nothing to train on")
    return assigned_splits(clips, [_SIDES.get(folder, "") for folder in folders])


def _read_table(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(str(file))} cannot be read as JSON: {error}") from error
    if not isinstance(table, dict):
        raise DataError(f"{shown(str(file))} is a {type(table).__name__}; expected a JSON object")
    return table


def _entry(path: str, note: Any) -> Entry:
    """One note of the table.

    Raises:
        DataError: if it lacks what every note of NSynth has.
    """
    try:
        family, group = str(note["instrument_family_str"]), str(note["instrument_str"])
        return Entry(path, family, group, LICENCE, CREDIT, float(note["pitch"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{shown(path)} has no proper instrument_family_str, instrument_str and pitch in "
            f"{_TABLE}: {type(error).__name__} {error}"
        ) from error
