"""A `ClipConfig` that fits the recordings, so that one command can train on any folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.manifest import Manifest
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import probe

RATES = (16000, 22050, 44100)
"""Training rates in Hz; the highest that most of the recorded time reaches is taken."""
LONGEST = 1.5
"""Seconds of the longest clip that is suggested."""
FRAMES = 16
"""A suggested length is a multiple of so many frames, of about 12 ms each."""


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
    manifest = source if isinstance(source, Manifest) else Manifest.read(source)
    infos = []
    for entry in manifest.entries:
        try:
            infos.append(probe(manifest.locate(entry)))
        except AudioFileError:
            continue  # load_clips reports it
    if not infos:
        raise DataError(f"{manifest.root} holds no audio file that can be read")
    seconds = np.array([info.seconds for info in infos])
    recorded = {rate: seconds[[info.sample_rate >= rate for info in infos]].sum() for rate in RATES}
    rate = max([r for r in RATES if recorded[r] >= 0.5 * seconds.sum()], default=RATES[0])
    rate = min(rate, highest_rate or rate)
    short = seconds[seconds <= 4 * LONGEST]
    wanted = float(np.quantile(short, 0.9)) if len(short) else LONGEST
    unit = FRAMES * (512 if rate > 24000 else 256)
    length = int(np.ceil(min(wanted, LONGEST) * rate / unit)) * unit
    return ClipConfig(sample_rate=rate, length=min(length, int(LONGEST * rate / unit) * unit))
