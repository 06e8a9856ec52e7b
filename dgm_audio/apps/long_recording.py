"""Sounds that need not fit into memory: files that are read and written part by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dgm_audio.io import AudioInfo, probe, read_audio, resample, shown
from dgm_audio.io import writing_audio as writing_wav
from dgm_audio.specs import AudioSpec

__all__ = [
    "LongRecording",
    "Meter",
    "in_blocks",
    "open_recording",
    "writing_wav",
]

PART, MARGIN = 30, 1
"""Seconds that are read at a time, and more of them on both sides, for the resampling."""


@dataclass(frozen=True)
class LongRecording:
    """A file as a model takes it, part by part: brought to its rate and channels, within [-1, 1].

    Args:
        info: of the file.
        sample_rate: of the model, in Hz.
        channels: C, of the model.
        gain: that every sample is multiplied by.
    """

    info: AudioInfo
    sample_rate: int
    channels: int
    gain: float = 1.0

    @property
    def length(self) -> int:
        """T at the model's rate."""
        return -(-self.info.frames * self.sample_rate // self.info.sample_rate)

    def __iter__(self) -> Iterator[Tensor]:
        """Parts (1, C, t).

        Raises:
            AudioFileError: if the file is damaged.
        """
        rate, frames = self.info.sample_rate, self.info.frames
        for second in range(0, -(-frames // rate), PART):
            start = max(0, second - MARGIN)
            count = min(frames, (second + PART + MARGIN) * rate) - start * rate
            x, _ = read_audio(self.info.path, start=start * rate, frames=count)
            x = resample(self._mixed(x), rate, self.sample_rate)
            x = x[None, :, (second - start) * self.sample_rate :]
            yield x[:, :, : PART * self.sample_rate] * self.gain

    def _mixed(self, x: Tensor) -> Tensor:
        """(C', t) -> (C, t)."""
        return x if len(x) == self.channels else x.mean(0, keepdim=True).repeat(self.channels, 1)


def open_recording(audio: AudioSpec, path: Path) -> tuple[LongRecording, tuple[str, ...]]:
    """A file as a model takes it, and in words what is done to it; it is read once to the end.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    recording = LongRecording(probe(path), audio.sample_rate, audio.channels)
    info, notes = recording.info, []
    if info.sample_rate != audio.sample_rate:
        notes.append(f"resampled from {info.sample_rate} to {audio.sample_rate} Hz")
    if info.channels != audio.channels:
        notes.append(f"brought from {info.channels} to {audio.channels} channel(s)")
    loudest = max(float(part.abs().max()) for part in recording)
    if loudest > 1:
        notes.append(f"lowered from a peak of {loudest:.3g} to 1")
        recording = replace(recording, gain=1 / loudest)
    return recording, tuple(f"{shown(path)}: {text}" for text in notes)


def in_blocks(parts: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Parts (B, C, t) of one sound as blocks of `size` samples; the last one may be shorter.

    >>> [block.shape[2] for block in in_blocks([torch.zeros(1, 1, 3)] * 4, 5)]
    [5, 5, 2]
    """
    rest: Tensor | None = None
    for part in parts:
        joined = part if rest is None else torch.cat([rest, part], dim=2)
        whole = joined.shape[2] // size * size
        yield from joined[:, :, :whole].split(size, dim=2) if whole else ()
        rest = joined[:, :, whole:]
    if rest is not None and rest.shape[2]:
        yield rest


class Meter:
    """How loud a sound is that passes by.

    Example:
        >>> meter = Meter()
        >>> blocks = list(meter.watch([torch.full((1, 2, 4), 0.5)] * 3))
        >>> round(meter.rms_dbfs, 2), round(meter.peak_dbfs, 2)
        (-6.02, -6.02)
    """

    def __init__(self) -> None:
        self._peak = self._energy = 0.0
        self._samples = 0

    @property
    def peak_dbfs(self) -> float | None:
        """Level of the largest sample; None for silence."""
        return 20 * math.log10(self._peak) if self._peak > 0 else None

    @property
    def rms_dbfs(self) -> float | None:
        """Level of the root mean square, of all channels together; None for silence."""
        return 10 * math.log10(self._energy / self._samples) if self._energy > 0 else None

    def watch(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """The blocks, once they are measured."""
        for block in blocks:
            if block.numel():
                self._peak = max(self._peak, float(block.abs().max()))
                self._energy += float(block.double().square().sum())
                self._samples += block.numel()
            yield block
