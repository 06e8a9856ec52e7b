"""Whether recordings suit a family, from the headers of the files, before any sound is read.

    one-shots     sounds of at most a clip's length: all families but those that take files whole
    recordings    files that go on: `Task.whole`; the other families cut sounds out of them
    speech        files with transcripts: `Task.transcribed` takes each as an utterance

`dgm-audio train` refuses what `suitability` refuses, and `dgm-audio doctor` says the same of every
family, so that neither promises what the other denies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.suggest import LEAST_SECONDS, LONGEST, LONGEST_UTTERANCE, file_seconds
from dgm_audio.data.trainable import too_few
from dgm_audio.data.transcripts import with_transcripts
from dgm_audio.errors import DataError
from dgm_audio.io import shown
from dgm_audio.objective import Task
from dgm_audio.registry import get_task, trainable

if TYPE_CHECKING:
    from dgm_audio.data import Splits

FOR_SOUNDS, FOR_RECORDINGS = "vae", "vae-stream"
"""The families that are named where another one cannot serve, or not as well."""
MOST_SHORT = 0.5
"""Share of the sound in one-shots above which recordings are no long ones."""


@dataclass(frozen=True)
class Suitability:
    """Whether a family can be trained on recordings.

    Args:
        family: its name.
        line: one sentence; where it cannot serve, why, and which family can.
        refused: whether training on them is refused.
    """

    family: str
    line: str
    refused: bool = False

    def check(self) -> None:
        """Raise if the family cannot serve.

        Raises:
            DataError: with the sentence.
        """
        if self.refused:
            raise DataError(self.line)


def suitability(
    family: str, source: Path | str | Manifest, seconds: float | None = None
) -> Suitability:
    """Whether a family can be trained on a folder, a CSV manifest or a `Manifest`.

    Args:
        family: its name.
        source: the recordings.
        seconds: of a clip, where another length than the usual `LONGEST` is asked for.

    Raises:
        UnknownModelError: if no family with a training has this name.
        DataError: if no file can be read.
    """
    root = source.root if isinstance(source, Manifest) else source
    task = get_task(family)
    if task.transcribed and (spoken := _spoken(family, source, shown(str(root)))):
        return spoken
    return _judged(family, task, shown(str(root)), file_seconds(source), seconds or LONGEST)


def all_suitabilities(source: Path | str | Manifest) -> list[Suitability]:
    """As `suitability`, of every family that can be trained, by name; files are read once.

    Raises:
        DataError: if no file can be read.
    """
    root = source.root if isinstance(source, Manifest) else source
    lengths, name = file_seconds(source), shown(str(root))
    found = []
    for family in trainable():
        task = get_task(family)
        spoken = _spoken(family, source, name) if task.transcribed else None
        found.append(spoken or _judged(family, task, name, lengths, LONGEST))
    return found


def check_count(splits: Splits) -> None:
    """Refuse data of which too little is left, once they are read.

    Raises:
        DataError: if there are fewer than `LEAST_CLIPS` clips; the message has their number.
    """
    count = sum(len(side) for side in (splits.train, splits.validation, splits.test))
    if count < LEAST_CLIPS:
        raise DataError(too_few(f"{shown(str(splits.train.manifest.root))} gives {count} clips"))


def _spoken(family: str, source: Path | str | Manifest, name: str) -> Suitability | None:
    """A family that learns to speak, if there are transcripts."""
    manifest = with_transcripts(Manifest.read(source)).manifest
    if not manifest.transcribed:
        return None
    lengths = file_seconds(manifest)
    short = lengths[lengths <= LONGEST_UTTERANCE]
    found = f"{_counted(len(short), 'utterance')} of up to {LONGEST_UTTERANCE:g} s"
    if len(short) < LEAST_CLIPS:
        return Suitability(family, too_few(f"{name} holds {found}"), refused=True)
    line = f"{family} learns to speak from {name}: {short.sum() / 60:.1f} min in {found}"
    return Suitability(family, line)


def _judged(
    family: str, task: type[Task], name: str, lengths: np.ndarray, longest: float
) -> Suitability:
    long = lengths > longest
    if task.whole:
        return _whole(family, name, lengths, long)
    if not long.any() and len(lengths) < LEAST_CLIPS:
        found = f"{name} holds {_counted(len(lengths), 'sound')}"
        return Suitability(family, too_few(found), refused=True)
    if task.purpose:
        other = FOR_RECORDINGS if _mostly_long(lengths, long) else FOR_SOUNDS
        return Suitability(family, f"{family} {task.purpose}; --family {other} does")
    if not long.any():
        found = f"{_counted(len(lengths), 'sound')} of up to {lengths.max():.2g} s"
        return Suitability(family, f"{family} suits {name}: {found}")
    line = (
        f"{family} learns sounds of at most {longest:g} s, and {long.sum()} of "
        f"{len(lengths)} files in {name} are longer: such sounds are cut out of them"
    )
    if _mostly_long(lengths, long):
        line += f"; --family {FOR_RECORDINGS} takes them whole"
    return Suitability(family, line)


def _whole(family: str, name: str, lengths: np.ndarray, long: np.ndarray) -> Suitability:
    """A family that takes recordings whole."""
    total = lengths.sum()
    if _mostly_long(lengths, long):
        found = f"{total / 60:.1f} min in {_counted(len(lengths), 'recording')}"
        return Suitability(family, f"{family} suits {name}: {found}")
    if total < LEAST_SECONDS:
        line = (
            f"{name} holds {total:.1f} s of sound; {family} learns from long recordings, at least "
            f"{LEAST_SECONDS:g} s, and some minutes to learn something"
        )
    else:
        line = (
            f"{family} learns from long recordings, and {len(lengths) - long.sum()} of "
            f"{len(lengths)} files in {name} are one-shots of at most {LONGEST:g} s"
        )
    serves = len(lengths) >= LEAST_CLIPS
    other = f"; --family {FOR_SOUNDS} learns from such sounds" if serves else ""
    return Suitability(family, line + other, refused=True)


def _mostly_long(lengths: np.ndarray, long: np.ndarray) -> bool:
    total = lengths.sum()
    return bool(total >= LEAST_SECONDS and lengths[~long].sum() <= MOST_SHORT * total)


def _counted(number: int, what: str) -> str:
    """The number and its noun.

    >>> _counted(1, "file"), _counted(7, "file")
    ('1 file', '7 files')
    """
    return f"{number} {what}" + ("" if number == 1 else "s")
