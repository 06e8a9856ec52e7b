"""Random windows of long recordings, for models that are trained on pieces of them.

`load_windows` keeps recordings on disk, cut into even parts. Windows that begin where a part begins
would be the same few thousand pieces again and again; those of `Excerpts` begin anywhere and go on
across the cuts. Nothing but the windows is held in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.errors import InputError
from dgm_audio.io import shown


class Excerpts:
    """A window of T samples for each clip, beginning at a random place near the clip's.

    If a clip is the part [a, b) of a recording of N samples, its window is [s, s + T) with

        s = floor((a + u (b - a)) / N * (N - T + 1)),    u uniform in [0, 1).

    So all windows of a recording are equally likely, and if each clip is asked for once per epoch,
    the windows spread over all of the sound. A recording of fewer than T samples is followed by
    zeros.

    Args:
        clips: of whole recordings, as `load_windows` gives them; they stay on disk.
        length: T.

    Raises:
        InputError: if the length is below 1, or the clips of a file are not all of it.

    Example:
        >>> clips = ClipSet.from_arrays(np.ones((2, 1, 100)), 8000)
        >>> Excerpts(clips, 30).tensor([1, 0, 1], seed=0).shape
        torch.Size([3, 1, 30])
    """

    def __init__(self, clips: ClipSet, length: int) -> None:
        if length < 1:
            raise InputError(f"length is {length}; a window has at least 1 sample")
        self.length, self._audio, self._channels = length, clips.audio, clips.audio.shape[1]
        _, owners = np.unique(np.array(clips.files), return_inverse=True)
        # All recordings lie one after another on a line of samples; a file's rows rise on disk.
        self._order = np.lexsort((clips.audio.rows, owners))
        self._ends = np.cumsum(clips.lengths[self._order])
        self._sizes = np.asarray(clips.lengths)
        self._starts = np.empty(len(clips), dtype=np.int64)
        self._starts[self._order] = self._ends - self._sizes[self._order]
        totals = np.bincount(owners, weights=self._sizes).astype(np.int64)
        self._totals, self._origins = totals[owners], (np.cumsum(totals) - totals)[owners]
        _check_whole(clips, self._totals)

    def tensor(self, rows: Sequence[int] | np.ndarray, seed: int) -> Tensor:
        """Windows (B, C, T) of B clips; window i depends on its clip, the seed and i only.

        With the order of `dgm_audio.training.order` they are a function of the run's seed and the
        step: `tensor(batch_rows(clips, batch, step, seed), step_seed(seed, step, rank))`.

        Args:
            rows: indices of the clips.
            seed: at least 0.

        Raises:
            DataError: if the cached clips were damaged meanwhile.
        """
        picked = np.asarray(rows, dtype=np.int64)
        windows = np.zeros((len(picked), self._channels, self.length), dtype=np.float32)
        starts = self._places(picked, seed) + self._origins[picked]
        for window, start, total in zip(windows, starts, self._totals[picked], strict=True):
            self._read(window[:, : min(self.length, total)], int(start))
        return torch.from_numpy(windows)

    def _places(self, rows: np.ndarray, seed: int) -> np.ndarray:
        """Where the windows begin in their recordings, in samples."""
        drawn = np.random.default_rng(seed).uniform(size=len(rows))
        totals = self._totals[rows]
        latest = np.maximum(totals - self.length, 0)
        share = (self._starts[rows] - self._origins[rows] + drawn * self._sizes[rows]) / totals
        return np.minimum(np.floor(share * (latest + 1)).astype(np.int64), latest)

    def _read(self, into: np.ndarray, start: int) -> None:
        """Fill `into` (C, n) with the samples from `start` on the line of all recordings."""
        done, part = 0, int(np.searchsorted(self._ends, start, side="right"))
        while done < into.shape[1]:
            row = self._order[part]
            offset = int(start + done - self._starts[row])
            count = min(into.shape[1] - done, int(self._sizes[row]) - offset)
            self._audio.read_into(into[:, done : done + count], row, offset)
            done, part = done + count, part + 1


def _check_whole(clips: ClipSet, totals: np.ndarray) -> None:
    """Refuse clips that leave out some of a recording: they would be joined where it has a gap."""
    seconds = {file.path: file.seconds for file in clips.report.files if not file.skipped}
    for file, total in set(zip(clips.files, totals.tolist(), strict=True)):
        expected = seconds[file] * clips.sample_rate if file in seconds else total
        if abs(total - expected) > 1:
            raise InputError(
                f"the clips of {shown(file)} have {total} samples, the file {round(expected)}; "
                "windows are drawn from whole recordings (load_windows, trim_silence=False)"
            )
