"""Which files make a data set, with the class, group, licence and source of each.

A folder becomes a manifest by one rule: the first sub-folder is the class, the whole path of the
folder is the group (what a split may hold out as one). A CSV file says both freely.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from dgm_audio.atomic import replacing
from dgm_audio.data.scan import AUDIO_SUFFIXES, inventory, label_of, scan
from dgm_audio.errors import DataError
from dgm_audio.io import shown

UNLABELLED = "sound"
"""Class of the files that lie in the folder itself."""

HIGHEST_PITCH = 127.0
"""Pitches are MIDI numbers from 0, 8 Hz, to this one, 12.5 kHz."""

_PITCH_RULE = f"it must be a MIDI number from 0 to {HIGHEST_PITCH:g}"


@dataclass(frozen=True)
class Entry:
    """One audio file.

    Args:
        path: relative to the manifest's root, with forward slashes (or absolute).
        label: class name.
        group: what belongs together and may be held out as a whole: a kit, a session, a folder.
        licence: SPDX identifier or words.
        source: where the file came from.
        pitch: MIDI number from 0 to 127, which may be fractional; None if unknown.
        text: what is said in the file, all of it; empty if unknown.
        language: of the text, as in `dgm_audio.text`: "en", ...
        voice: who says it.
    """

    path: str
    label: str = UNLABELLED
    group: str = "."
    licence: str = "unknown"
    source: str = "own files"
    pitch: float | None = None
    text: str = ""
    language: str = ""
    voice: str = ""


@dataclass(frozen=True)
class Omission:
    """Something that was found and is not used.

    Args:
        path: relative to the root.
        reason: in words.
        bad: True if audio was probably lost, so that it counts towards the bad files.
    """

    path: str
    reason: str
    bad: bool = False


@dataclass(frozen=True)
class Manifest:
    """The entries of a data set, in a stable order.

    Args:
        root: folder that relative paths start from.
        entries: the files to use.
        classes: class names in their order; by default those of the entries, sorted.
        omitted: what a scan of the folder found and did not admit.
        label_name: what the class is called as a condition of a model.
        scanned: the entries are what a folder was found to hold, and not a list that somebody
            made: more of them may be unreadable (`ClipConfig.max_bad_share`).
    """

    root: Path
    entries: tuple[Entry, ...]
    classes: tuple[str, ...] = ()
    omitted: tuple[Omission, ...] = ()
    label_name: str = "class"
    scanned: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Fill in the classes and check the labels.

        Raises:
            DataError: if a label is not among the given classes, a path comes twice, a pitch is no
                MIDI number, or the class is called what the pitch is.
        """
        labels = {entry.label for entry in self.entries}
        if not self.classes:
            object.__setattr__(self, "classes", tuple(sorted(labels)))
        unknown = sorted(labels - set(self.classes))
        if unknown:
            raise DataError(f"class {unknown[0]!r} is not one of: {', '.join(self.classes)}")
        paths = [entry.path for entry in self.entries]
        if len(set(paths)) < len(paths):
            twice = next(path for path in paths if paths.count(path) > 1)
            raise DataError(f"{shown(twice)} is listed twice in the manifest; list each file once")
        for entry in self.entries:
            if entry.pitch is not None and not 0 <= entry.pitch <= HIGHEST_PITCH:
                raise DataError(f"{shown(entry.path)} has the pitch {entry.pitch}; {_PITCH_RULE}")
        if self.label_name in ("", "pitch"):
            raise DataError(f"label_name is {self.label_name!r}; it must be a word but 'pitch'")

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def hash(self) -> str:
        """Sha256 over all entries; it does not depend on where the root is, nor on the order.

        Checkpoints record it: without pitches and transcripts, and with the usual name of the class
        it stays what it was before there were any.
        """
        pitched = any(entry.pitch is not None for entry in self.entries)
        rows = []
        for *row, pitch, text, language, voice in sorted(astuple(e) for e in self.entries):
            heard = (None if pitch is None else float(pitch),) if pitched else ()
            said = (text, language, voice) if self.transcribed else ()
            rows.append((*row, *heard, *said))
        name = () if self.label_name == "class" else (self.label_name,)
        return hashlib.sha256(json.dumps([rows, self.classes, *name]).encode()).hexdigest()

    @property
    def transcribed(self) -> bool:
        """Whether it is known of any file what is said in it."""
        return any(entry.text for entry in self.entries)

    def locate(self, entry: Entry) -> Path:
        """Where the file of an entry lies."""
        return self.root / entry.path

    @classmethod
    def read(cls, source: Manifest | Path | str) -> Manifest:
        """A manifest as it is, or that of a CSV file or a folder.

        Raises:
            DataError: as `from_csv` and `from_folder` do.
        """
        if isinstance(source, Manifest):
            return source
        return (cls.from_csv if Path(source).suffix.lower() == ".csv" else cls.from_folder)(source)

    @classmethod
    def from_folder(
        cls, folder: Path | str, *, licence: str = "unknown", source: str = "own files"
    ) -> Manifest:
        """All regular audio files under `folder`, by suffix.

        Nothing is opened: pipes, devices and broken links are listed in `omitted`, and so are
        hidden files (with those that macOS leaves). Links to folders are followed, without loops;
        each file is taken once in a class.

        Raises:
            DataError: if the folder does not exist or holds no audio file.
        """
        root = Path(folder)
        if not root.is_dir():
            found = "is a file" if root.exists() else "does not exist"
            raise DataError(f"{shown(str(root))} {found}; give a folder of audio files")
        found = list(scan(root))
        entries = []
        for path in (item.path for item in found if not item.reason):
            parent, _, _ = path.rpartition("/")
            entries.append(
                Entry(path, label_of(path) or UNLABELLED, parent or ".", licence, source)
            )
        omitted = [item for item in found if item.reason]
        if not entries:
            raise DataError(
                f"{shown(str(root))} holds no audio file that can be read: {inventory(omitted)}; "
                f"expected {' '.join(AUDIO_SUFFIXES)}"
            )
        left_out = tuple(Omission(*item) for item in omitted)
        return cls(root, tuple(entries), omitted=left_out, scanned=True)

    @classmethod
    def from_csv(cls, file: Path | str) -> Manifest:
        """Read a manifest: a header with `path` and any other fields of an `Entry`.

        Paths are relative to the folder of the CSV file. A group that is not given is the folder
        of the file; a pitch is a MIDI number or empty.

        Raises:
            DataError: if the file is missing or not such a table; the message says where.
        """
        file = Path(file)
        names = [item.name for item in fields(Entry)]
        try:
            with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
                reader = csv.DictReader(stream, strict=True)
                columns, rows = list(reader.fieldnames or ()), list(reader)
        except (OSError, csv.Error) as error:
            raise DataError(f"{shown(str(file))} cannot be read as a CSV: {error}") from error
        if not rows:
            raise DataError(f"{shown(str(file))} has no rows; expected a header {','.join(names)}")
        if "path" not in columns or not set(columns) <= set(names):
            raise DataError(
                f"{shown(str(file))} has the columns {shown(','.join(columns))}; "
                f"'path' is needed, {','.join(names[1:])} are allowed"
            )
        return cls(file.parent, tuple(_entry(file, i, row) for i, row in enumerate(rows, start=2)))

    def to_csv(self, file: Path | str) -> Path:
        """Write the entries so that `from_csv` beside them reads the same; replaces atomically."""
        file = Path(file)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([item.name for item in fields(Entry)])
        writer.writerows(astuple(entry) for entry in self.entries)
        try:
            with replacing(file) as out:
                out.write(text.getvalue().encode(errors="surrogateescape"))
        except OSError as error:
            raise DataError(f"{shown(str(file))} cannot be written: {error.strerror}") from error
        return file


def _entry(file: Path, line: int, row: dict[str, str | None]) -> Entry:
    if None in row or None in row.values() or not row["path"] or "\0" in row["path"]:
        raise DataError(f"{shown(str(file))} line {line} does not match the header, or has no path")
    given = {key: value for key, value in row.items() if value}
    path = str(given.pop("path"))
    pitch = _pitch(file, line, given.pop("pitch", None))
    parent, _, _ = path.rpartition("/")
    return Entry(path, **{"group": parent or ".", **given}, pitch=pitch)  # type: ignore[arg-type]


def _pitch(file: Path, line: int, text: str | None) -> float | None:
    try:
        pitch = None if text is None else float(text)
    except ValueError:
        pitch = math.nan
    if pitch is not None and not 0 <= pitch <= HIGHEST_PITCH:
        found = shown(str(text))
        raise DataError(f"{shown(str(file))} line {line} has the pitch {found}; {_PITCH_RULE}")
    return pitch
