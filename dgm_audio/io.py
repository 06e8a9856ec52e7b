"""Bounded reading and writing of audio files: files <-> tensors (C, T) in [-1, 1].

Content is checked before a decoder sees it, limits are checked before memory is taken, and nothing
is changed without being asked for: no normalising, no resampling, no mixing. Torch is loaded only
where a tensor is made, so looking at a file costs little.
"""

from __future__ import annotations

import math
import os
import secrets
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import soundfile

from dgm_audio import _wav
from dgm_audio._containers import identify
from dgm_audio.errors import AudioFileError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.recipe import Recipe

MAX_SAMPLE = 100.0
"""Largest magnitude (+40 dBFS) that a float file may hold; more is damage, not headroom."""

SUBTYPES = {"wav": ("PCM_16", "PCM_24", "FLOAT"), "flac": ("PCM_16", "PCM_24"), "ogg": ("VORBIS",)}
"""What each kind of file can be written as; the first is the default."""

_BLOCK = 1 << 16
_BOMB_BYTES = 64 * 2**20
_MAX_KERNEL = 1 << 22


@dataclass(frozen=True)
class AudioLimits:
    """What is accepted from a file; everything outside is an `AudioFileError`.

    Args:
        max_seconds: longest file.
        min_rate: lowest sample rate in Hz.
        max_rate: highest sample rate in Hz.
        max_channels: most channels.
        max_bytes: most memory that the samples of one call may take, as float32.
        max_expansion: how many times larger than the file its samples may be, once they take more
            than 64 MiB: a bound on decompression bombs. Minutes of pure silence exceed it.
    """

    max_seconds: float = 3600.0
    min_rate: int = 1000
    max_rate: int = 384_000
    max_channels: int = 8
    max_bytes: int = 512 * 2**20
    max_expansion: float = 1000.0


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header states.

    Args:
        path: the file.
        format: "wav", "flac", "ogg", "mp3" or "aiff".
        subtype: libsndfile's name of the codec, such as "PCM_16".
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


def shown(path: str | Path) -> str:
    """A path as one printable line, whatever bytes its name has."""
    name = os.fspath(path)
    return name if name.isprintable() else ascii(name)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Turn every failure on a file into one line that begins with its name."""
    try:
        yield
    except AudioFileError as error:
        raise AudioFileError(f"{shown(path)}: {error}") from None
    except OSError as error:
        raise AudioFileError(f"{shown(path)}: {error.strerror or error}") from None
    except soundfile.SoundFileError as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split())
        raise AudioFileError(f"{shown(path)}: is damaged ({reason})") from None


def _open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file; never wait for a pipe and never read a device."""
    if "\0" in os.fspath(path):
        raise AudioFileError("is no path: it holds a null character")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise AudioFileError("is no regular file")
    # The path may have been exchanged for a pipe since: open without waiting and look again.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise AudioFileError("is no regular file")
    return os.fdopen(handle, "rb")


@contextmanager
def _opened(
    path: str | Path, limits: AudioLimits
) -> Iterator[tuple[soundfile.SoundFile, AudioInfo]]:
    """A checked file, open for decoding, and what its header states."""
    with _named(path), _open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        kind = identify(file, size)
        file.seek(0)
        with soundfile.SoundFile(file) as sound:
            rate, channels, frames = sound.samplerate, sound.channels, sound.frames
            info = AudioInfo(Path(path), kind, sound.subtype, rate, channels, frames)
            _check_limits(info, size, limits)
            yield sound, info


def _check_limits(info: AudioInfo, size: int, limits: AudioLimits) -> None:
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
            f"states {info.seconds:.0f} s of sound; at most {limits.max_seconds:.0f} s are allowed"
        )
    decoded = 4 * info.frames * info.channels
    if decoded > _BOMB_BYTES and decoded > size * limits.max_expansion:
        raise AudioFileError(
            f"would unpack {size} bytes to {decoded}, {decoded / size:.0f} times as many; "
            f"at most {limits.max_expansion:.0f} times are allowed (AudioLimits.max_expansion)"
        )


def file_kind(path: str | Path) -> str:
    """What the file is by its content: "wav", "flac", "ogg", "mp3" or "aiff".

    Raises:
        AudioFileError: if it is none of these, is cut off, or is no regular readable file.
    """
    with _named(path), _open_regular(path) as file:
        return identify(file, os.fstat(file.fileno()).st_size)


def probe(path: str | Path, limits: AudioLimits | None = None) -> AudioInfo:
    """What the header states, without decoding the sound.

    Raises:
        AudioFileError: if the file is not allowed, damaged, or outside the limits.
    """
    with _opened(path, limits or AudioLimits()) as (_, info):
        return info


def read_comment(path: str | Path) -> str:
    """The comment tag of an audio file, empty if it has none.

    Raises:
        AudioFileError: if the file is not allowed or damaged.
    """
    with _opened(path, AudioLimits()) as (sound, _):
        return sound.comment


def read_audio(
    path: str | Path,
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
        path: the file.
        limits: what to accept.
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
    import torch

    limits = limits or AudioLimits()
    with _opened(path, limits) as (sound, info):
        count = _check_part(info, start, frames)
        to_rate = info.sample_rate if sample_rate is None else sample_rate
        _check_memory(info, count, to_rate, limits)
        block = _read_block(sound, start, count)
        block = _check_samples(block, path, bad_samples)
    audio = _mix(torch.from_numpy(block), channels, path)
    return resample(audio, info.sample_rate, to_rate), to_rate


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


def _read_block(sound: soundfile.SoundFile, start: int, count: int) -> np.ndarray:
    """Float32 (C, count), decoded piece by piece."""
    if start:
        sound.seek(start)
    audio = np.empty((sound.channels, count), np.float32)
    done = 0
    while done < count:
        piece = sound.read(min(_BLOCK, count - done), dtype="float32", always_2d=True)
        if not len(piece):
            raise AudioFileError(
                f"is cut off: it states {sound.frames} frames and holds {start + done}"
            )
        audio[:, done : done + len(piece)] = piece.T
        done += len(piece)
    return audio


def _check_samples(audio: np.ndarray, path: str | Path, bad_samples: str) -> np.ndarray:
    bad = int((~(np.abs(audio) <= MAX_SAMPLE)).sum())  # the negation also catches NaN
    if not bad:
        return audio
    found = f"has {bad} samples that are NaN, infinite or beyond +-{MAX_SAMPLE:.0f}"
    if bad_samples == "error":
        raise AudioFileError(f"{found}; none is allowed")
    warnings.warn(f"{shown(path)}: {found}; repaired", stacklevel=4)
    return np.nan_to_num(audio, nan=0.0).clip(-1, 1)


def _mix(audio: Tensor, channels: int | None, path: str | Path) -> Tensor:
    have = audio.shape[0]
    if channels is None or channels == have:
        return audio
    if channels == 1:
        return audio.mean(0, keepdim=True)
    if have == 1 and channels > 1:
        return audio.repeat(channels, 1)
    raise InputError(
        f"{shown(path)}: channels is {channels}; a file of {have} channels can be read as "
        f"1 or {have} channels"
    )


def resample(audio: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Band-limited resampling: (..., T) -> (..., ceil(T * to_rate / from_rate)).

    Windowed-sinc interpolation. Torchaudio stores one filter per phase; for odd pairs of rates,
    such as 44101 to 44100 Hz, that takes gigabytes, so those go through SciPy's polyphase filter.

    >>> import torch
    >>> resample(torch.zeros(2, 100), 48000, 44100).shape
    torch.Size([2, 92])

    Raises:
        InputError: if a rate is not a positive integer.
    """
    for name, rate in (("from_rate", from_rate), ("to_rate", to_rate)):
        if not isinstance(rate, int | np.integer) or isinstance(rate, bool) or rate < 1:
            raise InputError(f"{name} is {rate!r}; it must be a positive integer in Hz")
    if from_rate == to_rate:
        return audio
    divisor = math.gcd(from_rate, to_rate)
    down, up = from_rate // divisor, to_rate // divisor
    if up * (down + 12 * max(1, down // up)) <= _MAX_KERNEL:
        from torchaudio.functional import resample as resample_tensor

        return resample_tensor(audio, orig_freq=from_rate, new_freq=to_rate)
    import torch
    from scipy.signal import resample_poly

    out = resample_poly(audio.detach().cpu().numpy(), up, down, axis=-1)
    return torch.from_numpy(out).to(audio)


def write_audio(
    path: str | Path,
    audio: Tensor | np.ndarray,
    sample_rate: int,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
    recipe: Recipe | None = None,
) -> Path:
    """Write a WAV, FLAC or OGG file, by its suffix; all of it or nothing.

    Samples are stored as round(x * 2**(bits - 1)), so that PCM read by `read_audio` is written back
    bit for bit. Equal sounds make equal WAV bytes. A missing folder is made.

    Args:
        path: ends with .wav, .flac or .ogg.
        audio: (C, T), or (T,) for mono, in [-1, 1]. Samples beyond are clipped with a warning, and
            kept in a float WAV.
        sample_rate: in Hz.
        subtype: "PCM_16" (default), "PCM_24" or, for WAV, "FLOAT"; an OGG is always "VORBIS".
        overwrite: replace an existing file.
        recipe: how the sound was made; it is stored as the file's comment.

    Returns:
        The path.

    Raises:
        AudioFileError: if the file exists, or cannot be written.
        InputError: if an argument is not allowed.
    """
    path = Path(path)
    kind, subtype = _check_target(path, subtype)
    samples = _check_audio(audio)
    _check_rate(kind, sample_rate)
    if subtype != "FLOAT" and (loudest := float(np.abs(samples).max())) > 1:
        warnings.warn(
            f"{shown(path)}: samples up to {loudest:.3g} are clipped to [-1, 1]", stacklevel=2
        )
        samples = samples.clip(-1, 1)
    tags = _tags(recipe)
    with _named(path):
        with _replacing(path, overwrite) as file:
            if kind == "wav":
                _write_wav(file, samples, sample_rate, subtype, tags)
            else:
                _write_encoded(file, samples, sample_rate, kind, subtype, tags)
    return path


def _check_target(path: Path, subtype: str | None) -> tuple[str, str]:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in SUBTYPES:
        allowed = ", ".join(f".{name}" for name in SUBTYPES)
        raise InputError(f"{shown(path)}: suffix is {path.suffix!r}; allowed are {allowed}")
    subtype = subtype or SUBTYPES[kind][0]
    if subtype not in SUBTYPES[kind]:
        allowed = ", ".join(SUBTYPES[kind])
        raise InputError(f"{shown(path)}: subtype is {subtype!r}; {kind} can be {allowed}")
    return kind, subtype


def _check_rate(kind: str, rate: Any) -> None:
    low, high = (8000, 192_000) if kind == "ogg" else (1000, 384_000)
    if not isinstance(rate, int | np.integer) or isinstance(rate, bool) or not low <= rate <= high:
        raise InputError(
            f"sample_rate is {rate!r}; for {kind} it must be an integer from {low} to {high} Hz"
        )


def _check_audio(audio: Any) -> np.ndarray:
    """Finite floating-point samples (C, T)."""
    array = audio if isinstance(audio, np.ndarray) else audio.detach().cpu().float().numpy()
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or not 1 <= array.shape[0] <= 8 or array.shape[1] < 1:
        raise InputError(
            f"audio has shape {tuple(array.shape)}; expected (C, T) or (T,) with C from 1 to 8"
        )
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise InputError(f"audio of type {array.dtype} must hold finite floating-point numbers")
    return array


def _tags(recipe: Recipe | None) -> dict[str, str]:
    if recipe is None:
        return {}
    from dgm_audio.recipe import MARKER

    return {"ICMT": MARKER + recipe.to_json(), "ISFT": f"dgm_audio {recipe.version}"}


@contextmanager
def _replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A temporary file beside the path that takes its place when all went well."""
    if path.exists() and not overwrite:
        raise AudioFileError("exists already; overwriting must be asked for (overwrite)")
    if path.exists() and not path.is_file():
        raise AudioFileError("is no regular file, so it cannot be replaced")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, samples.shape[1], _BLOCK):
        yield samples[:, start : start + _BLOCK].T


def _write_wav(
    file: BinaryIO, samples: np.ndarray, rate: int, subtype: str, tags: dict[str, str]
) -> None:
    channels, frames = samples.shape
    file.write(_wav.header(subtype, rate, channels, frames, tags))
    size = sum(file.write(_wav.samples(block, subtype)) for block in _blocks(samples))
    file.write(b"\0" * (size % 2))


def _write_encoded(
    file: BinaryIO, samples: np.ndarray, rate: int, kind: str, subtype: str, tags: dict[str, str]
) -> None:
    """FLAC and OGG, in blocks: libsndfile crashes on one long write of Vorbis."""
    bits = {"PCM_16": 16, "PCM_24": 24}.get(subtype)
    with soundfile.SoundFile(file, "w", rate, len(samples), subtype, format=kind.upper()) as sound:
        if tags:
            sound.comment = tags["ICMT"]
        for block in _blocks(samples):
            whole = None if bits is None else _wav.quantise(block, bits) << (32 - bits)
            sound.write(np.ascontiguousarray(block, np.float32) if whole is None else whole)
