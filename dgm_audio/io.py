"""Bounded reading and writing of audio files: files <-> tensors (C, T) in [-1, 1].

Content is checked before a decoder sees it, limits are checked before memory is taken, and nothing
is changed without being asked for: no normalising, no resampling, no mixing. Torch is loaded only
where a tensor is made, so looking at a file costs little.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
import soundfile

from dgm_audio._audiofile.limits import AudioInfo, AudioLimits
from dgm_audio._audiofile.opening import looked_at, opened
from dgm_audio._audiofile.paths import decoder_reason, label, shown
from dgm_audio._audiofile.streaming import writing_audio
from dgm_audio._audiofile.suffixes import AUDIO_SUFFIXES, CONVERTIBLE, FOREIGN
from dgm_audio._audiofile.writing import FORMATS, MAX_SAMPLE, SUBTYPES, write_audio
from dgm_audio._renamed import old_names
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.provenance import MARKER, Provenance

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "AUDIO_SUFFIXES",
    "CONVERTIBLE",
    "FOREIGN",
    "FORMATS",
    "MAX_SAMPLE",
    "SUBTYPES",
    "AudioInfo",
    "AudioLimits",
    "file_kind",
    "probe",
    "read_audio",
    "read_comment",
    "resample",
    "shown",
    "write_audio",
    "writing_audio",
]

_BLOCK = 1 << 16


def file_kind(path: str | Path | BinaryIO) -> str:
    """What the file is by its content: see `AudioInfo.format`.

    Raises:
        AudioFileError: if it is none of these, is cut off, or is no regular readable file.
        InputError: if it is a file object that cannot be read or cannot seek.
    """
    with looked_at(path) as (_, content, _):
        return content.kind


def probe(path: str | Path | BinaryIO, limits: AudioLimits | None = None) -> AudioInfo:
    """What the header states, without decoding the sound.

    Raises:
        AudioFileError: if the file is not allowed, damaged, or outside the limits.
    """
    with opened(path, limits or AudioLimits()) as (_, info):
        return info


def read_comment(path: str | Path | BinaryIO) -> str:
    """The comment tag of an audio file, empty if it has none.

    Raises:
        AudioFileError: if the file is not allowed or damaged.
    """
    with opened(path, AudioLimits()) as (sound, _):
        return sound.comment


def read_audio(
    path: str | Path | BinaryIO,
    *,
    limits: AudioLimits | None = None,
    start: int = 0,
    frames: int | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
    bad_samples: Literal["error", "repair"] = "error",
) -> tuple[Tensor, int]:
    """Read a file, or a part of it, as it is.

    Args:
        path: the file; or one that is open for reading bytes and can seek, which is read from its
            first byte wherever it stands, and stays open.
        limits: what to accept. A file that takes more memory than `limits.max_bytes` is read in
            parts, by `start` and `frames`.
        start: first sample to read, at the file's own rate.
        frames: samples to read, at the file's own rate; None reads to the end.
        sample_rate: resample to this rate in Hz; None keeps the file's own.
        channels: 1 averages the channels, more repeat a mono file; None keeps the file's own.
        bad_samples: what to do if samples are NaN, infinite or beyond +-100: raise, or repair them
            (NaN becomes 0, the rest is clipped to [-1, 1]) with a warning.

    Returns:
        Float32 audio (C, T) and its sample rate in Hz. Float files may go beyond [-1, 1].

    Raises:
        AudioFileError: if the file is not allowed, damaged, cut off or outside the limits.
        InputError: if an argument is not allowed for this file.
    """
    if bad_samples not in ("error", "repair"):
        raise InputError(f"bad_samples is {bad_samples!r}; allowed are 'error' and 'repair'")
    limits = limits or AudioLimits()
    with opened(path, limits) as (sound, info):
        count = _check_part(info, start, frames)
        to_rate = info.sample_rate if sample_rate is None else sample_rate
        _check_memory(info, count, to_rate, limits)
        block, bad = _read_part(sound, start, count)
        block = _repair(block, bad, path, bad_samples)
    import torch

    audio = _mix(torch.from_numpy(block), channels, path)
    return resample(audio, info.sample_rate, to_rate), to_rate


def resample(audio: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Band-limited resampling, see `dgm_audio.signal.resampling.resample`."""
    from dgm_audio.signal import resampling

    return resampling.resample(audio, from_rate, to_rate)


def _check_part(info: AudioInfo, start: int, frames: int | None) -> int:
    count = info.frames - start if frames is None else frames
    if start < 0 or count < 1 or start + count > info.frames:
        raise InputError(
            f"{shown(info.path)}: start is {start} and frames is {frames}; "
            f"the file has {info.frames} frames"
        )
    return count


def _check_memory(info: AudioInfo, count: int, to_rate: int, limits: AudioLimits) -> None:
    if not limits.min_rate <= to_rate <= limits.max_rate:
        raise InputError(
            f"sample_rate is {to_rate}; it must be from {limits.min_rate} to {limits.max_rate} Hz"
        )
    needed = 4 * info.channels * math.ceil(count * max(1.0, to_rate / info.sample_rate))
    if needed > limits.max_bytes:
        raise AudioFileError(
            f"needs {needed / 2**20:.0f} MiB as samples; "
            f"at most {limits.max_bytes / 2**20:.0f} MiB are allowed (read it in parts)"
        )


def _read_part(sound: soundfile.SoundFile, start: int, count: int) -> tuple[np.ndarray, int]:
    """Float32 (C, count), decoded piece by piece, and the number of bad samples in it."""
    if start:
        sound.seek(start)
    audio = np.empty((sound.channels, count), np.float32)
    done = bad = 0
    while done < count:
        piece = _read_piece(sound, start + done, min(_BLOCK, count - done))
        bad += int((~(np.abs(piece) <= MAX_SAMPLE)).sum())  # the negation also catches NaN
        audio[:, done : done + len(piece)] = piece.T
        done += len(piece)
    return audio, bad


def _read_piece(sound: soundfile.SoundFile, position: int, count: int) -> np.ndarray:
    """Float32 (up to count, C)."""
    try:
        piece = sound.read(count, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise AudioFileError(
            f"is cut off or damaged after {position} of {sound.frames} frames "
            f"({decoder_reason(error)})"
        ) from None
    if not len(piece):
        raise AudioFileError(f"is cut off: it states {sound.frames} frames and holds {position}")
    return piece


def _repair(
    audio: np.ndarray, bad: int, path: str | Path | BinaryIO, bad_samples: str
) -> np.ndarray:
    if not bad:
        return audio
    found = f"has {bad} samples that are NaN, infinite or beyond +-{MAX_SAMPLE:.0f}"
    if bad_samples == "error":
        raise AudioFileError(f"{found}; none is allowed")
    warnings.warn(f"{label(path)}: {found}; repaired", stacklevel=3)
    return np.nan_to_num(audio, nan=0.0).clip(-1, 1)


def _mix(audio: Tensor, channels: int | None, path: str | Path | BinaryIO) -> Tensor:
    have = audio.shape[0]
    if channels is None or channels == have:
        return audio
    if channels == 1:
        return audio.mean(0, keepdim=True)
    if have == 1 and channels > 1:
        return audio.repeat(channels, 1)
    raise InputError(
        f"{label(path)}: channels is {channels}; a file of {have} channels can be read as "
        f"1 or {have} channels"
    )


def read_provenance(path: str | Path) -> Provenance:
    """The provenance inside an audio file that this package wrote.

    Raises:
        AudioFileError: if the file cannot be read, or carries no provenance or damaged provenance.
    """
    comment = read_comment(path)
    if not comment.startswith(MARKER):
        raise AudioFileError(
            f"{shown(path)}: carries no provenance; only files that dgm_audio wrote have it"
        )
    try:
        return Provenance.from_json(comment.removeprefix(MARKER))
    except InputError as error:
        raise AudioFileError(f"{shown(path)}: carries damaged provenance ({error})") from None


__getattr__ = old_names(__name__)
