"""One audio file on its way to clips: read in bounded segments, measured, hashed, shaped.

Files of up to a minute are held whole; longer ones are read twice in segments of half a minute, so
that the memory taken does not depend on their length.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from dgm_audio.data import shape, slicing
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.level import Level
from dgm_audio.data.onset import ONSET_DB
from dgm_audio.errors import AudioFileError
from dgm_audio.io import AudioInfo, AudioLimits, probe, read_audio, resample, shown

LONG_FILE = 4
"""With long_files="auto", a file of more than 4 clips is sliced."""
QUIET_SLICE = 1e-3
"""Slices 60 dB below the file's peak are left out."""
OFFSET = 0.01
"""A mean beyond this is reported as a DC offset."""
CANCELLED = 0.1
"""Channels cancel each other if their mix has less than this share of their peak."""

LIMITS = AudioLimits(max_seconds=math.inf)
"""Of the files of a data set: they are read in segments, so they may be of any length."""

_WHOLE_SECONDS, _WHOLE_BYTES = 60, 64 * 2**20
_SEGMENT_SECONDS = 30


class Segment(NamedTuple):
    """Sound (C, T) at the clip's rate; [start, stop) of the file begin at `margin` in it."""

    sound: np.ndarray
    start: int
    stop: int
    margin: int


class Source:
    """One file, read once for its figures and once for its clips.

    Args:
        path: the file.
        config: how to make clips of it.
        watch: called with every block (C, T) of decoded samples, at the file's own rate.

    Attributes:
        rules: what tells the cached clips of a subclass from others; raised when its rules change.
        info: what the header states.
        level: figures of the decoded samples.
        content: sha256 of the decoded samples; equal for equal sound in another container.
        steps: what was done to the file (`shape.STEPS`), the amounts added over its clips.

    Raises:
        AudioFileError: if the file is damaged, outside the limits, or has samples that are not
            finite.
    """

    rules: ClassVar[tuple[str | int, ...]] = ()

    def __init__(
        self,
        path: Path,
        config: ClipConfig,
        watch: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.path, self.config, self._watch = path, config, watch
        self.info: AudioInfo = probe(path, LIMITS)
        self.level = Level()
        self.steps: dict[str, float] = {}
        self._digest = hashlib.sha256(f"{self.info.sample_rate}:{self.info.channels}:".encode())
        self._peaks: list[int] = []
        self._levels: list[np.ndarray] = []
        self._mixed_peak = 0.0
        self._held = self._survey()

    @property
    def content(self) -> str:
        """Sha256 of the decoded samples, rate and channels."""
        return self._digest.hexdigest()

    @property
    def total(self) -> int:
        """Samples of the file at the clip's rate."""
        return math.ceil(self.info.frames * self.config.sample_rate / self.info.sample_rate)

    @property
    def is_sliced(self) -> bool:
        """Whether the file gives one clip per onset rather than its head."""
        mode, clips = self.config.long_files, self.total / self.config.length
        return mode == "slice" or (mode == "auto" and clips > LONG_FILE)

    @property
    def cancels(self) -> bool:
        """Whether mixing the channels lost 20 dB or more, as with inverted channels."""
        return self._mixed_peak < CANCELLED * self.level.peak

    def clips(self) -> Iterator[shape.Shaped]:
        """The clips of the file, at least one; they also fill in `steps`."""
        self._note_file()
        count, used = 0, 0
        for sound in self._slices() if self.is_sliced else iter(()):
            clip = self._shape(sound, goes_on=True)
            count, used = count + 1, used + clip.valid
            yield clip
        if count == 0:
            clip = self._shape(self._head())
            used = clip.valid
            yield clip
        self._note_rest(count, max(0.0, (self.total - used) / self.config.sample_rate))

    def _note_rest(self, slices: int, seconds: float) -> None:
        """Steps that are known only at the end: what was left over."""
        if slices > 1:
            self.steps.pop("cut", None)
            self.steps |= {"sliced": slices, "unused": seconds}
            if "normalised" in self.steps:
                self.steps["normalised"] /= slices  # decibels do not add up: the mean
        elif slices or "cut" in self.steps:
            silence = sum(self.steps.get(step, 0) for step in ("trimmed", "room", "ended"))
            self.steps["cut"] = seconds - silence

    def _note_file(self) -> None:
        """Steps that concern the file as a whole."""
        self.steps.clear()
        if self.info.sample_rate != self.config.sample_rate:
            self.steps["resampled"] = self.info.sample_rate
        _, mixing = shape.to_channels(np.empty((self.info.channels, 0)), self.config.channels)
        self.steps |= mixing
        if self.level.clipped:
            self.steps["clipped"] = 100 * self.level.clipped_share
        if abs(self.level.offset) > OFFSET:
            self.steps["offset"] = self.level.offset

    def _shape(self, sound: np.ndarray, goes_on: bool = False) -> shape.Shaped:
        return self._fitted(sound, self.config.normalize, goes_on)

    def _fitted(
        self, sound: np.ndarray, normalize: Literal["none", "peak"], goes_on: bool = False
    ) -> shape.Shaped:
        """A clip of a sound; what was done to it is added to the steps."""
        config = self.config
        shaped = shape.shape_clip(
            sound,
            config.length,
            config.sample_rate,
            trim=config.trim_silence,
            normalize=normalize,
            goes_on=goes_on,
        )
        for name, amount in shaped.steps.items():
            self.steps[name] = self.steps.get(name, 0) + amount
        return shaped

    def _survey(self) -> Segment | None:
        """First reading: figures, hash, envelope, onsets. Keeps the sound if it is one segment."""
        held = None
        for held in self._segments(measure=True):
            self._mixed_peak = max(self._mixed_peak, float(np.abs(held.sound).max()))
            if self.is_sliced:
                self._listen(held)
        return held if held is not None and held.start == 0 else None

    def _listen(self, segment: Segment) -> None:
        """Note the envelope of a segment and the peaks that may be onsets."""
        rate, (sound, start, stop, margin) = self.config.sample_rate, segment
        found = slicing.find_peaks(sound.mean(axis=0), rate) + start - margin
        self._peaks += found[(found >= start) & (found < stop)].tolist()
        self._levels.append(slicing.envelope(sound[:, margin : margin + stop - start], rate))

    def _segments(self, measure: bool = False) -> Iterator[Segment]:
        """The file in overlapping segments: 1 s before, one clip and 1 s after each."""
        rate, own = self.config.sample_rate, self.info.sample_rate
        clip, seconds = math.ceil(self.config.seconds), math.ceil(self.info.seconds)
        size = 4 * self.info.frames * self.info.channels
        whole = seconds <= _WHOLE_SECONDS and size <= _WHOLE_BYTES
        span, after = seconds if whole else max(_SEGMENT_SECONDS, clip), clip + 1
        for second in range(0, seconds, span):
            before = min(second, 1)
            first = (second - before) * own
            stop = min((second + span) * own, self.info.frames)
            last = min(stop + after * own, self.info.frames)
            native = _read(self.path, first, last - first)
            if measure:
                core = native[:, before * own : stop - first]
                self.level.add(core)
                self._digest.update(core.T.tobytes())
                if self._watch is not None:
                    self._watch(core)
            sound, _ = shape.to_channels(native, self.config.channels)
            end = min((second + span) * rate, self.total)
            yield Segment(_resampled(sound, own, rate), second * rate, end, before * rate)

    def _again(self) -> Iterator[Segment]:
        """Second reading."""
        return iter((self._held,)) if self._held is not None else self._segments()

    def _slices(self) -> Iterator[np.ndarray]:
        """Sound of every slice that is not silent."""
        config, levels = self.config, np.concatenate(self._levels)
        onsets = slicing.find_onsets(self._peaks, levels, config.sample_rate)
        slices = slicing.spans(onsets, levels, self.total, config.length, config.sample_rate)
        quiet = max(shape.SILENT, QUIET_SLICE * self.level.peak)
        for sound in self._cut(slices):
            if sound.shape[1] and np.abs(sound).max() >= quiet:
                yield sound

    def _cut(self, spans: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Sound of every span of samples, from the second reading."""
        for segment in self._again():
            shift = segment.margin - segment.start
            for start, stop in spans:
                if segment.start <= start < segment.stop:
                    yield segment.sound[:, start + shift : stop + shift]

    def _head(self) -> np.ndarray:
        """The sound from its beginning: a whole short file, or what follows the silence."""
        if self._held is not None:
            return self._held.sound
        loud = self.level.peak * 10 ** (ONSET_DB / 20)
        for segment in self._again():
            sound = segment.sound[:, segment.margin :]
            if np.abs(sound).max() >= loud:
                return sound
        return next(self._again()).sound  # channels that cancel each other: silence all along


def blocks(
    path: Path, info: AudioInfo, bad_samples: Literal["error", "repair"] = "error"
) -> Iterator[np.ndarray]:
    """The samples of a file (C, T), half a minute at a time.

    Raises:
        AudioFileError: as `read_audio` does.
    """
    size = _SEGMENT_SECONDS * info.sample_rate
    for start in range(0, info.frames, size):
        yield _read(path, start, min(size, info.frames - start), bad_samples)


def reason(error: AudioFileError, path: Path) -> str:
    """The error without the path that it begins with."""
    return str(error).removeprefix(f"{shown(path)}: ")


def _read(
    path: Path, start: int, frames: int, bad_samples: Literal["error", "repair"] = "error"
) -> np.ndarray:
    sound, _ = read_audio(path, limits=LIMITS, start=start, frames=frames, bad_samples=bad_samples)
    return sound.numpy()


def _resampled(sound: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    import torch

    return resample(torch.from_numpy(np.ascontiguousarray(sound)), from_rate, to_rate).numpy()
