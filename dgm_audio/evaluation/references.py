"""Which real clips a report compares with, and whether they can be compared at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation.reference import MIN_CLIPS
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import read_header

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet, Splits

MAX_REFERENCE = 256
"""Of more reference clips so many, evenly spread: intervals hardly narrow with more."""


def references(
    source: AudioGenerator | ClipSet, splits: Splits, most: int | None = MAX_REFERENCE
) -> tuple[dict[str, ClipSet], list[str]]:
    """The clips to judge by: under "" test clips, under "_unseen" whole unseen groups, if any.

    Args:
        source: a model, or clips from anywhere.
        splits: of the data; the validation clips, which choose models, never judge them.
        most: of more clips of a set so many, evenly spread; None takes all.

    Returns:
        The clips, and lines that a reader of the figures must know.

    Raises:
        DataError: if there are fewer than 8 clips to test on, or to train on.
        InputError: if rate, channels, length or classes differ.
    """
    notes = list(splits.notes)
    for name, found in (("to test on", splits.test), ("to train on", splits.train)):
        if len(found) < MIN_CLIPS:
            raise DataError(
                f"there are {len(found)} clips {name}; at least {MIN_CLIPS} are needed to evaluate"
            )
    _check(source, splits.train)
    if isinstance(source, AudioGenerator) and chosen_by_test(source):
        notes.append(
            "this model was chosen among its snapshots when validation and test clips were one "
            "set: its test figures may flatter, those on unseen groups do not"
        )
    chosen = {"": _some(splits.test, most)}
    if len(splits.unseen) >= MIN_CLIPS:
        chosen["_unseen"] = _some(splits.unseen, most)
    elif len(splits.unseen):
        notes.append(f"{len(splits.unseen)} unseen clips are too few to compare with")
    return chosen, notes


def chosen_by_test(model: AudioGenerator) -> bool:
    """Whether the model's folder counts held-out clips, but no validation clips among them."""
    header = read_header(model.card_path.parent) if model.card_path else {}
    counts = (header.get("data") or {}).get("clips") or {}
    return bool(counts.get("heldout")) and "validation" not in counts


def _check(source: AudioGenerator | ClipSet, train: ClipSet) -> None:
    wanted = (train.sample_rate, *train.audio.shape[1:])
    if isinstance(source, AudioGenerator):
        found = (source.audio.sample_rate, source.audio.channels, wanted[2])
    else:
        found = (source.sample_rate, *source.audio.shape[1:])
        unknown = [name for name in source.classes if name not in train.classes]
        if unknown:
            raise InputError(
                f"the clips have classes that the data do not: {', '.join(unknown[:5])}; "
                f"the data have {', '.join(train.classes)}"
            )
    if found != wanted:
        raise InputError(
            f"the sounds have (rate, channels, samples) {found}; the data have {wanted}"
        )


def _some(clips: ClipSet, most: int | None) -> ClipSet:
    """At most so many of the clips, evenly spread over their order."""
    if most is None or len(clips) <= most:
        return clips
    return clips.subset(np.linspace(0, len(clips) - 1, most).round().astype(int))
