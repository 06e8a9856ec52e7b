"""A recording as a vocoder takes it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from dgm_audio.generator import AudioGenerator
from dgm_audio.io import probe, read_audio, shown


def read_recording(model: AudioGenerator, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    """A file as the vocoder takes it, all channels, and in words what was done to it.

    Returns:
        Audio (C, T) at the model's rate, in [-1, 1], and one note per change.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    spec, info, notes = model.audio, probe(path), []
    x, _ = read_audio(path, sample_rate=spec.sample_rate)
    if info.sample_rate != spec.sample_rate:
        notes.append(f"resampled from {info.sample_rate} to {spec.sample_rate} Hz")
    if info.channels > 1:
        notes.append(f"{info.channels} channels, each by itself")
    if spec.max_length is not None and x.shape[1] > spec.max_length:
        longest = spec.max_length / spec.sample_rate
        notes.append(f"cut from {info.seconds:.3f} s to the model's longest clip, {longest:.3f} s")
        x = x[:, : spec.max_length]
    loudest = float(x.abs().max())
    if loudest > 1:
        notes.append(f"lowered from a peak of {loudest:.3g} to 1")
        x = x / loudest
    return x, tuple(f"{shown(path)}: {text}" for text in notes)
