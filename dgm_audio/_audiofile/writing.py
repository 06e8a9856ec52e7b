"""Writing of audio files: all of a file or nothing."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, overload

import numpy as np
import soundfile

from dgm_audio._audiofile import wav
from dgm_audio._audiofile.paths import label, named, replacing, shown
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.provenance import Provenance

SUBTYPES = {"wav": ("PCM_16", "PCM_24", "FLOAT"), "flac": ("PCM_16", "PCM_24"), "ogg": ("VORBIS",)}
"""What each kind of file can be written as; the first is the default."""


class Format(NamedTuple):
    """A way to write a sound: the kind of file (its suffix without the dot) and the codec."""

    kind: str
    subtype: str


FORMATS = {
    "wav": Format("wav", "PCM_16"),
    "wav16": Format("wav", "PCM_16"),
    "wav24": Format("wav", "PCM_24"),
    "float": Format("wav", "FLOAT"),
    "flac": Format("flac", "PCM_16"),
    "flac24": Format("flac", "PCM_24"),
    "ogg": Format("ogg", "VORBIS"),
}
"""Names of formats that `write_audio` takes; "wav" is "wav16"."""

MAX_SAMPLE = 100.0
"""Largest magnitude (+40 dBFS) that a float file may hold; more is damage, not headroom."""

_BITS = {"PCM_16": 16, "PCM_24": 24}
_BLOCK = 1 << 16


@overload
def write_audio(
    path: str | Path,
    audio: Tensor | np.ndarray,
    sample_rate: int,
    *,
    format: str | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> Path: ...


@overload
def write_audio(
    path: BinaryIO,
    audio: Tensor | np.ndarray,
    sample_rate: int,
    *,
    format: str | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> BinaryIO: ...


def write_audio(
    path: str | Path | BinaryIO,
    audio: Tensor | np.ndarray,
    sample_rate: int,
    *,
    format: str | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> Path | BinaryIO:
    """Write a WAV, FLAC or OGG file, by its suffix or by a named format; all of it or nothing.

    Samples are stored as round(x * 2**(bits - 1)), so that PCM read by `read_audio` is written back
    bit for bit. Equal sounds make equal WAV bytes. A missing folder is made.

    Args:
        path: ends with .wav, .flac or .ogg; or a file open for writing bytes, which needs `format`,
            is written from where it stands, and stays open.
        audio: (C, T), or (T,) for mono. Within [-1, 1] it is stored as it is. A sound that goes
            beyond is never clipped: it is lowered as a whole to a peak of 1, with a warning, and
            kept as it is in a float WAV.
        sample_rate: in Hz.
        format: "wav16", "wav24", "float", "flac", "flac24" or "ogg" (`FORMATS`); by default what
            the suffix says, with 16 bits.
        subtype: in place of a format, libsndfile's name of the codec: "PCM_16", "PCM_24" or, for
            WAV, "FLOAT"; an OGG is always "VORBIS".
        overwrite: replace an existing file.
        provenance: how the sound was made; it is stored as the file's comment.

    Returns:
        The path, or the file.

    Raises:
        AudioFileError: if the file exists, or cannot be written.
        InputError: if an argument is not allowed.
    """
    target = Path(path) if isinstance(path, str | Path) else path
    kind, subtype = choose_format(target, format, subtype)
    samples = _check_audio(audio)
    check_rate(kind, sample_rate)
    if subtype != "FLOAT":
        samples = _lowered(samples, label(target))
    tags = tags_of(provenance)
    with named(target), opened_to_write(target, overwrite) as file:
        if kind == "wav":
            _write_wav(file, samples, sample_rate, subtype, tags)
        else:
            _write_encoded(file, samples, sample_rate, kind, subtype, tags)
    return target


@contextmanager
def opened_to_write(target: Path | BinaryIO, overwrite: bool) -> Iterator[BinaryIO]:
    """The file itself, or one that takes the place of the path when all went well."""
    if isinstance(target, Path):
        with replacing(target, overwrite) as file:
            yield file
    else:
        yield target
        target.flush()


def choose_format(
    target: Path | BinaryIO, format: str | None = None, subtype: str | None = None
) -> Format:
    """What to write, from a format's name or a codec's, and the suffix.

    Raises:
        InputError: if a name is unknown, or they contradict each other.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"format is {format!r}; allowed are {', '.join(FORMATS)}")
    if isinstance(target, Path):
        kind = target.suffix.lower().removeprefix(".")
        if kind not in SUBTYPES:
            allowed = ", ".join(f".{name}" for name in SUBTYPES)
            raise InputError(f"{shown(target)}: suffix is {target.suffix!r}; allowed are {allowed}")
    elif isinstance(target, io.TextIOBase) or target.closed or not target.writable():
        raise InputError(f"{label(target)}: is not open for writing bytes")
    elif format is None:
        raise InputError(
            f"{label(target)}: a file needs a format; allowed are {', '.join(FORMATS)}"
        )
    else:
        kind = FORMATS[format].kind
    chosen = FORMATS[format] if format else Format(kind, subtype or SUBTYPES[kind][0])
    if chosen.kind != kind:
        raise InputError(
            f"{label(target)}: format is {format!r}, which is written to a .{chosen.kind} file"
        )
    if subtype not in (None, chosen.subtype) or chosen.subtype not in SUBTYPES[kind]:
        allowed = ", ".join((chosen.subtype,) if format else SUBTYPES[kind])
        raise InputError(f"{label(target)}: subtype is {subtype!r}; {kind} can be {allowed}")
    return chosen


def _lowered(samples: np.ndarray, name: str) -> np.ndarray:
    """The sound within [-1, 1], by one gain."""
    loudest = float(np.abs(samples).max())
    if loudest <= 1:
        return samples
    warnings.warn(
        f"{name}: lowered by {20 * np.log10(loudest):.1f} dB, from a peak of {loudest:.3g} to full "
        "scale (a float WAV would keep it)",
        stacklevel=3,
    )
    return (samples / loudest).clip(-1, 1)  # a rounding may leave 1 + 1e-7


def check_rate(kind: str, rate: Any) -> None:
    low, high = (8000, 192_000) if kind == "ogg" else (1000, 384_000)
    if not isinstance(rate, int | np.integer) or isinstance(rate, bool) or not low <= rate <= high:
        raise InputError(
            f"sample_rate is {rate!r}; for {kind} it must be an integer from {low} to {high} Hz"
        )


def _check_audio(audio: Any) -> np.ndarray:
    """Samples (C, T), float32."""
    if hasattr(audio, "detach"):  # a tensor; torch itself is not needed here
        audio = audio.detach().cpu()
        audio = (audio.float() if audio.is_floating_point() else audio).numpy()
    if not isinstance(audio, np.ndarray) or audio.dtype.kind != "f":
        found = getattr(audio, "dtype", type(audio).__name__)
        raise InputError(f"audio is {found}; it must be a floating-point tensor or array")
    array = audio[None] if audio.ndim == 1 else audio
    if array.ndim != 2 or not 1 <= array.shape[0] <= 8 or array.shape[1] < 1:
        raise InputError(
            f"audio has shape {tuple(array.shape)}; expected (C, T) or (T,) with C from 1 to 8"
        )
    if not (np.abs(array) <= MAX_SAMPLE).all():  # also catches NaN
        raise InputError(f"audio has samples that are NaN, infinite or beyond +-{MAX_SAMPLE:.0f}")
    return array.astype(np.float32, copy=False)


def tags_of(provenance: Provenance | None) -> dict[str, str]:
    if provenance is None:
        return {}
    from dgm_audio.provenance import MARKER

    return {"ICMT": MARKER + provenance.to_json(), "ISFT": f"dgm_audio {provenance.version}"}


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, samples.shape[1], _BLOCK):
        yield samples[:, start : start + _BLOCK].T


def _write_wav(
    file: BinaryIO, samples: np.ndarray, rate: int, subtype: str, tags: dict[str, str]
) -> None:
    channels, frames = samples.shape
    file.write(wav.header(subtype, rate, channels, frames, tags))
    size = sum(file.write(wav.samples(block, subtype)) for block in _blocks(samples))
    file.write(b"\0" * (size % 2))


def _write_encoded(
    file: BinaryIO, samples: np.ndarray, rate: int, kind: str, subtype: str, tags: dict[str, str]
) -> None:
    """FLAC and OGG.

    In blocks, because libsndfile crashes on one long write of Vorbis; through memory, because a
    full disk is then reported as such.
    """
    encoded = io.BytesIO()
    form = kind.upper()
    with soundfile.SoundFile(encoded, "w", rate, len(samples), subtype, format=form) as sound:
        if tags:
            sound.comment = tags["ICMT"]
        for block in _blocks(samples):
            sound.write(encodable(block, subtype))
    file.write(encoded.getbuffer())


def encodable(block: np.ndarray, subtype: str) -> np.ndarray:
    """Int32 with the sample in the highest bits, so that the encoder rounds nothing; or float."""
    if bits := _BITS.get(subtype):
        return wav.quantise(block, bits) << (32 - bits)
    return np.ascontiguousarray(block, np.float32)
