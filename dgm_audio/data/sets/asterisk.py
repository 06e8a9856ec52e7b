"""Telephone prompts in five languages: 131 minutes of four professional voices that Debian ships.

The packages `asterisk-core-sounds-*-g722` have a folder per voice, such as `it_IT_m_Carlo`:
language, country, sex and name. The language is the class, the voice the group: English and Spanish
are the same Allison, so neither can be held out without the other.

The folder `silence`, the tones and a recording of monkeys are no speech and are left out.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.debian import fetch_packages
from dgm_audio.data.sets.g722 import SUFFIX, flac_copies
from dgm_audio.data.sets.voices import split_voices
from dgm_audio.data.splits import Splits
from dgm_audio.errors import DataError

NAME = "asterisk-prompts"
LANGUAGES = ("en", "es", "fr", "it", "ru")
PACKAGES = tuple(f"asterisk-core-sounds-{language}-g722" for language in LANGUAGES)

HELD_OUT = ("June",)
UNSEEN = "ru"
"""The French voice is for validation and test, and the Russian one is unseen with its language."""

CREDITS = {
    "Allison": ("CC-BY-SA-3.0", "Allison Smith"),
    "June": ("CC-BY-SA-3.0", "June Wallack"),
    "Carlo": ("CC-BY-3.0", "Carlo Flora"),
    "IvrvoiceRU": ("CC-BY-3.0", "ivrvoice.ru, provided by Maxim Topal"),
}
"""Voice -> licence and author, from the packages' copyright files."""

NO_SPEECH = {
    "ascending-2tone",
    "beep",
    "beeperr",
    "confbridge-join",
    "confbridge-leave",
    "descending-2tone",
    "tt-monkeys",
}

_VOICE = re.compile(r"([a-z]{2})_[A-Z]{2}_[mf]_(\w+)")


def prompt_manifest(folder: Path) -> Manifest:
    """All prompts under `folder`, in a stable order, as FLAC copies in the cache.

    Raises:
        DataError: if no voice is found there, or PyAV is needed and not installed.
        AudioFileError: if a copy cannot be written.
    """
    files, entries, omitted = [], [], []
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        place = path.relative_to(folder)
        found = next(filter(None, map(_VOICE.fullmatch, place.parts)), None)
        if found is None:
            omitted.append(Omission(place.as_posix(), "not in the folder of a voice"))
        elif path.parent.name == "silence" or path.stem in NO_SPEECH:
            omitted.append(Omission(place.as_posix(), "silence, a tone or an animal"))
        elif path.stat().st_size == 0:
            omitted.append(Omission(place.as_posix(), "is empty", bad=True))
        else:
            files.append(path)
            licence, author = CREDITS.get(found[2], ("unknown", found[2]))
            source = f"asterisk-core-sounds / {author}"
            copy = place.with_suffix(".flac").as_posix()
            entries.append(Entry(copy, found[1], found[2], licence, source))
    if not files:
        raise DataError(f"{folder} holds no prompt; expected unpacked {', '.join(PACKAGES)}")
    return Manifest(flac_copies(folder, files), tuple(entries), omitted=tuple(omitted))


def prompt_splits(clips: ClipSet) -> Splits:
    """June's French held out, Russian unseen; Allison and Carlo are trained on."""
    return split_voices(clips, heldout=HELD_OUT, unseen=UNSEEN)


download_prompts = partial(fetch_packages, PACKAGES, what="prompts", done="ru_RU_f_IvrvoiceRU")
"""Fetches the prompts (55 MB) into a folder, unless they are there; see `fetch_packages`."""
