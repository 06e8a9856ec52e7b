"""Public music sets that people have at home, in the layout that they unpack to.

MAESTRO: about 200 hours of piano competitions in 44.1 or 48 kHz stereo, and a table of who composed
what.

    maestro-v3.0.0.csv            canonical_composer, canonical_title, split, audio_filename, ...
    2004/*.wav ... 2018/*.wav

A year that is not there is passed over: all of them take 1.3 GB an hour as stereo clips. The group
is the composition, which others may play again; the splits are its own.

GTZAN: 30 s each of 1,000 recordings in ten genres, at 22.05 kHz, mono.

    genres/ (or genres_original/)  blues/blues.00000.wav (or .au) ... rock/rock.00099.wav

The genre is the class. Recordings and artists come several times, so that the splits are those that
were cleaned of them; in copies of the set that are passed around, `jazz.00054` is damaged, which is
reported and skipped.

References:
    Hawthorne, Stasyuk, Roberts, Simon, Huang, Dieleman, Elsen, Engel and Eck, "Enabling Factorized
    Piano Music Modeling and Generation with the MAESTRO Dataset", 2019.
    Tzanetakis and Cook, "Musical Genre Classification of Audio Signals", 2002.
    Sturm, "The GTZAN dataset: Its contents, its faults, their effects on evaluation, and its future
    use", 2013.
    Kereliuk, Sturm and Larsen, "Deep Learning and Music Adversaries", 2015 (GTZAN's splits).
"""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.flac_copies import flac_copies
from dgm_audio.data.source import reason
from dgm_audio.data.splits import Splits, assigned_splits
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import shown

AU = ".au"
"""Suffix of Sun's audio files, which nothing else opens here."""
MAESTRO, GTZAN = "maestro", "gtzan"
MAESTRO_LICENCE = "CC-BY-NC-SA-4.0"
PIANO = "piano"
GENRES = tuple("blues classical country disco hiphop jazz metal pop reggae rock".split())

MAESTRO_CLIPS = ClipConfig(
    sample_rate=44100, length=131072, channels=2, normalize="none", trim_silence=False
)
GTZAN_CLIPS = replace(MAESTRO_CLIPS, sample_rate=22050, length=65536, channels=1)

_UNSTATED = 0xFFFFFFFF
_SIDES = ("train", "validation", "test")
_COLUMNS = ("canonical_composer", "canonical_title", "split", "audio_filename")
_HOMES = ("genres", "genres_original", "Data/genres_original", ".")
_EXCERPT = re.compile(rf"({'|'.join(GENRES)})\.\d{{5}}")


@dataclass(frozen=True)
class SidedManifest(Manifest):
    """A manifest that says on which side of the split each file is.

    Args:
        sides: path of an entry -> "train", "validation" or "test"; files without are not used.
    """

    sides: Mapping[str, str] = field(default_factory=dict)


def find_maestro(folder: Path) -> Path:
    """`folder`, if its owner has put MAESTRO there.

    Raises:
        DataError: if it is not there; the message says what to put where.
    """
    _maestro_table(folder)
    return folder


def maestro_manifest(folder: Path) -> SidedManifest:
    """The recordings that the table lists; the group is "composer: title", the class "piano".

    Raises:
        DataError: if `folder` holds no MAESTRO, or the table is damaged.
    """
    table = _maestro_table(folder)
    root, version = table.parent, table.stem.partition("-")[2]
    entries, omitted, sides = [], [], {}
    for line, row in enumerate(_read_table(table), start=2):
        composer, title, split, place = (row.get(name) or "" for name in _COLUMNS)
        if split not in _SIDES or not place:
            raise DataError(
                f"{shown(str(table))} line {line} has the split {shown(split)!r} and the file "
                f"{shown(place)!r}; expected one of {', '.join(_SIDES)}, and a file"
            )
        if (root / place).is_file():
            source = f"MAESTRO {version} / International Piano-e-Competition"
            group = f"{composer}: {title}"
            entries.append(Entry(place, PIANO, group, MAESTRO_LICENCE, source))
            sides[place] = split
        else:
            lost = (root / place).parent.is_dir()
            reason = (
                f"listed in {table.name} and missing" if lost else "of a year that is not there"
            )
            omitted.append(Omission(place, reason, bad=lost))
    if not entries:
        raise DataError(
            f"{shown(str(folder))} has {table.name}, but none of its {len(omitted)} recordings; "
            "expected those of maestro-v3.0.0.zip (not of the one that ends in -midi.zip) beside it"
        )
    return SidedManifest(root, tuple(entries), omitted=tuple(omitted), sides=sides)


def find_gtzan(folder: Path) -> Path:
    """`folder`, if its owner has put GTZAN there.

    Raises:
        DataError: if it is not there; the message says what to put where.
    """
    _gtzan_home(folder)
    return folder


def gtzan_manifest(folder: Path) -> SidedManifest:
    """The excerpts by genre; where they are AU files, FLAC copies of them in the cache.

    Raises:
        DataError: if `folder` holds no GTZAN, or no file of it.
        AudioFileError: if a copy cannot be written.
    """
    home = _gtzan_home(folder)
    suffix = ".wav" if any(home.glob("*/*.wav")) else AU
    files, omitted = [], []
    for path in sorted(home.glob("*/*")):
        if _EXCERPT.fullmatch(path.stem) and path.suffix == suffix:
            files.append(path)
        elif not path.name.startswith("."):
            place = path.relative_to(home).as_posix()
            omitted.append(Omission(place, f"not named like blues/blues.00000{suffix}"))
    if not files:
        raise DataError(f"{shown(str(home))} holds no blues/blues.00000.wav (or {AU}) or the like")
    if suffix == AU:
        copies = flac_copies(home, files, _read_au, kind="au")
        for path, error in copies.failed.items():
            omitted.append(
                Omission(path.relative_to(home).as_posix(), reason(error, path), bad=True)
            )
        files = [path.with_suffix(".flac") for path in files if path not in copies.failed]
    places = {path.relative_to(home).as_posix(): path.stem for path in files}
    entries = tuple(
        Entry(place, name.partition(".")[0], name, source="GTZAN") for place, name in places.items()
    )
    splits = _cleaned_splits()
    sides = {place: splits[name] for place, name in places.items() if name in splits}
    root = copies.root if suffix == AU else home
    return SidedManifest(root, entries, GENRES, tuple(omitted), "genre", sides)


def own_splits(clips: ClipSet) -> Splits:
    """The splits that the set comes with: its own train, validation and test set.

    Raises:
        DataError: if there is nothing to train on, or the clips are of another data set.
    """
    manifest = clips.manifest
    if not isinstance(manifest, SidedManifest):
        raise DataError("these clips are of a data set that has no splits of its own")
    return assigned_splits(clips, [manifest.sides.get(file, "") for file in clips.files])


def _maestro_table(folder: Path) -> Path:
    """The table of MAESTRO's newest version in `folder`, or one folder below."""
    tables = sorted(folder.glob("maestro-v*.csv")) or sorted(folder.glob("*/maestro-v*.csv"))
    if not tables:
        raise DataError(
            f"{shown(str(folder))} holds no MAESTRO; unpack maestro-v3.0.0.zip "
            "(magenta.tensorflow.org/datasets/maestro) there, so that maestro-v3.0.0.csv and "
            "2018/*.wav exist"
        )
    return tables[-1]


def _read_table(file: Path) -> list[dict[str, str]]:
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{shown(str(file))} cannot be read as a CSV: {error}") from error
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise DataError(
            f"{shown(str(file))} has the columns {shown(','.join(columns))}; "
            f"{missing[0]!r} is needed"
        )
    return rows


def _gtzan_home(folder: Path) -> Path:
    """The folder that holds those of the genres."""
    for name in _HOMES:
        if any((folder / name / genre).is_dir() for genre in GENRES):
            return folder / name
    raise DataError(
        f"{shown(str(folder))} holds no GTZAN; unpack genres.tar.gz (marsyas.info) or a copy of it "
        "there, so that genres/blues/blues.00000.wav and the like exist"
    )


def _cleaned_splits() -> dict[str, str]:
    """Name of an excerpt -> side, for the 930 excerpts that are neither faulty nor repeated."""
    from torchaudio.datasets import gtzan

    lists = {
        "train": gtzan.filtered_train,
        "validation": gtzan.filtered_valid,
        "test": gtzan.filtered_test,
    }
    return {name: side for side, names in lists.items() for name in names}


def _read_au(path: Path) -> tuple[np.ndarray, int]:
    """Float32 sound (C, T) in [-1, 1) and its rate in Hz.

    Raises:
        AudioFileError: if it is no AU file of 16-bit samples, or is cut off.
    """
    try:
        with path.open("rb") as file:
            _, offset, stated = struct.unpack(">4s2I", file.read(12).ljust(12, b"\0"))
            held = path.stat().st_size - offset
            file.seek(0)
            with soundfile.SoundFile(file) as sound:
                kind = f"{sound.format} of {sound.subtype}"
                data = sound.read(dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"{shown(path)}: is no AU file ({error})") from None
    if kind != "AU of PCM_16":
        raise AudioFileError(f"{shown(path)}: is {kind}; expected AU of PCM_16")
    if stated != _UNSTATED and stated > held:
        raise AudioFileError(
            f"{shown(path)}: is cut off: it states {stated} bytes of sound and holds {held}"
        )
    return data.T, sound.samplerate
