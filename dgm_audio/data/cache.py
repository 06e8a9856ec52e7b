"""Where prepared clips are kept: one memory-mapped array and one index per content and config.

Nothing in it is precious: a folder that is damaged or missing is made again. A finished folder is
never changed, and appears under its name in one step, so that processes may share it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from dgm_audio._renamed import old_names
from dgm_audio.atomic import replacing
from dgm_audio.errors import DataError

FORMAT = 2
"""Raised whenever the rules that make clips change, so that old folders are not used."""

_SETTLED = 2.0
_STALE = 86_400.0


class FullError(DataError):
    """Clips cannot be written where they should be kept."""


def file_hashes(paths: list[Path], cache_dir: Path, root: Path) -> dict[Path, str]:
    """Sha256 of the bytes of every readable regular file.

    Hashes are remembered with size, times and inode, so that an unchanged file is not read again;
    one that changed in the last two seconds is not remembered, as it may change unnoticed.
    """
    name = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    memory = cache_dir / "hashes" / f"{name}.json"
    known = _read_json(memory)
    fresh, hashes = {}, {}
    for path in paths:
        try:
            state = os.stat(path)
            if not stat.S_ISREG(state.st_mode):
                continue
            mark = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
            *old, digest = known.get(str(path), [None])
            if old != mark:
                digest = _digest(path)
        except OSError:
            continue
        hashes[path] = digest
        if time.time() - max(state.st_mtime, state.st_ctime) > _SETTLED:
            fresh[str(path)] = [*mark, digest]
    if fresh != known:
        with suppress(OSError):  # only the speed of the next start depends on it
            write_json(memory, fresh)
    return hashes


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ClipWriter:
    """Appends clips to `audio.npy` in a scratch folder; safe to call from several threads."""

    def __init__(self, folder: Path, shape: tuple[int, int]) -> None:
        self._shape, self.count, self._lock = shape, 0, threading.Lock()
        self._file = open(folder / "audio.npy", "wb")
        self._write_header()

    def append(self, clip: np.ndarray) -> int:
        """Store one clip (C, T); returns its row."""
        with self._lock:
            self._file.write(np.ascontiguousarray(clip, dtype="<f4").data)
            self.count += 1
            return self.count - 1

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:  # state the final number of rows
                self._file.seek(0)
                self._write_header()
                self._file.flush()
                os.fsync(self._file.fileno())

    def _write_header(self) -> None:
        # NumPy leaves room in the header for a growing first axis, so it can be rewritten in place.
        shape = (self.count, *self._shape)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A scratch folder that becomes `folder` when the block ends well, and else disappears.

    Raises:
        FullError: if the disk is full or not writable.
    """
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
        yield scratch
        os.rename(scratch, folder)
    except OSError as error:
        if not folder.exists():  # else another process was faster, with the same result
            raise FullError(
                f"clips cannot be cached in {folder.parent}: {error.strerror}; "
                "free some space or give another cache folder"
            ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def read_index(folder: Path) -> dict[str, Any] | None:
    """The index of a finished folder; None if there is none, or it does not fit its array."""
    index = _read_json(folder / "index.json")
    try:
        rows = np.load(folder / "audio.npy", mmap_mode="r").shape[0]
    except (OSError, ValueError, EOFError):
        return None
    return index if index.get("rows") == rows else None


def write_json(file: Path, data: Any) -> None:
    """Write all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as out:
        out.write(json.dumps(data).encode())


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _sweep(folder: Path) -> None:
    """Remove scratch folders that a killed process left more than a day ago."""
    for scratch in folder.glob(".building-*"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > _STALE:
                shutil.rmtree(scratch, ignore_errors=True)


__getattr__ = old_names(__name__)
