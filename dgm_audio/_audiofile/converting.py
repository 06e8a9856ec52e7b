"""Sounds of phones and players, decoded once through PyAV and then read like a WAV.

The decoded samples lie in memory, long ones in a temporary file without a name, so that any part
can be read, exactly, in any order. Only containers that were recognised by their bytes come here,
and FFmpeg opens them as nothing else.
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.content import CONVERT, Content
from dgm_audio._audiofile.limits import AudioInfo, AudioLimits, check_limits
from dgm_audio._audiofile.riff import packed, wav_header
from dgm_audio.errors import AudioFileError

EXTRA = "formats"
_IN_MEMORY = 16 * 2**20
_MOST = 8 * 2**30
"""Bytes of decoded float32 samples: 6 hours of stereo at 44.1 kHz."""

_CODECS = {
    *("aac", "alac", "amrnb", "amr_nb", "amrwb", "amr_wb", "ape", "flac", "mp2", "mp2float"),
    *("mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis", "speex", "libspeex", "wavpack"),
    *("wmav1", "wmav2", "wmapro", "wmalossless", "ac3", "eac3"),
    *("libopencore_amrnb", "libopencore_amrwb", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
    *("pcm_s24be", "pcm_s32le", "pcm_f32le"),
}
_LONGEST_FRAME = 4096
_STATED = {"mov": 0.06, "matroska": 0.06, "wv": 0.01, "ape": 0.01}
"""Seconds that may be missing, for the containers that state their length."""


class Converted(NamedTuple):
    """Decoded sound: the samples, and the head of the WAV that they are."""

    data: Bytes
    prefix: bytes
    subtype: str

    def view(self) -> BinaryIO:
        """As a WAV file."""
        return self.data.view(0, self.data.size, self.prefix)


def convert(file: Bytes, content: Content, limits: AudioLimits) -> Converted:
    """Decode a file through PyAV.

    Raises:
        AudioFileError: if PyAV is not installed, or the file is damaged, cut off, or outside the
            limits.
    """
    spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(_IN_MEMORY))
    try:
        info = _unpacked(file, content, limits, spool)
    except BaseException:
        spool.close()
        raise
    size, rate, frame = 4 * info.frames * info.channels, info.sample_rate, 4 * info.channels
    form = struct.pack("<HHIIHH", 3, info.channels, rate, rate * frame, frame, 32)
    data = Bytes(spool, size)
    weakref.finalize(data, spool.close)
    header = wav_header(packed("<", b"fmt ", form), size)
    return Converted(data, header, info.subtype.upper())


def _unpacked(file: Bytes, content: Content, limits: AudioLimits, spool: BinaryIO) -> AudioInfo:
    """What was decoded into the spool."""
    av, view, end = _pyav(content), file.view(content.start, content.stop), 0
    try:
        with av.open(view, format=content.kind, metadata_errors="ignore") as container:
            stream = _stream(container, content)
            info = AudioInfo(Path(), content.kind, stream.codec_context.name, 1, 1, 0)
            for packet in container.demux(stream):
                end = max(end, (packet.pts or 0) + (packet.duration or 0))
                for samples, rate in _frames(packet):
                    info = _counted(info, samples, rate)
                    _check(info, file.size, limits)
                    _keep(spool, samples)
            info = _without_padding(info, _stated(container, stream), end * (stream.time_base or 0))
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"is damaged {content.convert} ({reason})") from None
    if not info.frames:
        raise AudioFileError(f"is {content.convert} that holds no sound, or is cut off")
    return info


def _pyav(content: Content) -> Any:
    try:
        import av
    except ImportError:
        raise AudioFileError(
            f"is {content.convert}, which is read with an extra: pip install "
            f"'dgm_audio[{EXTRA}]'; or {CONVERT}"
        ) from None
    return av


def _stream(container: Any, content: Content) -> Any:
    if not container.streams.audio:
        raise AudioFileError(f"is {content.convert} without a sound")
    stream = container.streams.audio[0]
    name = stream.codec_context.name if stream.codec_context else "(unknown)"
    if name not in _CODECS:
        raise AudioFileError(f"is {content.convert} with the codec {name}, not read; {CONVERT}")
    return stream


def _frames(packet: Any) -> Iterator[tuple[np.ndarray, int]]:
    """Float32 samples (t, C) and their rate."""
    for frame in packet.decode():
        channels, samples = frame.layout.nb_channels, frame.to_ndarray()
        samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
        if samples.dtype.kind == "u":
            samples = samples.astype(np.float32) / 128 - 1
        elif samples.dtype.kind == "i":
            samples = samples / np.float64(1 << 8 * samples.dtype.itemsize - 1)
        yield samples.astype("<f4"), frame.sample_rate


def _counted(info: AudioInfo, samples: np.ndarray, rate: int) -> AudioInfo:
    channels = samples.shape[1]
    if info.frames and (rate, channels) != (info.sample_rate, info.channels):
        raise AudioFileError(
            f"changes from {info.sample_rate} to {rate} Hz or from {info.channels} to {channels} "
            f"channels after {info.frames} frames; {CONVERT}"
        )
    frames = info.frames + len(samples)
    return replace(info, sample_rate=rate, channels=channels, frames=frames)


def _check(info: AudioInfo, size: int, limits: AudioLimits) -> None:
    """Before the samples are kept."""
    if info.frames:
        check_limits(info, size, limits)
    if 4 * info.frames * info.channels > _MOST:
        raise AudioFileError(f"unpacks to more than {_MOST} bytes; {CONVERT}")


def _keep(spool: BinaryIO, samples: np.ndarray) -> None:
    try:
        spool.write(np.ascontiguousarray(samples).tobytes())
    except OSError as error:
        raise AudioFileError(
            f"cannot be unpacked, which needs a temporary folder with room ({error.strerror}); "
            f"{CONVERT}"
        ) from None


def _stated(container: Any, stream: Any) -> float:
    """Seconds, 0 if unknown."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def _without_padding(info: AudioInfo, stated: float, end: Fraction | int) -> AudioInfo:
    """Without what fills up the last frame; FFmpeg leaves out the delay at the beginning itself.

    Where the last packet is said to be short (`end`, in seconds), that is exact; the duration that
    is stated as a whole may be rounded to milliseconds.
    """
    slack = _STATED.get(info.format)
    if slack is not None and info.frames and info.seconds < stated - slack:
        raise AudioFileError(f"is cut off: it states {stated:.3f} s and holds {info.seconds:.3f} s")
    for seconds in (end, stated):
        frames = round(seconds * info.sample_rate)
        if info.format == "mov" and 0 < info.frames - frames < _LONGEST_FRAME:
            return replace(info, frames=frames)
    return info
