"""Sounds that need not fit into memory: files that are read and written part by part."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio._audiofile.paths import named
from dgm_audio.apps.finishing import parse_level
from dgm_audio.data.shape import PEAK
from dgm_audio.io import AudioInfo, probe, read_audio, resample, shown, writing_audio
from dgm_audio.provenance import Provenance
from dgm_audio.signal.loudness import level_gain
from dgm_audio.signal.loudness_meter import LoudnessMeter
from dgm_audio.specs import AudioSpec

PART, MARGIN = 30, 1
"""Seconds that are read at a time, and more of them on both sides, for the resampling."""
PIECE = 2**18
"""Samples that are brought to a level at a time."""
_QUIET = 0.25


@dataclass(frozen=True)
class LongRecording:
    """A file as a model takes it, part by part: brought to its rate and channels, within [-1, 1].

    Args:
        info: of the file.
        sample_rate: of the model, in Hz.
        channels: C, of the model.
        gain: that every sample is multiplied by.
        most: samples to read at the model's rate, from the start; None reads all.
    """

    info: AudioInfo
    sample_rate: int
    channels: int
    gain: float = 1.0
    most: int | None = None

    @property
    def length(self) -> int:
        """T at the model's rate."""
        whole = -(-self.info.frames * self.sample_rate // self.info.sample_rate)
        return whole if self.most is None else min(whole, self.most)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.length / self.sample_rate

    def silence(self, length: int) -> Tensor:
        """Silence (1, C, `length`) of the same kind."""
        return torch.zeros(1, self.channels, length)

    def __iter__(self) -> Iterator[Tensor]:
        """Parts (1, C, t).

        Raises:
            AudioFileError: if the file is damaged.
        """
        left = self.length
        for part in self._parts():
            yield part[:, :, :left]
            left -= part.shape[2]
            if left <= 0:
                return

    def _parts(self) -> Iterator[Tensor]:
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


def open_recording(
    audio: AudioSpec,
    path: Path,
    *,
    peak: bool = False,
    louder: str | None = None,
    channels: int | None = None,
    most: int | None = None,
) -> tuple[LongRecording, tuple[str, ...]]:
    """A file as a model takes it, and in words what is done to it; it is read once to the end.

    Args:
        audio: of the model.
        path: of the file.
        peak: bring the largest sample to 0.95.
        louder: tell of a quiet file; not empty: what the user can do about it.
        channels: C; by default the model's, 0 for the file's own.
        most: samples to take at most, at the model's rate.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    info, notes = probe(path), []
    wanted = audio.channels if channels is None else channels or info.channels
    if audio.max_length is not None:
        most = min(most or audio.max_length, audio.max_length)
    recording = LongRecording(info, audio.sample_rate, wanted, most=most)
    if info.sample_rate != audio.sample_rate:
        notes.append(f"resampled from {info.sample_rate} to {audio.sample_rate} Hz")
    if info.channels != wanted:
        notes.append(f"brought from {info.channels} to {wanted} channel(s)")
    elif channels == 0 and wanted > 1:
        notes.append(f"{wanted} channels, each by itself")
    if audio.max_length is not None and recording.most == audio.max_length:
        whole = replace(recording, most=None)
        if whole.length > recording.length:
            longest = f"the model's longest clip, {recording.seconds:.3f} s"
            notes.append(f"cut from {info.seconds:.3f} s to {longest}")
    loudest = max(float(part.abs().max()) for part in recording)
    gain, told = gain_for(loudest, peak=peak, louder=louder)
    recording = replace(recording, gain=gain)
    return recording, tuple(f"{shown(path)}: {text}" for text in [*notes, *told])


def gain_for(loudest: float, *, peak: bool, louder: str | None) -> tuple[float, list[str]]:
    """What to multiply a recording by, and what to tell, as `open_recording` says."""
    if peak and loudest > 0:
        return PEAK / loudest, [f"brought from a peak of {loudest:.3g} to {PEAK}"]
    if loudest > 1:
        return 1 / loudest, [f"lowered from a peak of {loudest:.3g} to 1"]
    if louder is not None and loudest < _QUIET:
        advice = f"; {louder} may come closer" if louder else ""
        return 1.0, [f"quiet, with a peak of {loudest:.3g}{advice}"]
    return 1.0, []


@contextmanager
def writing_sound(
    path: Path,
    sample_rate: int,
    channels: int,
    *,
    format: str | None = None,
    level: str = "none",
    overwrite: bool = False,
    comment: str = "",
    provenance: Provenance | None = None,
) -> Iterator[Callable[[Tensor], None]]:
    """As `dgm_audio.io.writing_audio`, for blocks (1, C, t), and brought to a level.

    With a level the blocks wait in a file without a name until all of the sound has been measured.

    Args:
        path: ends with .wav or .flac.
        sample_rate: in Hz.
        channels: C.
        format: see `dgm_audio.io.write_audio`.
        level: see `dgm_audio.apps.finishing`.
        overwrite: replace an existing file.
        comment: ASCII text to store in it.
        provenance: how the sound was made, in place of a comment.

    Raises:
        AudioFileError: if the file exists or cannot be written.
        InputError: if an argument is not allowed.
    """
    kind, target = parse_level(level)
    options: dict[str, Any] = {"format": format, "overwrite": overwrite}
    options |= {"comment": comment, "provenance": provenance}
    if kind == "none":
        with writing_audio(path, sample_rate, channels, **options) as write:
            yield write
        return
    meter = LoudnessMeter(sample_rate)
    place = next(folder for folder in path.absolute().parents if folder.is_dir())
    with named(path), tempfile.TemporaryFile(dir=place) as waiting:

        def put(block: Tensor) -> None:
            meter.add(block[0])
            waiting.write(block[0].T.float().cpu().contiguous().numpy().tobytes())

        yield put
        gain = 10 ** (level_gain(kind, meter.found(), target) / 20)
        waiting.seek(0)
        with writing_audio(path, sample_rate, channels, **options) as write:
            while data := waiting.read(4 * channels * PIECE):
                write(np.frombuffer(data, np.float32).reshape(-1, channels).T * np.float32(gain))


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
