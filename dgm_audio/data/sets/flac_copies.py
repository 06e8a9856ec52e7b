"""Copies in the cache of files that come in a format that this package does not open otherwise.

FLAC loses nothing of 16 bits, and everything else in this package reads it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from dgm_audio.cache_folder import default_cache_dir
from dgm_audio.errors import AudioFileError
from dgm_audio.io import write_audio


class Copies(NamedTuple):
    """What became of the files.

    Args:
        root: folder that holds `a/b.flac` for `a/b.xyz` of the original folder.
        failed: why a file could not be read, for those that could not.
    """

    root: Path
    failed: Mapping[Path, AudioFileError]


def flac_copies(
    folder: Path,
    files: Sequence[Path],
    read: Callable[[Path], tuple[np.ndarray, int]],
    *,
    kind: str,
    cache_dir: Path | None = None,
) -> Copies:
    """FLAC copies of files, made where they are missing or older than their file.

    Args:
        folder: what the copies are kept under in the cache.
        files: in `folder`.
        read: gives the sound (C, T) of a file, of 16 bits, and its rate in Hz.
        kind: name of the format, for the cache and the progress bar.
        cache_dir: by default `dgm_audio.cache_folder.default_cache_dir()`.

    Raises:
        AudioFileError: if a copy cannot be written.
    """
    name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    root = (cache_dir or default_cache_dir()) / kind / name
    copies = {path: (root / path.relative_to(folder)).with_suffix(".flac") for path in files}
    stale = [path for path, copy in copies.items() if _is_stale(path, copy)]
    failed = {}
    for path in tqdm(stale, desc=f"decoding {kind}", unit="file", disable=None):
        try:
            sound, rate = read(path)
        except AudioFileError as error:
            failed[path] = error
            continue
        write_audio(copies[path], sound, rate, overwrite=True)
    return Copies(root, failed)


def _is_stale(path: Path, copy: Path) -> bool:
    state = path.stat()
    return not copy.exists() or copy.stat().st_mtime < max(state.st_mtime, state.st_ctime)
