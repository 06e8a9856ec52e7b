"""Speech with its transcripts: whole files, and splits by what is said.

A transcript belongs to a whole file. So nothing is cut out of it, and a file that is too long for a
clip is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.source import LIMITS
from dgm_audio.data.windows import load_windows
from dgm_audio.errors import AudioFileError, DataError, InputError
from dgm_audio.io import probe
from dgm_audio.text import words

SECONDS = 12.0
"""The longest utterance that is learned from: longer ones take memory, and there are few."""


def load_utterances(manifest: Manifest, config: ClipConfig, *, progress: bool = True) -> ClipSet:
    """One clip per file: all of it at one peak level, then zeros; `ClipSet.lengths` says where.

    Args:
        manifest: which files; those longer than a clip are left out, which the report names.
        config: rate, length and channels.
        progress: as in `load_clips`.

    Raises:
        DataError: if all files are too long, or as `load_clips` does.
    """
    entries, omitted = [], list(manifest.omitted)
    for entry in manifest.entries:
        if _is_longer(manifest, entry, config.seconds):
            omitted.append(Omission(entry.path, f"longer than {config.seconds:g} s"))
        else:
            entries.append(entry)
    if not entries:
        raise DataError(f"all {len(manifest)} files are longer than {config.seconds:g} s")
    short = replace(manifest, entries=tuple(entries), omitted=tuple(omitted))
    whole = replace(config, normalize="peak", trim_silence=False)
    return load_windows(short, whole, progress=progress)


def _is_longer(manifest: Manifest, entry: Entry, seconds: float) -> bool:
    try:
        return probe(manifest.locate(entry), LIMITS).seconds > seconds
    except AudioFileError:
        return False  # whoever reads it reports it


def wording(text: str, language: str) -> str:
    """The words of a text, after its language: equal for what is said alike.

    >>> wording("To lock, press 1...", "en") == wording("... to lock press one.", "en")
    True
    """
    return f"{language}: {' '.join(_words(text, language))}"


def word_count(text: str, language: str) -> int:
    """How many words are said.

    >>> word_count("It's 3 p.m. now.", "en")
    4
    """
    return len(_words(text, language))


def _words(text: str, language: str) -> list[str]:
    try:
        return ["".join(word.letters) for word in words(text, language) if not word.is_sign]
    except InputError:  # whoever learns from it reports it
        return text.lower().split()


def texts_in_order(clips: ClipSet, rows: Sequence[int]) -> list[list[int]]:
    """Rows with the same wording together, in an order drawn from the wording only."""
    texts: dict[str, list[int]] = {}
    for row in rows:
        texts.setdefault(wording(clips.texts[row], clips.languages[row]), []).append(row)
    return [texts[key] for key in sorted(texts, key=lambda key: _digest(key))]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
