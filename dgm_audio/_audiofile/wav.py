"""WAV files whose bytes depend on nothing but the sound and its tags.

libsndfile stamps the time into float WAVs (PEAK chunk) and its own version into every tag, so two
equal sounds make different files; the container is simple enough to write it plainly.

References:
    Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from dgm_audio.errors import AudioFileError

_FORMATS = {"PCM_16": (1, 2), "PCM_24": (1, 3), "FLOAT": (3, 4)}
"""Codec number and bytes per sample."""


def header(
    subtype: str, rate: int, channels: int, frames: int, info: Mapping[str, str] | None = None
) -> bytes:
    """All bytes before the samples: RIFF, fmt, fact (of a float WAV), LIST/INFO, head of data.

    Args:
        subtype: "PCM_16", "PCM_24" or "FLOAT".
        rate: in Hz.
        channels: C.
        frames: T.
        info: four-letter names and ASCII texts of the INFO chunk, such as {"ISFT": "program"}.

    Raises:
        AudioFileError: if the file would pass the format's limit of 4 GiB.
    """
    codec, width = _FORMATS[subtype]
    frame = width * channels
    form = struct.pack("<HHIIHH", codec, channels, rate, rate * frame, frame, width * 8)
    chunks = _chunk(b"fmt ", form)
    if subtype == "FLOAT":
        chunks = _chunk(b"fmt ", form + b"\0\0") + _chunk(b"fact", struct.pack("<I", frames))
    if info:
        texts = (_chunk(name.encode(), text.encode("ascii") + b"\0") for name, text in info.items())
        chunks += _chunk(b"LIST", b"INFO" + b"".join(texts))
    size = frames * frame
    total = 4 + len(chunks) + 8 + size + size % 2
    if total >= 2**32 or rate * frame >= 2**32:
        raise AudioFileError(f"a WAV holds at most 4 GiB; {frames} frames make {total} bytes")
    return (
        struct.pack("<4sI4s", b"RIFF", total, b"WAVE") + chunks + struct.pack("<4sI", b"data", size)
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def quantise(block: np.ndarray, bits: int) -> np.ndarray:
    """Int32 round(x * 2**(bits - 1)), clipped; the inverse of how decoders scale, bit for bit.

    >>> quantise(np.array([-1.0, 0.5, 1.0]), 16).tolist()
    [-32768, 16384, 32767]
    """
    scale = float(1 << bits - 1)
    return np.clip(np.rint(block * np.float64(scale)), -scale, scale - 1).astype(np.int32)


def samples(block: np.ndarray, subtype: str) -> bytes:
    """Bytes of a block (T, C) of float samples in [-1, 1]."""
    if subtype == "FLOAT":
        return block.astype("<f4").tobytes()
    if subtype == "PCM_16":
        return quantise(block, 16).astype("<i2").tobytes()
    wide = np.ascontiguousarray(quantise(block, 24).astype("<i4"))
    return wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
