"""What became of every file: the report that goes with a set of clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dgm_audio.data.shape import STEPS
from dgm_audio.io import shown

_NOTED = {
    "padded": "filled up with zeros at the end",
    "cut": "cut after one clip, with a fade-out",
    "sliced": "sliced into several clips",
    "resampled": "resampled",
    "mixed": "mixed to mono",
    "spread": "made stereo",
    "normalised": "brought to a peak of 0.95",
    "lowered": "lowered to stay within full scale",
    "trimmed": "with leading silence cut",
    "room": "with room noise before the sound cut",
    "ended": "with trailing silence cut",
    "clipped": "with clipping kept as it is",
    "offset": "with a DC offset kept as it is",
    "silent": "silent, used as silence",
}
"""Step -> how the summary words it, in the order of the summary."""


def treatment(steps: Iterable[Mapping[str, float]]) -> list[tuple[str, int]]:
    """(words, number of files) of every step that was taken; `steps` has those of each file."""
    counts = Counter(name for one in steps for name in one)
    return [(words, counts[name]) for name, words in _NOTED.items() if counts[name]]


@dataclass(frozen=True)
class FileReport:
    """One file.

    Args:
        path: relative to the data set's root.
        clips: how many it gave.
        seconds: its duration (0 if it could not be read).
        steps: what was done to it, and how much (`shape.STEPS`).
        skipped: why it gave no clip; empty if it did.
        bad: True if audio was probably lost.
    """

    path: str
    clips: int = 0
    seconds: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""
    bad: bool = False

    def __str__(self) -> str:
        """One line in words."""
        return f"{shown(self.path)}: {f'skipped, {self.skipped}' if self.skipped else self.plan}"

    @property
    def start(self) -> str:
        """Where its clips start, in words without figures."""
        if "sliced" in self.steps:
            return "at each onset, sliced"
        if "room" in self.steps:
            return "at the sound, after room noise"
        return "at the sound, after silence" if "trimmed" in self.steps else "at its beginning"

    @property
    def plan(self) -> str:
        """What is done to the file, in words."""
        steps = [STEPS[name].format(amount) for name, amount in self.steps.items()]
        return "; ".join(steps) or "used as it is"


@dataclass(frozen=True)
class LoadReport:
    """Every file of a data set, and where its clips are kept."""

    files: tuple[FileReport, ...] = ()
    cached: bool = False

    @property
    def skipped(self) -> tuple[FileReport, ...]:
        """Files that gave no clip and may have held sound."""
        return tuple(file for file in self.files if file.skipped and file.bad)

    def lines(self, most: int = 10) -> Iterator[str]:
        """The summary, then up to `most` of the skipped files."""
        used = [file for file in self.files if not file.skipped]
        clips = sum(file.clips for file in used)
        minutes = sum(file.seconds for file in used) / 60
        yield f"{len(used)} files, {minutes:.1f} min -> {clips} clips"
        steps = [f"{count} {words}" for words, count in treatment(file.steps for file in used)]
        if steps:
            yield "  " + "; ".join(steps)
        ignored = [file for file in self.files if file.skipped and not file.bad]
        for reason, count in Counter(file.skipped for file in ignored).most_common(most):
            yield f"  {count} ignored: {reason}"
        if self.skipped:
            yield f"  {len(self.skipped)} of {len(used) + len(self.skipped)} files cannot be read:"
        for file in self.skipped[:most]:
            yield f"  {file}"
        if len(self.skipped) > most:
            yield f"  ... and {len(self.skipped) - most} more; dgm-audio doctor --json lists all"
