"""The Mandarin syllables of `gcin` with their pinyin, to be asked for by initial, final and tone.

Both voices of the package are used. The first, 3.ogg, speaks syllables to their end, over a rumble
of which everything below 60 Hz is taken away; the second, 5.ogg, is clean and stops in the midst of
the final. The voice is the
class; the syllable over its tones and voices is the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from dgm_audio.data import shape
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.sets import gcin
from dgm_audio.data.sets.voices import held_out_tenth
from dgm_audio.data.splits import Splits, divided
from dgm_audio.data.utterances import load_utterances
from dgm_audio.data.windows import WindowSource
from dgm_audio.errors import DataError
from dgm_audio.text import PINYIN
from dgm_audio.text.pinyin import spelled

NAME = "gcin-text"
CLIPS = ClipConfig(sample_rate=16000, length=10240)
"""0.64 s; the longest of the syllables takes 0.627 s."""

VOICES = {
    "3.ogg": ("gcin-3", "GPL-3.0 OR LGPL-3.0", "gcin-voice / Edward Der-Hua Liu"),
    gcin.VOICE: ("gcin-5", gcin.LICENCE, gcin.CREDIT),
}
"""File -> voice, licence and credit, from the package's copyright file."""

LOWEST = 60.0
"""Hz below which nobody speaks."""


def spoken_manifest(folder: Path) -> Manifest:
    """All labelled files of both voices under `folder`, in a stable order.

    Raises:
        DataError: if no syllable is found there.
    """
    entries = tuple(_entries(folder))
    if not entries:
        raise DataError(f"{folder} holds no syllable; expected unpacked {', '.join(gcin.PACKAGES)}")
    return Manifest(folder, entries, label_name="voice")


def _entries(root: Path) -> Iterator[Entry]:
    for path in sorted(root.rglob("*.ogg")):
        found = gcin.syllable(path.parent.name)
        if found and path.name in VOICES:
            (initial, final), last = found, path.parent.name[-1]
            voice, licence, credit = VOICES[path.name]
            text = spelled(initial, final) + (last if last.isdigit() else "1")
            place, group = path.relative_to(root).as_posix(), initial + final
            yield Entry(place, voice, group, licence, credit, None, text, PINYIN, voice)


def spoken_splits(clips: ClipSet) -> Splits:
    """A tenth of the syllables held out, with all their tones and voices, by their names only."""
    is_held = np.isin(np.array(clips.groups), held_out_tenth(clips.groups))
    return divided(clips, np.flatnonzero(~is_held), np.flatnonzero(is_held))


class _WithoutRumble(WindowSource):
    """A file that gives all of its samples, without what lies below `LOWEST`, at one peak."""

    rules: ClassVar[tuple[str | int, ...]] = ("without rumble", 1)

    def _shape(self, sound: np.ndarray, goes_on: bool = False) -> shape.Shaped:
        from scipy.signal import sosfiltfilt

        filtered = sosfiltfilt(_high_pass(self.config.sample_rate), sound.astype(np.float64))
        return self._fitted(filtered.astype(np.float32), self.config.normalize)


@cache
def _high_pass(rate: int) -> np.ndarray:
    from scipy.signal import butter

    return np.asarray(butter(4, LOWEST, "highpass", fs=rate, output="sos"))


def load_spoken(manifest: Manifest, config: ClipConfig, *, progress: bool = True) -> ClipSet:
    """Whole syllables without rumble; see `load_utterances`."""
    return load_utterances(manifest, config, progress=progress, reader=_WithoutRumble)
