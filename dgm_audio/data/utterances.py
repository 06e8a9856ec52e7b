"""Speech with its transcripts: whole files, and splits by what is said.

A transcript belongs to a whole file. So nothing is cut out of it, and a file that is too long for a
clip is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.source import LIMITS
from dgm_audio.data.splits import Splits, assigned_splits
from dgm_audio.data.windows import WindowSource
from dgm_audio.errors import AudioFileError, DataError, InputError
from dgm_audio.io import probe
from dgm_audio.text import words


def load_utterances(
    manifest: Manifest,
    config: ClipConfig,
    *,
    progress: bool = True,
    reader: type[WindowSource] = WindowSource,
) -> ClipSet:
    """One clip per file: all of it at one peak level, then zeros; `ClipSet.lengths` says where.

    Args:
        manifest: which files; those longer than a clip are left out, which the report names.
        config: rate, length and channels.
        progress: as in `load_clips`.
        reader: gives all samples of a file that fits a clip.

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
    clips = load_clips(short, whole, progress=progress, reader=reader)
    return replace(clips, manifest=manifest)  # the same data set, however long a clip may be


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
        return re.findall(r"\w+", text.lower())


def texts_in_order(clips: ClipSet, rows: Iterable[int], seed: int = 0) -> list[list[int]]:
    """Rows with the same wording together, in an order drawn from the wording and the seed only."""
    texts: dict[str, list[int]] = {}
    for row in rows:
        texts.setdefault(wording(clips.texts[row], clips.languages[row]), []).append(row)
    return [texts[key] for key in sorted(texts, key=lambda key: _drawn(key, seed))]


def _drawn(key: str, seed: int) -> str:
    return hashlib.sha256((f"{seed}:" * bool(seed) + key).encode()).hexdigest()


def split_texts(clips: ClipSet, *, heldout: float, seed: int = 0) -> Splits:
    """Split by what is said: no wording is on two sides.

    Args:
        clips: with their texts.
        heldout: share of the clips to hold out, 0 to 0.5: half of them for validation and half for
            test, or all for validation where that would be fewer than `LEAST_CLIPS` each.
        seed: another seed gives another split.

    Raises:
        InputError: if the share is out of range.
        DataError: if there are no clips.
    """
    if not 0 <= heldout <= 0.5:
        raise InputError(f"heldout is {heldout!r}; it must be from 0 to 0.5")
    count = round(heldout * len(clips))
    parts = {"validation": count // 2, "test": count - count // 2}
    if parts["validation"] < LEAST_CLIPS:
        parts = {"validation": count}
    sides = np.full(len(clips), "train", dtype=object)
    texts = texts_in_order(clips, range(len(clips)), seed)
    for side, left in parts.items():
        for rows in texts:
            if len(rows) <= left and sides[rows[0]] == "train":
                sides[rows] = side
                left -= len(rows)
    return assigned_splits(clips, sides.tolist())
