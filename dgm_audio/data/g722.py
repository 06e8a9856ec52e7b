"""G.722, the codec of telephone exchanges: raw bytes at 64 kbit/s, two samples of 16 kHz in each.

The files have no header, and libsndfile does not know them. PyAV decodes them once into FLAC, which
loses nothing and which all else in this package reads.

References:
    ITU-T Recommendation G.722, "7 kHz audio-coding within 64 kbit/s", 1988.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dgm_audio._audiofile.paths import named, open_regular
from dgm_audio.data.cache import default_cache_dir
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import write_audio

SUFFIX = ".g722"
RATE = 16000
_MAX_BYTES = 3600 * RATE // 2


def read_g722(path: Path) -> np.ndarray:
    """Float32 sound (1, T) at 16 kHz, T twice the bytes of the file.

    Raises:
        AudioFileError: if the file is empty, longer than an hour, or cannot be read.
        DataError: if PyAV is not installed.
    """
    av = _av()
    with named(path):
        with open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
        if not data:
            raise AudioFileError("is empty")
        if len(data) > _MAX_BYTES:
            raise AudioFileError("holds more than an hour of sound")
        decoder = av.CodecContext.create("g722", "r")
        decoder.sample_rate, decoder.layout = RATE, "mono"
        try:
            frames = decoder.decode(av.Packet(data))
        except av.FFmpegError as error:
            raise AudioFileError(f"is damaged ({error.strerror})") from None
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1) / np.float32(2**15)


def flac_copies(folder: Path, files: Sequence[Path], cache_dir: Path | None = None) -> Path:
    """FLAC copies of G.722 files, made where they are missing or older than their file.

    Args:
        folder: what the copies are kept under in the cache.
        files: in `folder`, none of them empty.
        cache_dir: by default `cache.default_cache_dir()`.

    Returns:
        A folder that holds `a/b.flac` for `folder/a/b.g722`.

    Raises:
        AudioFileError: if a file cannot be read, or a copy cannot be written.
        DataError: if PyAV is needed and not installed.
    """
    name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    root = (cache_dir or default_cache_dir()) / "g722" / name
    copies = {path: (root / path.relative_to(folder)).with_suffix(".flac") for path in files}
    stale = [path for path, copy in copies.items() if _is_stale(path, copy)]
    for path in tqdm(stale, desc="decoding G.722", unit="file", disable=None):
        write_audio(copies[path], read_g722(path), RATE, overwrite=True)
    return root


def _is_stale(path: Path, copy: Path) -> bool:
    state = path.stat()
    return not copy.exists() or copy.stat().st_mtime < max(state.st_mtime, state.st_ctime)


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise DataError(
            "G.722 is decoded by PyAV, which is not installed: pip install 'dgm_audio[speech]'"
        ) from None
    return av
