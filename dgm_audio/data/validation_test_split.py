"""Two halves of what is held out: validation chooses the best snapshot, test reports on it.

What was chosen by a figure looks better by that figure than it is. So no clip of validation, no
take of the same instrument and no near copy of it is in test. Clusters are dealt, the largest
first, to the half that has fewer clips of their classes, then of their groups, then at all.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.copies import near_copies
from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.data.shape import SILENT
from dgm_audio.data.takes import joined
from dgm_audio.io import shown

_NAMED = 5


class Halves(NamedTuple):
    """Rows of validation and of test, and what a reader of the figures must know."""

    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()


def halved(
    clips: ClipSet,
    rows: Sequence[int] | np.ndarray,
    clusters: Sequence[object],
    *,
    within: str = "",
) -> Halves:
    """Halve held-out clips by clusters and near copies; depends on the content only.

    Args:
        clips: the whole set of N clips.
        rows: those that are held out.
        clusters: what belongs together: N names or numbers, equal within a cluster.
        within: what a cluster is called ("voice"), if it may be divided where there are too few of
            them: then whole files are dealt, and of a single file the two ends, with a clip left
            out between them. By default none is divided.

    Returns:
        Halves of at least `LEAST_CLIPS` clips each; all in validation where that cannot be.
    """
    rows = np.asarray(rows, dtype=np.int64)
    held = clips.subset(rows)
    if len(rows) >= 2 * LEAST_CLIPS:
        alike = _alike(held)
        whole = joined(_numbers(clusters[row] for row in rows), alike)
        candidates = [(_dealt(held, whole), ())]
        if within:
            names = _listed(np.unique([str(clusters[row]) for row in rows]).tolist())
            note = f"validation and test share the {within} {names}"
            files = joined(_numbers(held.files), alike)
            candidates += [(_dealt(held, files), (note,)), (_ends(held), (note,))]
        for (validation, test), notes in candidates:
            if min(len(validation), len(test)) >= LEAST_CLIPS:
                return Halves(np.sort(rows[validation]), np.sort(rows[test]), notes)
    nothing = np.zeros(0, dtype=np.int64)
    note = (
        f"{len(rows)} clips are too few for both validation and test: all of them are for "
        "validation, and none is left to test on"
    )
    return Halves(np.sort(rows), nothing, (note,) if len(rows) else ())


def content_keys(clips: ClipSet, seed: int = 0) -> list[str]:
    """A key for each clip, drawn from the seed and the content, whatever the order of the files."""
    order: Counter[str] = Counter()
    keys = []
    for content in clips.content:  # the slices of one file share its content: number them
        order[content] += 1
        keys.append(hashlib.sha256(f"{seed}:{content}:{order[content]}".encode()).hexdigest())
    return keys


def _dealt(clips: ClipSet, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves of whole clusters (N,); the one of more clusters comes last."""
    keys = np.array(content_keys(clips))
    strata = [clips.labels, _numbers(clips.groups), np.zeros(len(clips), dtype=np.int64)]
    members = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    lead = [np.zeros(stratum.max(initial=0) + 1, dtype=np.int64) for stratum in strata]
    halves: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    for mine in sorted(members, key=lambda mine: (-len(mine), min(keys[mine]))):
        counts = [
            np.bincount(stratum[mine], minlength=len(ahead))
            for stratum, ahead in zip(strata, lead, strict=True)
        ]
        ahead = next(filter(None, (int(a @ n) for a, n in zip(lead, counts, strict=True))), 0)
        halves[ahead > 0].append(mine)
        for a, n in zip(lead, counts, strict=True):
            a += -n if ahead > 0 else n
    fewer, more = sorted(halves, key=lambda half: (len(half), sum(map(len, half))))
    nothing = np.zeros(0, dtype=np.int64)
    return np.concatenate([nothing, *fewer]), np.concatenate([nothing, *more])


def _ends(clips: ClipSet) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second half of the sound; the clip between them belongs to neither."""
    order = np.argsort(_numbers(clips.content), kind="stable")
    middle = len(order) // 2
    return order[:middle], order[middle + 1 :]


def _alike(clips: ClipSet) -> np.ndarray:
    """Numbers (N,) of near copies; pauses sound alike, but are no copies of each other."""
    numbers = near_copies(clips)
    silent = [index for index, clip in enumerate(clips.audio) if np.abs(clip).max() < SILENT]
    numbers[silent] = len(clips) + np.arange(len(silent))
    return numbers


def _numbers(names: Iterable[object]) -> np.ndarray:
    """Numbers (N,) of N names."""
    return np.unique([str(name) for name in names], return_inverse=True)[1].astype(np.int64)


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name) for name in names[:_NAMED]) + rest
