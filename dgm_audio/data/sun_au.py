"""Sun's AU files of 16-bit samples, in which some data sets come; nothing else opens them here.

A header of six big-endian numbers (".snd", offset of the sound, its bytes, encoding, rate in Hz,
channels), then words before the offset, then the samples of all channels in turn, big-endian.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from dgm_audio._audiofile.paths import named, open_regular
from dgm_audio.errors import AudioFileError
from dgm_audio.io import AudioLimits

SUFFIX = ".au"
_PCM_16, _UNSTATED = 3, 0xFFFFFFFF


def read_au(path: Path) -> tuple[np.ndarray, int]:
    """Float32 sound (C, T) in [-1, 1) and its rate in Hz.

    Raises:
        AudioFileError: if it is no such file, is cut off, or is outside of `AudioLimits`.
    """
    with named(path), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(24)
        if len(head) < 24 or head[:4] != b".snd":
            raise AudioFileError(f"is no AU file (it begins with {head[:8]!r})")
        offset, stated, encoding, rate, channels = struct.unpack(">5I", head[4:])
        held = size - offset
        count = held if stated == _UNSTATED else stated
        _check(encoding, rate, channels, count)
        if not 24 <= offset or count > held:
            raise AudioFileError(f"is cut off: it states {count} bytes of sound and holds {held}")
        file.seek(offset)
        data = np.frombuffer(file.read(count - count % (2 * channels)), dtype=">i2")
    return data.reshape(-1, channels).T.astype(np.float32) / np.float32(2**15), rate


def _check(encoding: int, rate: int, channels: int, count: int) -> None:
    limits = AudioLimits()
    if encoding != _PCM_16:
        raise AudioFileError(f"is an AU file with encoding {encoding}; only 3, 16-bit PCM, is read")
    if not limits.min_rate <= rate <= limits.max_rate:
        raise AudioFileError(
            f"has a sample rate of {rate} Hz; allowed are {limits.min_rate} to {limits.max_rate} Hz"
        )
    if not 1 <= channels <= limits.max_channels:
        raise AudioFileError(f"has {channels} channels; allowed are 1 to {limits.max_channels}")
    if not 2 * channels <= count <= limits.max_bytes // 2:
        raise AudioFileError(
            f"states {count} bytes of sound; "
            f"allowed are {2 * channels} to {limits.max_bytes // 2} (twice that as float32)"
        )
