"""A `ClipConfig` that fits the recordings, so that one command can train on any folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.manifest import Manifest
from dgm_audio.data.scan import counted
from dgm_audio.data.source import LIMITS, reason
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import AudioInfo, probe, shown

RATES = (16000, 22050, 44100)
"""Training rates in Hz; the highest that most of the recorded time reaches is taken."""
LONGEST = 1.5
"""Seconds of the longest clip that is suggested."""
FRAMES = 16
"""A suggested length is a multiple of so many frames, of about 12 ms each."""

WHOLE_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
"""The same for recordings that are taken whole: nearly all that there are, so that most stay."""
PARTS, SHORTEST_PART, LONGEST_PART = 60, 3.0, 20.0
"""Whole recordings are cut into so many parts in all, of so many seconds each."""
LEAST_SECONDS = 8 * SHORTEST_PART
"""Of whole recordings: with less there are not eight parts to judge a model by."""
SPEECH_RATE, LONGEST_UTTERANCE = 16000, 12.0
"""Hz and seconds of transcribed speech: longer utterances take memory, and there are few."""
FRAME = 256
"""Samples that the length of an utterance is a multiple of."""
HOP = 1024
"""Samples that the length of a part is a multiple of: whole codes of a stream."""


def suggest_clip_config(
    source: Path | str | Manifest, highest_rate: int | None = None
) -> ClipConfig:
    """Rate and clip length for a folder, a CSV manifest or a `Manifest`, from the files' headers.

    The length covers nine of ten files that are no longer than four times `LONGEST` (longer ones
    are sliced), and is at most `LONGEST`. The rate is at most
    `highest_rate` in Hz, if that is given.

    Raises:
        DataError: if no file can be read.
    """
    infos = _readable(source)
    seconds = np.array([info.seconds for info in infos])
    rate = _common_rate(infos, RATES, highest_rate)
    short = seconds[seconds <= 4 * LONGEST]
    wanted = float(np.quantile(short, 0.9)) if len(short) else LONGEST
    unit = FRAMES * (512 if rate > 24000 else 256)
    length = int(np.ceil(min(wanted, LONGEST) * rate / unit)) * unit
    return ClipConfig(sample_rate=rate, length=min(length, int(LONGEST * rate / unit) * unit))


def suggest_recording_config(
    source: Path | str | Manifest, highest_rate: int | None = None
) -> ClipConfig:
    """The same for recordings that are taken whole, with their pauses and levels.

    Stereo, if at least half of the recorded time is. A clip is a sixtieth of all that there is,
    but `SHORTEST_PART` to `LONGEST_PART` seconds: so enough of them can be held out.

    Raises:
        DataError: if no file can be read, or there are less than `LEAST_SECONDS` in all.
    """
    infos = _readable(source)
    total = sum(info.seconds for info in infos)
    if total < LEAST_SECONDS:
        where = source.root if isinstance(source, Manifest) else source
        raise DataError(
            f"{shown(str(where))} holds {total:.1f} s of sound; models of long recordings need "
            f"at least {LEAST_SECONDS:g} s, and some minutes to learn something"
        )
    rate = _common_rate(infos, WHOLE_RATES, highest_rate)
    stereo = sum(info.seconds for info in infos if info.channels > 1) >= 0.5 * total
    seconds = min(max(total / PARTS, SHORTEST_PART), LONGEST_PART)
    return ClipConfig(
        sample_rate=rate,
        length=int(seconds * rate / HOP) * HOP,
        channels=2 if stereo else 1,
        normalize="none",
        trim_silence=False,
    )


def suggest_utterance_config(
    manifest: Manifest, highest_rate: int | None = None, longest: float = LONGEST_UTTERANCE
) -> ClipConfig:
    """The same for transcribed speech: 16 kHz mono, as long as the longest utterance.

    Args:
        manifest: the recordings.
        highest_rate: in Hz, if that is given.
        longest: of the utterances that are learned from, in seconds.

    Raises:
        DataError: if no file can be read, or all are longer.
    """
    seconds = file_seconds(manifest)
    short = seconds[seconds <= longest]
    if not len(short):
        where = shown(str(manifest.root))
        raise DataError(
            f"all utterances in {where} are longer than {longest:g} s: the shortest takes "
            f"{seconds.min():.1f} s; cut them, with their transcripts, at pauses"
        )
    rate = min(SPEECH_RATE, highest_rate or SPEECH_RATE)
    length = int(np.ceil(short.max() * rate / FRAME)) * FRAME
    return ClipConfig(sample_rate=rate, length=length, trim_silence=False)


def _readable(source: Path | str | Manifest) -> list[AudioInfo]:
    """What the headers of the files state that can be read, at least one."""
    manifest = Manifest.read(source)
    infos, errors = [], {}
    for entry in manifest.entries:
        try:
            infos.append(probe(manifest.locate(entry), LIMITS))
        except AudioFileError as error:
            errors[entry.path] = reason(error, manifest.locate(entry))  # load_clips reports it
    if not infos:
        raise DataError(
            f"{shown(str(manifest.root))} holds no audio file that can be read: "
            f"{counted(errors.items())}"
        )
    return infos


def _common_rate(infos: Sequence[AudioInfo], rates: Sequence[int], highest: int | None) -> int:
    """The highest of the rates that at least half of the recorded time reaches."""
    total = sum(info.seconds for info in infos)
    reached = {r: sum(i.seconds for i in infos if i.sample_rate >= r) for r in rates}
    rate = max([r for r in rates if reached[r] >= 0.5 * total], default=rates[0])
    return min(rate, highest or rate)


def file_seconds(source: Path | str | Manifest) -> np.ndarray:
    """Seconds (N,) of the files that can be read, as their headers state.

    Raises:
        DataError: if no file can be read.
    """
    return np.array([info.seconds for info in _readable(source)])
