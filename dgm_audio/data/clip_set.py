"""A set of clips: the sound, which stays on disk, and what is known of each clip."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.report import LoadReport
from dgm_audio.errors import DataError
from dgm_audio.io import shown
from dgm_audio.specs import Classes, ConditionSpec, Field, Scalar

MIDDLE_C = 60.0
"""Default of a pitch condition, where the range of the pitches has it."""


class ClipArray:
    """Rows of an array (N, C, T) on disk or in memory, in a given order.

    Indexing returns plain float32 arrays and reads only the rows that are asked for; the array on
    disk is opened when it is first used, so that copies of this object in other processes share it.

    Args:
        store: an array, or the path of an `.npy` file.
        rows: which rows, in which order; all of them by default.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, store: np.ndarray | Path, rows: np.ndarray | None = None) -> None:
        self._path = store if isinstance(store, Path) else None
        self._array = None if isinstance(store, Path) else np.asarray(store, dtype=np.float32)
        self.rows = np.arange(len(self._open())) if rows is None else np.asarray(rows, np.int64)

    def _open(self) -> np.ndarray:
        if self._array is None:
            self._array = np.load(str(self._path), mmap_mode="r")
        return self._array

    @property
    def path(self) -> Path | None:
        """The `.npy` file; None for an array in memory."""
        return self._path

    def __getstate__(self) -> dict[str, Any]:
        array = self._array if self._path is None else None
        return {"_path": self._path, "_array": array, "rows": self.rows}

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, C, T)."""
        _, channels, length = self._open().shape
        return len(self.rows), channels, length

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        """What an array of shape (N, C, T) would give, as a copy."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        if first is Ellipsis:
            first, rest = slice(None), [first, *rest]
        picked = self._open()[self.rows[first]]
        return np.array(picked[tuple(rest) if picked.ndim == 2 else (slice(None), *rest)])

    def read_into(self, target: np.ndarray, index: int, start: int) -> None:
        """Fill `target` (C, n) with the samples from `start` on of one row.

        Read at one go for each channel: a map of the file is read page by page, which takes six
        times as long where the system does not have it in its cache.

        Raises:
            DataError: if the file is gone or was cut off meanwhile.
        """
        row, columns = int(self.rows[index]), slice(start, start + target.shape[1])
        if self._path is None:
            target[:] = self._open()[row, :, columns]
            return
        try:
            self._read_file(self._path, target, row, start)
        except (OSError, EOFError, ValueError) as error:
            raise DataError(f"{shown(self._path)} cannot be read: {error}") from error

    def _read_file(self, path: Path, target: np.ndarray, row: int, start: int) -> None:
        array = self._open()
        _, channels, length = array.shape
        head = int(getattr(array, "offset", 0))  # of the map: past the header of the file
        with open(path, "rb", buffering=0) as file:
            for channel, samples in enumerate(target):
                place = (row * channels + channel) * length + start
                file.seek(head + place * array.itemsize)
                if file.readinto(samples) != samples.nbytes:
                    raise EOFError("it ends too early")

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def take(self, indices: np.ndarray) -> ClipArray:
        """A view of some of the rows; nothing is read."""
        return ClipArray(self._path or self._open(), self.rows[indices])


@dataclass(frozen=True, eq=False)
class ClipSet:
    """N clips with what is known of each.

    Args:
        audio: (N, C, T) float32 in [-1, 1], read from disk on access.
        lengths: (N,) valid samples of each clip; zeros follow.
        labels: (N,) int64 indices into `classes`.
        pitches: (N,) float32 MIDI numbers; NaN where unknown.
        classes: class names.
        groups: kit, session or folder of each clip.
        files: file of each clip, relative to the manifest's root.
        content: sha256 of the decoded file of each clip.
        sample_rate: in Hz.
        manifest: the files, their licences and sources.
        report: what became of every file.
    """

    audio: ClipArray
    lengths: np.ndarray
    labels: np.ndarray
    pitches: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    files: tuple[str, ...]
    content: tuple[str, ...]
    sample_rate: int
    manifest: Manifest
    report: LoadReport = field(default_factory=LoadReport, repr=False)

    @classmethod
    def from_arrays(
        cls,
        audio: np.ndarray | Tensor,
        sample_rate: int,
        *,
        labels: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        pitches: Sequence[float | None] | None = None,
        texts: Sequence[str] | None = None,
        languages: Sequence[str] | None = None,
        voices: Sequence[str] | None = None,
        label_name: str = "class",
    ) -> ClipSet:
        """Clips (N, C, T) that are in memory already.

        Args:
            audio: in [-1, 1].
            sample_rate: in Hz.
            labels: class of each clip.
            groups: kit, session or folder of each clip.
            pitches: MIDI number of each clip, None where unknown.
            texts: what is said in each clip, empty where unknown.
            languages: of the texts.
            voices: who says them.
            label_name: what the class is called as a condition.

        >>> clips = ClipSet.from_arrays(np.zeros((3, 1, 8)), 8000, labels=["a", "b", "a"])
        >>> len(clips), clips.classes, clips.labels.tolist()
        (3, ('a', 'b'), [0, 1, 0])
        """
        samples = np.ascontiguousarray(audio, dtype=np.float32)
        names = [f"{index}.wav" for index in range(len(samples))]
        label_names, group_names = labels or ["sound"] * len(names), groups or ["."] * len(names)
        heard = pitches or [None] * len(names)
        said = [given or [""] * len(names) for given in (texts, languages, voices)]
        entries = tuple(
            Entry(name, label, group, "unknown", "own files", pitch, *words)
            for name, label, group, pitch, *words in zip(
                names, label_names, group_names, heard, *said, strict=True
            )
        )
        manifest = Manifest(Path(), entries, label_name=label_name)
        return cls(
            ClipArray(samples),
            np.full(len(names), samples.shape[2]),
            np.array([manifest.classes.index(name) for name in label_names], dtype=np.int64),
            pitch_array(entries),
            manifest.classes,
            tuple(group_names),
            tuple(names),
            tuple(hashlib.sha256(clip.tobytes()).hexdigest() for clip in samples),
            sample_rate,
            manifest,
        )

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, indices: Sequence[int] | np.ndarray) -> ClipSet:
        """The clips with these indices, in this order; no sound is read or copied."""
        picked = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            audio=self.audio.take(picked),
            lengths=self.lengths[picked],
            labels=self.labels[picked],
            pitches=self.pitches[picked],
            groups=tuple(self.groups[i] for i in picked),
            files=tuple(self.files[i] for i in picked),
            content=tuple(self.content[i] for i in picked),
        )

    def unique(self) -> ClipSet:
        """Without exact copies: the first clip of every decoded content."""
        firsts: dict[tuple[str, int], int] = {}
        place: Counter[tuple[str, str]] = Counter()
        for index, key in enumerate(zip(self.files, self.content, strict=True)):
            firsts.setdefault((key[1], place[key]), index)
            place[key] += 1
        return self.subset(sorted(firsts.values()))

    def tensor(self, indices: Sequence[int] | np.ndarray | None = None) -> Tensor:
        """Audio (B, C, T) of the clips with these indices, or of all."""
        picked = slice(None) if indices is None else np.asarray(indices, dtype=np.int64)
        return torch.from_numpy(self.audio[picked])

    @cached_property
    def _entries(self) -> list[Entry]:
        """The entry of each clip."""
        known = {entry.path: entry for entry in self.manifest.entries}
        return [known[file] for file in self.files]

    @property
    def texts(self) -> tuple[str, ...]:
        """What is said in the file of each clip: in the clip, where it is the whole file."""
        return tuple(entry.text for entry in self._entries)

    @property
    def languages(self) -> tuple[str, ...]:
        """Language of each text, as in `dgm_audio.text`; empty where unknown."""
        return tuple(entry.language for entry in self._entries)

    @property
    def voices(self) -> tuple[str, ...]:
        """Who speaks in each clip; empty where unknown."""
        return tuple(entry.voice for entry in self._entries)

    @property
    def label_name(self) -> str:
        """What the class is called as a condition."""
        return self.manifest.label_name

    @cached_property
    def condition_spec(self) -> ConditionSpec:
        """What a model of these clips can be asked for; no field if nothing tells them apart.

        The class where there is more than one, under its `label_name`; "pitch" where every clip
        has one, from the lowest to the highest of the manifest in whole MIDI numbers, so that all
        sides of a split agree on the range.
        """
        fields: dict[str, Field] = {}
        if len(self.classes) > 1:
            fields[self.label_name] = Classes(self.classes)
        known = [entry.pitch for entry in self.manifest.entries if entry.pitch is not None]
        if known and not np.isnan(self.pitches).any():
            low, high = float(math.floor(min(known))), float(math.ceil(max(known)))
            fields["pitch"] = Scalar(low, high, "MIDI number", min(max(MIDDLE_C, low), high))
        return ConditionSpec(fields)

    def condition(self, rows: Sequence[int] | np.ndarray) -> dict[str, Tensor]:
        """Values (B,) of the fields of `condition_spec` for these clips.

        Args:
            rows: indices of B clips.

        Returns:
            Labels as int64, pitches as float32, by the names of the fields.
        """
        picked = np.asarray(rows, dtype=np.int64)
        known = {self.label_name: self.labels, "pitch": self.pitches}
        return {name: torch.from_numpy(known[name][picked]) for name, _ in self.condition_spec}

    @property
    def manifest_hash(self) -> str:
        """Sha256 of the manifest and of the decoded content of these clips' files."""
        rows = sorted(set(zip(self.files, self.content, strict=True)))
        return hashlib.sha256(json.dumps([self.manifest.hash, rows]).encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Clips of each class, in the order of `classes`."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))


def pitch_array(entries: Iterable[Entry]) -> np.ndarray:
    """Pitches of N entries as float32 (N,), NaN where unknown."""
    heard = [np.nan if entry.pitch is None else entry.pitch for entry in entries]
    return np.array(heard, dtype=np.float32)
