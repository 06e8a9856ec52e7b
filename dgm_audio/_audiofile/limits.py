"""What is accepted from an audio file, and what a file states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dgm_audio.errors import AudioFileError

_BOMB_BYTES = 64 * 2**20


@dataclass(frozen=True)
class AudioLimits:
    """What is accepted from a file; everything outside is an `AudioFileError`.

    Args:
        max_seconds: longest file, 100 hours by default. A long one is read in parts: only
            `max_bytes` bounds what is held in memory at once.
        min_rate: lowest sample rate in Hz.
        max_rate: highest sample rate in Hz.
        max_channels: most channels.
        max_bytes: most memory that the samples of one call may take, as float32: by default
            536,870,912 bytes, 25 minutes of stereo at 44.1 kHz.
        max_expansion: how many times larger than the file its samples may be, once they take more
            than 64 MiB: a bound on decompression bombs. Minutes of pure silence exceed it.
    """

    max_seconds: float = 360_000.0
    min_rate: int = 1000
    max_rate: int = 384_000
    max_channels: int = 8
    max_bytes: int = 512 * 2**20
    max_expansion: float = 1000.0


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header states.

    Args:
        path: the file; of a file object its name.
        format: "wav", "flac", "ogg", "mp3" or "aiff"; of a file that is read through PyAV what
            FFmpeg calls the container, such as "mov" (of .m4a) or "matroska" (of .webm).
        subtype: libsndfile's name of the codec, such as "PCM_16", or FFmpeg's, such as "AAC".
        sample_rate: in Hz.
        channels: C.
        frames: T, samples per channel.
    """

    path: Path
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.frames / self.sample_rate


def check_limits(info: AudioInfo, size: int, limits: AudioLimits) -> None:
    """Whether a file of `size` bytes is accepted.

    Raises:
        AudioFileError: if not, without the file's name.
    """
    if not limits.min_rate <= info.sample_rate <= limits.max_rate:
        raise AudioFileError(
            f"has a sample rate of {info.sample_rate} Hz; "
            f"allowed are {limits.min_rate} to {limits.max_rate} Hz"
        )
    if info.channels > limits.max_channels:
        raise AudioFileError(
            f"has {info.channels} channels; at most {limits.max_channels} are allowed"
        )
    if info.frames < 1:
        raise AudioFileError("holds no sound (0 frames); at least 1 frame is needed")
    if info.frames >= 2**62:
        raise AudioFileError("does not state its length; write it again with a tool that does")
    if info.seconds > limits.max_seconds:
        raise AudioFileError(
            f"states {info.seconds:g} s of sound; at most {limits.max_seconds:g} s are allowed"
        )
    decoded = 4 * info.frames * info.channels
    if decoded > _BOMB_BYTES and decoded > size * limits.max_expansion:
        raise AudioFileError(
            f"would unpack {size} bytes to {decoded}, {decoded / size:.0f} times as many; "
            f"at most {limits.max_expansion:.0f} times are allowed"
        )
