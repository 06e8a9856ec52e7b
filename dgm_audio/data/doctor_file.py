"""What the doctor finds in one file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch

from dgm_audio.data import copies, shape, takes
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.report import FileReport
from dgm_audio.data.source import Source, reason
from dgm_audio.errors import AudioFileError
from dgm_audio.signal.loudness import MIN_RATE, measure_loudness

QUIET_DBFS = -40.0
"""A file with a lower peak is called quiet."""
CLICK_SECONDS = 0.03
"""A shorter sound is called a click."""
MOSTLY = 0.5
"""Shares of a file beyond this are named: silence, sound that is not used."""
MAX_CLIPPED = 0.001
"""Share of clipped samples from which on a file is called clipped."""

_LOUDNESS_SECONDS = 30
_MAX_CHANNELS = 5
_loudness_lock = Lock()  # the meter silences warnings, which is not safe in threads


@dataclass(frozen=True)
class Finding:
    """What the doctor knows of one file.

    Args:
        path: relative to the folder.
        label: its class.
        group: its group.
        seconds: duration.
        sample_rate: in Hz.
        channels: number of channels.
        format: container and codec.
        peak_dbfs: largest sample, in dB below full scale.
        lufs: integrated loudness of at most its first 30 s; -inf for silence.
        clips: how many clips training makes of it.
        plan: what training does with it, in words.
        issues: what is odd about it, in words; empty for an ordinary file.
        error: why it cannot be read; empty if it can.
        steps: what was done to it, and how much (`shape.STEPS`).
    """

    path: str
    label: str
    group: str
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    format: str = ""
    peak_dbfs: float = -math.inf
    lufs: float = -math.inf
    clips: int = 0
    plan: str = ""
    issues: tuple[str, ...] = ()
    error: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)

    @property
    def report(self) -> FileReport:
        """The same in the words of `load_clips`."""
        bad = bool(self.error)
        return FileReport(self.path, self.clips, self.seconds, self.steps, self.error, bad)


@dataclass(frozen=True)
class Examined:
    """A readable file: its finding, the hash of its sound, and two fingerprints of each clip.

    Args:
        finding: what is known of it.
        content: sha256 of its decoded samples.
        prints: of `copies`.
        takes: of `takes`.
    """

    finding: Finding
    content: str
    prints: np.ndarray
    takes: np.ndarray


def examine_file(manifest: Manifest, entry: Entry, config: ClipConfig) -> Examined | Finding:
    """Look at one file as training would; a `Finding` alone if it cannot be read."""
    blocks: list[np.ndarray] = []
    try:
        source = Source(manifest.locate(entry), config, watch=_keeper(blocks))
        prints, coarse = [], []
        for clip in source.clips():
            prints.append(copies.compute(clip.audio[None], config.sample_rate))
            coarse.append(takes.compute(clip.audio[None], config.sample_rate))
    except AudioFileError as error:
        return Finding(
            entry.path, entry.label, entry.group, error=reason(error, manifest.locate(entry))
        )
    info, peak = source.info, source.level.peak
    finding = Finding(
        path=entry.path,
        label=entry.label,
        group=entry.group,
        seconds=info.seconds,
        sample_rate=info.sample_rate,
        channels=info.channels,
        format=f"{info.format} {info.subtype}",
        peak_dbfs=20 * math.log10(peak) if peak else -math.inf,
        lufs=_loudness(blocks, info.sample_rate),
        clips=len(prints),
        plan=FileReport(entry.path, steps=source.steps).plan,
        issues=tuple(_issues(source)),
        steps=dict(source.steps),
    )
    return Examined(finding, source.content, np.concatenate(prints), np.concatenate(coarse))


def _issues(source: Source) -> Iterator[str]:
    """What is odd about a file, the gravest first."""
    info, level, steps = source.info, source.level, source.steps
    sounding = info.seconds - sum(steps.get(s, 0) for s in ("trimmed", "room", "ended"))
    if level.peak < shape.SILENT:
        yield "silent"
        return
    if level.clipped_share > MAX_CLIPPED:
        yield f"clipped ({100 * level.clipped_share:.1f} % of samples)"
    if "offset" in steps:
        yield f"DC offset ({steps['offset']:+.3f})"
    if 20 * math.log10(level.peak) < QUIET_DBFS:
        yield f"quiet (peak {20 * math.log10(level.peak):.0f} dBFS)"
    if source.cancels:
        yield "channels cancel in mono"
    if sounding < CLICK_SECONDS:
        yield f"a click ({1000 * sounding:.0f} ms of sound)"
    elif sounding < (1 - MOSTLY) * info.seconds:
        yield f"mostly silence or noise ({info.seconds - sounding:.1f} of {info.seconds:.1f} s)"
    if "sliced" in steps:
        yield f"sliced ({steps['sliced']:.0f} clips)"
    elif steps.get("cut", 0) > MOSTLY * info.seconds:
        yield f"mostly unused ({steps['cut']:.1f} of {info.seconds:.1f} s)"


def _keeper(blocks: list[np.ndarray]) -> Callable[[np.ndarray], None]:
    """A watcher that keeps the first block of a file."""

    def keep(block: np.ndarray) -> None:
        if not blocks:
            blocks.append(block)

    return keep


def _loudness(blocks: list[np.ndarray], rate: int) -> float:
    """LUFS of at most 30 s; -inf for silence and for rates that the standard does not cover."""
    sound = blocks[0][:_MAX_CHANNELS, : _LOUDNESS_SECONDS * rate]
    if rate < MIN_RATE or not sound.any():
        return -math.inf
    with _loudness_lock:
        return measure_loudness(torch.from_numpy(sound), rate).lufs
