"""Words in fourteen languages, read by volunteers for a drawing program: what its stamps show.

In the package `tuxpaint-stamps-default` the name of a picture lies beside it as a recording:
`frog_desc_el.ogg` is Greek, `frog_desc.ogg` English. The language is the class and the group: most
have one voice, and no file says whose it is. One in seven is an exact copy of another, because one
recording serves all pictures of a kind; `ClipSet.unique` drops those.

Sounds of the things themselves (`frog.ogg`), and the numerals and letters (`3_ru.ogg`), are left
out: of the numerals some voices read several languages, so that holding one out would not hide it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.sets.voices import split_voices
from dgm_audio.data.splits import Splits
from dgm_audio.errors import DataError

NAME = "tuxpaint-words"
PACKAGES = ("tuxpaint-stamps-default",)
LICENCE = "GPL-2.0-only"
CREDIT = "tuxpaint-stamps-default / Bill Kendrick and contributors"

HELD_OUT = ("tuxpaint-da",)
UNSEEN = "ru"
"""The Danish voice is for validation and test, and the Russian one is unseen with its language."""

_WORD = re.compile(r".+_desc(?:_([a-z]{2})(?:_[A-Z]{2})?)?")


def language(stem: str) -> str | None:
    """Language of a recording by the name of its file; None if it is no word.

    >>> language("frog_desc"), language("ginger_desc_pt_BR"), language("frog"), language("3_ru")
    ('en', 'pt', None, None)
    """
    found = _WORD.fullmatch(stem)
    return (found[1] or "en") if found else None


def word_manifest(folder: Path) -> Manifest:
    """All words under `folder`, in a stable order; the groups are "tuxpaint-el" and the like.

    Raises:
        DataError: if no word is found there.
    """
    entries, omitted = [], []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".ogg", ".wav"):
            continue
        place, spoken = path.relative_to(folder).as_posix(), language(path.stem)
        if spoken is None:
            omitted.append(Omission(place, "not the name of a picture"))
        else:
            entries.append(Entry(place, spoken, f"tuxpaint-{spoken}", LICENCE, CREDIT))
    if not entries:
        raise DataError(f"{folder} holds no word; expected unpacked {', '.join(PACKAGES)}")
    return Manifest(folder, tuple(entries), omitted=tuple(omitted))


def word_splits(clips: ClipSet) -> Splits:
    """Danish held out, Russian unseen."""
    return split_voices(clips, heldout=HELD_OUT, unseen=UNSEEN)


download_words = partial(fetch_packages, PACKAGES, what="words", done="*_desc_ru.ogg")
"""Fetches the words (161 MB) into a folder, unless they are there; see `fetch_packages`."""
