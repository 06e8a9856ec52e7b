"""Whole recordings as clips: `load_windows` cuts them evenly and leaves nothing out.

`load_clips` looks for sounds: a clip begins at an onset, and what lies between is left out. Models
that follow their input rather than make it up, as vocoders do, learn from all of a recording, its
pauses and its level included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from dgm_audio.data import shape
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.source import Segment, Source


def edges(total: int, length: int) -> list[int]:
    """Where a sound of `total` samples is cut, ends included: as few even parts as fit `length`.

    >>> edges(100, 100), edges(101, 100), edges(1000, 300)
    ([0, 100], [0, 50, 101], [0, 250, 500, 750, 1000])
    """
    parts = max(1, -(-total // length))
    return [total * part // parts for part in range(parts + 1)]


class WindowSource(Source):
    """A file that gives all of its samples: whole if it fits a clip, else in even parts.

    Its level is changed as a whole, by its peak, so that no part jumps out of line.
    """

    rules = ("windows", 2)

    @property
    def is_sliced(self) -> bool:
        """Whether the file is longer than a clip."""
        return self.total > self.config.length

    def _listen(self, segment: Segment) -> None:
        """No onsets are looked for."""

    def _slices(self) -> Iterator[np.ndarray]:
        return self._cut(list(pairwise(edges(self.total, self.config.length))))

    def _note_file(self) -> None:
        super()._note_file()
        gain, step = shape.gain_for(self._mixed_peak, self.config.normalize)
        if step:
            self.steps[step] = 20 * float(np.log10(gain))

    def _note_rest(self, slices: int, seconds: float) -> None:
        if slices > 1:
            self.steps["sliced"] = slices
            self.steps.pop("padded", None)  # the parts fill their rows, not the recording
        if self._mixed_peak >= shape.SILENT:  # a pause is no silent file
            self.steps.pop("silent", None)

    def _shape(self, sound: np.ndarray, goes_on: bool = False) -> shape.Shaped:
        """A part without a fade-out, since it is to join the next again."""
        gain, _ = shape.gain_for(self._mixed_peak, self.config.normalize)
        return self._fitted(np.clip(sound * gain, -1, 1) if gain != 1 else sound, "none")


def load_windows(
    manifest: Manifest,
    config: ClipConfig,
    *,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> ClipSet:
    """As `load_clips`, but every sample of every file is in one clip.

    Where a level is changed it is that of the whole file: the gain is the same for all its clips.

    Args:
        manifest: which files.
        config: rate, length and channels; `long_files` has no meaning here. To keep pauses and
            levels as they are, let `trim_silence` be False and `normalize` "none".
        cache_dir: where to keep the clips; by default `dgm_audio.cache_folder.default_cache_dir()`.
        progress: as in `load_clips`.

    Raises:
        DataError: as `load_clips` does.
    """
    return load_clips(manifest, config, cache_dir=cache_dir, progress=progress, reader=WindowSource)


def load_as_recorded(manifest: Manifest, config: ClipConfig, *, progress: bool = True) -> ClipSet:
    """All parts of the files, with their pauses and levels, at a rate, length and channels.

    Raises:
        DataError: as `load_clips` does.
    """
    as_they_are = replace(config, normalize="none", trim_silence=False)
    return load_windows(manifest, as_they_are, progress=progress)


def rows_by_file(clips: ClipSet) -> dict[str, list[int]]:
    """The clips of each file, in their order.

    >>> rows_by_file(ClipSet.from_arrays(np.zeros((2, 1, 8)), 8000))
    {'0.wav': [0], '1.wav': [1]}
    """
    rows: dict[str, list[int]] = {}
    for row, file in enumerate(clips.files):
        rows.setdefault(file, []).append(row)
    return rows


def recordings(clips: ClipSet, shortest: float = 0.0) -> Iterator[tuple[str, np.ndarray]]:
    """(file, sound (C, T)) of every file whose parts are in `clips`, its parts joined again.

    Equal to the file at the clips' rate and channels, but for a file that was lowered as a whole to
    stay within full scale.

    Args:
        clips: as `load_windows` gives them; one file is held in memory at a time.
        shortest: files of less than so many seconds are passed over.

    >>> clips = ClipSet.from_arrays(np.zeros((2, 1, 8)), 8000)
    >>> [(file, sound.shape) for file, sound in recordings(clips)]
    [('0.wav', (1, 8)), ('1.wav', (1, 8))]
    """
    for file, mine in rows_by_file(clips).items():
        if clips.lengths[mine].sum() >= shortest * clips.sample_rate:
            parts = (clips.audio[row][:, : clips.lengths[row]] for row in mine)
            yield file, np.concatenate(list(parts), axis=1)
