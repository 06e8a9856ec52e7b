"""Splits of speech: whole voices held out, and a language that training never hears."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import numpy as np

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.splits import Splits, divided
from dgm_audio.errors import DataError


def split_voices(clips: ClipSet, *, heldout: Collection[str], unseen: str) -> Splits:
    """Train, held-out voices and an unseen language, by their names.

    Args:
        clips: the class is the language, the group the voice.
        heldout: groups whose clips are held out, whole voices for validation and for test, or
            whole files of a single voice; those that are not there are passed over.
        unseen: the language of which no clip is trained on, whoever speaks it.

    Raises:
        DataError: if nothing is left to train on.
    """
    languages = np.array(clips.classes)[clips.labels]
    is_unseen = languages == unseen
    is_held = np.isin(np.array(clips.groups), sorted(heldout)) & ~is_unseen
    rest = np.flatnonzero(~is_held & ~is_unseen)
    if len(rest) == 0:
        raise DataError(f"no voice is left beside the held-out ones and the language {unseen!r}")
    silent = [
        name for name, side in (("held out", is_held), ("unseen", is_unseen)) if not any(side)
    ]
    notes = [f"there is no voice to be {name} in this data" for name in silent]
    held, unheard = np.flatnonzero(is_held), np.flatnonzero(is_unseen)
    return divided(clips, rest, held, unheard, within="voice", notes=notes)


def held_out_tenth(names: Iterable[str]) -> tuple[str, ...]:
    """A tenth of the different names, at least one of two; the choice depends on them only.

    >>> held_out_tenth(["a", "b", "a"]), held_out_tenth(["a"])
    (('b',), ())
    """
    ordered = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())
    return tuple(ordered[: max(1, round(len(ordered) / 10))] if len(ordered) > 1 else ())
