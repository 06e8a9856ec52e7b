"""Rows of sound that stay on disk: `ClipArray`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dgm_audio.errors import DataError
from dgm_audio.io import shown


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
