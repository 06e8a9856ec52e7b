"""The diagnosis of a data set, as values and as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.doctor_file import Finding
from dgm_audio.data.feasibility import Feasibility


@dataclass(frozen=True)
class Example:
    """One clip (C, T) for the picture, with the file that it is from."""

    path: str
    label: str
    audio: np.ndarray


@dataclass(frozen=True)
class Report:
    """The diagnosis of a data set.

    Args:
        folder: what was examined.
        config: how training would make clips.
        files: every audio file.
        ignored: (path, reason) of everything else that was found.
        exact: sets of files with exactly the same sound.
        near: sets of files that sound the same, the exact copies among them.
        takes: groups of files that a split keeps on one side: those of one sound, and by their
            names and sound takes of one instrument, which are different sounds.
        distinct: different sounds of each class; near copies count once.
        feasibility: what to expect of a model.
        layout: what becomes of the folders where that may surprise.
        transcripts: what is known of the words that are spoken, a line each; empty if nothing is.
        refusal: why training would not start; empty if it would.
        examples: a few clips, for the picture.
    """

    folder: str
    config: ClipConfig
    files: tuple[Finding, ...]
    ignored: tuple[tuple[str, str], ...]
    exact: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    takes: tuple[tuple[str, ...], ...]
    distinct: Mapping[str, int]
    feasibility: Feasibility
    layout: tuple[str, ...] = ()
    transcripts: tuple[str, ...] = ()
    refusal: str = ""
    examples: tuple[Example, ...] = field(default=(), repr=False)

    @property
    def readable(self) -> tuple[Finding, ...]:
        """Files that can be used."""
        return tuple(file for file in self.files if not file.error)

    @property
    def odd(self) -> tuple[Finding, ...]:
        """Files with issues, the unreadable first."""
        return tuple(
            sorted((f for f in self.files if f.issues or f.error), key=lambda f: not f.error)
        )

    @property
    def minutes(self) -> float:
        """Duration of all readable files."""
        return sum(file.seconds for file in self.readable) / 60

    @property
    def clips(self) -> int:
        """Number of clips that training would use."""
        return sum(file.clips for file in self.readable)

    def count(self, key: Callable[[Finding], Any]) -> dict[Any, int]:
        """How many readable files have each value of `key`, the most frequent first."""
        return dict(Counter(key(file) for file in self.readable).most_common())

    def to_json(self) -> str:
        """Everything but the examples, as JSON; infinite levels become null."""
        issues = Counter(issue.split(" (")[0] for file in self.files for issue in file.issues)
        data = {
            "folder": self.folder,
            "config": asdict(self.config),
            "files": len(self.files),
            "readable": len(self.readable),
            "minutes": self.minutes,
            "clips": self.clips,
            "sample_rates": self.count(lambda file: file.sample_rate),
            "channels": self.count(lambda file: file.channels),
            "formats": self.count(lambda file: file.format),
            "classes": self.count(lambda file: file.label),
            "groups": self.count(lambda file: file.group),
            "distinct": dict(self.distinct),
            "issues": dict(issues),
            "duplicates": self.exact,
            "near_duplicates": self.near,
            "take_groups": self.takes,
            "feasibility": asdict(self.feasibility),
            "trainable": not self.refusal,
            "refusal": self.refusal,
            "layout": self.layout,
            "transcripts": self.transcripts,
            "ignored": [{"path": path, "reason": why} for path, why in self.ignored],
            "starts": self.count(lambda file: file.report.start),
            "details": [
                _finite(asdict(file)) | {"start": "" if file.error else file.report.start}
                for file in self.files
            ],
        }
        return json.dumps(data, indent=2, allow_nan=False)


def _finite(data: dict[str, Any]) -> dict[str, Any]:
    """Infinite levels as None, which JSON can say."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in data.items()
    }
