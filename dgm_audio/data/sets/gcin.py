"""Mandarin syllables: 1,155 short recordings of one voice that Debian ships, labelled by initial.

The package `gcin-voice` has a folder per syllable and tone, named in zhuyin, with a file per voice:
`ㄓㄤ4/5.ogg` is zhang in the fourth tone, the initial zh and the final ang. The initial is the
class; the syllable over all its tones is the group, because its recordings resemble each other too
much to lie on both sides of a split.

Of the two voices only the second, 5.ogg, is used: the first has rumble 15 dB below its peaks. The
second stops a quarter of a second after the onset, in the midst of the final: a classifier that
names three of four initials rightly tells ao from a by chance only. So the final is no class that
a model could be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.sets.voices import held_out_tenth
from dgm_audio.data.splits import Splits, divided
from dgm_audio.errors import DataError
from dgm_audio.text import pinyin

NAME = "gcin-syllables"
PACKAGES = ("gcin-voice",)
VOICE = "5.ogg"
LICENCE = "CC-BY-3.0"
CREDIT = "gcin-voice / Chu Lo (羅竺), recorded by ChionMeilin (徵音梅林)"
"""Licence and authors of this voice's files, from the package's copyright file."""

CLIPS = ClipConfig(sample_rate=16000, length=6400)
"""0.4 s; the longest of the syllables takes 0.35 s."""

DAMAGED = ("ㄏㄡ2", "ㄏㄡ3", "ㄏㄡ4")
"""Recordings of an empty room."""

INITIALS: dict[str, str] = dict(
    zip("ㄅㄆㄇㄈㄉㄊㄋㄌㄍㄎㄏㄐㄑㄒㄓㄔㄕㄖㄗㄘㄙ", pinyin.INITIALS, strict=True)
)
FINALS: dict[str, str] = dict(
    zip(
        "ㄚ ㄛ ㄜ ㄞ ㄟ ㄠ ㄡ ㄢ ㄣ ㄤ ㄥ ㄦ  ㄧ ㄧㄚ ㄧㄝ ㄧㄠ ㄧㄡ ㄧㄢ ㄧㄣ ㄧㄤ ㄧㄥ "
        "ㄨ ㄨㄚ ㄨㄛ ㄨㄞ ㄨㄟ ㄨㄢ ㄨㄣ ㄨㄤ ㄨㄥ ㄩ ㄩㄝ ㄩㄢ ㄩㄣ ㄩㄥ".split(" "),
        pinyin.FINALS,
        strict=True,
    )
)
"""Zhuyin -> pinyin as one types it: v is ü, ih the buzz of zhi and si."""

VOWEL = "vowel"
"""Class of the syllables that begin with their final."""

CLASSES = (*INITIALS.values(), VOWEL)

_ZHUYIN = re.compile(r"(?=[ㄅ-ㄩ])([ㄅ-ㄙ]?)([ㄚ-ㄩ]*)[1-4]?")


def syllable(folder: str) -> tuple[str, str] | None:
    """Initial ("" if there is none) and final by the name of a folder; None if it is not used.

    >>> syllable("ㄓㄤ4"), syllable("ㄩㄢ"), syllable("ㄏㄡ2")
    (('zh', 'ang'), ('', 'van'), None)
    """
    found = _ZHUYIN.fullmatch(folder)
    if not found or folder in DAMAGED or found[2] not in FINALS:
        return None
    return INITIALS.get(found[1], ""), FINALS[found[2]]


def syllable_manifest(folder: Path) -> Manifest:
    """All labelled files of the voice under `folder`, in a stable order.

    Groups are initial and final joined, without the contractions of pinyin: `xve` is xue, `uang`
    alone is wang.

    Raises:
        DataError: if no syllable is found there.
    """
    entries = tuple(_entries(folder))
    if not entries:
        raise DataError(f"{folder} holds no syllable; expected unpacked {', '.join(PACKAGES)}")
    return Manifest(root=folder, entries=entries, classes=CLASSES)


def _entries(root: Path) -> Iterator[Entry]:
    for path in sorted(root.rglob(VOICE)):
        found = syllable(path.parent.name)
        if found:
            initial, final = found
            place = path.relative_to(root).as_posix()
            yield Entry(
                place, initial or VOWEL, group=initial + final, licence=LICENCE, source=CREDIT
            )


def syllable_splits(clips: ClipSet) -> Splits:
    """A tenth of the syllables of every initial held out, at least one, with all their tones.

    The choice depends on the names of the syllables only; those that are held out are halved. None
    is unseen beyond that: they are new to the model already.
    """
    held: set[str] = set()
    for initial in range(len(clips.classes)):
        mine = np.flatnonzero(clips.labels == initial)
        held.update(held_out_tenth(clips.groups[row] for row in mine))
    is_held = np.isin(np.array(clips.groups), sorted(held))
    return divided(clips, np.flatnonzero(~is_held), np.flatnonzero(is_held))


download_syllables = partial(fetch_packages, PACKAGES, what="syllables", done=VOICE)
"""Fetches the syllables (8 MB) into a folder, unless they are there; see `fetch_packages`."""
