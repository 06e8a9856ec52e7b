"""G.722, the codec of telephone exchanges: raw bytes at 64 kbit/s, two samples of 16 kHz in each.

The files have no header, and libsndfile does not know them. PyAV decodes them once into FLAC, which
loses nothing and which all else in this package reads.

References:
    ITU-T Recommendation G.722, "7 kHz audio-coding within 64 kbit/s", 1988.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgm_audio._audiofile.paths import named, open_regular
from dgm_audio.data.sets import flac_copies as copies
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import AudioLimits

SUFFIX = ".g722"
RATE = 16000
_MAX_BYTES = AudioLimits().max_bytes // 8  # a byte gives two samples of 4 bytes


def read_g722(path: Path) -> np.ndarray:
    """Float32 sound (1, T) at 16 kHz, T twice the bytes of the file.

    Raises:
        AudioFileError: if the file is empty, larger than 64 MiB (two hours), or cannot be read.
        DataError: if PyAV is not installed.
    """
    av = _av()
    with named(path):
        with open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
        if not data:
            raise AudioFileError("is empty")
        if len(data) > _MAX_BYTES:
            raise AudioFileError(f"holds more than {_MAX_BYTES} bytes; cut it into parts")
        decoder = av.CodecContext.create("g722", "r")
        decoder.sample_rate, decoder.layout = RATE, "mono"
        try:
            frames = decoder.decode(av.Packet(data))
        except av.FFmpegError as error:
            raise AudioFileError(f"is damaged ({error.strerror})") from None
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1) / np.float32(2**15)


def flac_copies(folder: Path, files: Sequence[Path], cache_dir: Path | None = None) -> Path:
    """FLAC copies of G.722 files; see `dgm_audio.data.sets.flac_copies`.

    Raises:
        AudioFileError: if a file cannot be read, or a copy cannot be written.
        DataError: if PyAV is needed and not installed.
    """
    made = copies.flac_copies(folder, files, _read, kind="g722", cache_dir=cache_dir)
    for error in made.failed.values():
        raise error
    return made.root


def _read(path: Path) -> tuple[np.ndarray, int]:
    return read_g722(path), RATE


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise DataError(
            "G.722 is decoded by PyAV, which is not installed: pip install 'dgm_audio[speech]'"
        ) from None
    return av
