"""A recording as a model takes it, and in words what was done to it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

from torch import Tensor

from dgm_audio.apps.long_recording import gain_for
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import probe, read_audio, shown


def read_for(
    model: AudioGenerator,
    path: Path,
    *,
    peak: bool = False,
    louder: str = "",
    repair: bool = False,
) -> tuple[Tensor, tuple[str, ...]]:
    """A file as the model takes it, and in words what was done to it.

    It is brought to the model's rate and channels, cut to the longest clip, and kept in [-1, 1].

    Args:
        model: with an encoder.
        path: of the file.
        peak: bring the largest sample to 0.95.
        louder: what the user can do to have that; told if the sound is quiet.
        repair: samples that are no numbers, or beyond +-100, instead of refusing the file.

    Returns:
        Audio (1, C, T) and one note per change.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    x, notes = _read(model, path, mix=True, repair=repair)
    gain, told = gain_for(float(x.abs().max()), peak=peak, louder=louder)
    return (x * gain)[None], _told(path, [*notes, *told])


def read_channels(
    model: AudioGenerator, path: Path, *, repair: bool = False
) -> tuple[Tensor, tuple[str, ...]]:
    """A file as a vocoder takes it, all channels, and in words what was done to it.

    Args:
        model: a vocoder.
        path: of the file.
        repair: see `read_for`.

    Returns:
        Audio (C, T) at the model's rate, in [-1, 1], and one note per change.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    x, notes = _read(model, path, mix=False, repair=repair)
    gain, told = gain_for(float(x.abs().max()), peak=False, louder=None)
    return x * gain, _told(path, [*notes, *told])


def _read(
    model: AudioGenerator, path: Path, *, mix: bool, repair: bool
) -> tuple[Tensor, list[str]]:
    """Audio (C, T) at the model's rate, cut to its longest clip; mixed to its channels or not."""
    spec, info = model.audio, probe(path)
    channels, frames = spec.channels if mix else info.channels, info.frames
    if spec.max_length is not None:  # and a second more, for the resampling
        longest = math.ceil(spec.max_length / spec.sample_rate + 1) * info.sample_rate
        frames = min(frames, longest)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", ".*; repaired$", UserWarning)
        x, _ = read_audio(
            path,
            frames=frames,
            sample_rate=spec.sample_rate,
            channels=channels,
            bad_samples="repair" if repair else "error",
        )
    told = [str(one.message).removeprefix(f"{shown(path)}: ") for one in caught]
    notes = [text for text in told if text.endswith("; repaired")]
    if info.sample_rate != spec.sample_rate:
        notes.append(f"resampled from {info.sample_rate} to {spec.sample_rate} Hz")
    if info.channels != channels:
        notes.append(f"brought from {info.channels} to {channels} channel(s)")
    elif not mix and channels > 1:
        notes.append(f"{channels} channels, each by itself")
    if spec.max_length is not None and x.shape[1] > spec.max_length:
        longest = spec.max_length / spec.sample_rate
        notes.append(f"cut from {info.seconds:.3f} s to the model's longest clip, {longest:.3f} s")
        x = x[:, : spec.max_length]
    return x, notes


def _told(path: Path, notes: list[str]) -> tuple[str, ...]:
    return tuple(f"{shown(path)}: {text}" for text in notes)
