"""A set of clips: the sound, which stays on disk, and what is known of each clip."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.report import LoadReport
from dgm_audio.specs import Classes, ConditionSpec, Field, Scalar

MIDDLE_C = 60.0
"""Default of a pitch condition, where the range of the pitches has it."""


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
        """The entry of each clip; one that says nothing for a stretch of a file."""
        known = {entry.path: entry for entry in self.manifest.entries}
        return [known.get(file, Entry(file)) for file in self.files]

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
