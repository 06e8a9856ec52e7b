"""Writing of audio files: all of a file or nothing."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile

from dgm_audio._audiofile import wav
from dgm_audio._audiofile.paths import named, replacing, shown
from dgm_audio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from dgm_audio.recipe import Recipe

SUBTYPES = {"wav": ("PCM_16", "PCM_24", "FLOAT"), "flac": ("PCM_16", "PCM_24"), "ogg": ("VORBIS",)}
"""What each kind of file can be written as; the first is the default."""

MAX_SAMPLE = 100.0
"""Largest magnitude (+40 dBFS) that a float file may hold; more is damage, not headroom."""

_BITS = {"PCM_16": 16, "PCM_24": 24}
_BLOCK = 1 << 16


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
    with named(path):
        with replacing(path, overwrite) as file:
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


def _tags(recipe: Recipe | None) -> dict[str, str]:
    if recipe is None:
        return {}
    from dgm_audio.recipe import MARKER

    return {"ICMT": MARKER + recipe.to_json(), "ISFT": f"dgm_audio {recipe.version}"}


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
            sound.write(_encodable(block, subtype))
    file.write(encoded.getbuffer())


def _encodable(block: np.ndarray, subtype: str) -> np.ndarray:
    """Int32 with the sample in the highest bits, so that the encoder rounds nothing; or float."""
    if bits := _BITS.get(subtype):
        return wav.quantise(block, bits) << (32 - bits)
    return np.ascontiguousarray(block, np.float32)
