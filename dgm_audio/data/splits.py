"""Splitting clips so that a held-out figure means something.

    train        what a model learns from
    validation   chooses the best snapshot of a training
    test         reports on it: other sounds of the same groups and classes
    unseen       reports, too: whole groups that neither training nor choice have heard

Takes of one instrument (velocity layers of a drum) and copies of a file never lie on two sides.
What is held out (validation and test, see `halves`) has every group and class that has enough
different sounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.takes import take_groups
from dgm_audio.data.validation_test_split import content_keys, halved
from dgm_audio.errors import DataError, InputError
from dgm_audio.io import shown

__all__ = ["Splits", "assigned_splits", "divided", "split_clips", "split_groups"]

SIDES = ("train", "validation", "test", "unseen")


@dataclass(frozen=True, eq=False)
class Splits:
    """Clips by their purpose; no sound is copied.

    Args:
        train: to learn from.
        validation: held out, to choose the best snapshot of a training by.
        test: held out, to report on what was chosen; empty where too little is held out for both.
        unseen: whole groups that neither training nor choice have heard, to report on, too; may be
            empty.
        notes: what a reader of the figures must know, one line each.
    """

    train: ClipSet
    validation: ClipSet
    test: ClipSet
    unseen: ClipSet
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cluster:
    """Copies and takes: indices of the clips, and how many are in each group and class."""

    members: tuple[int, ...]
    strata: Counter[tuple[str, str | int]]
    key: str


def split_clips(
    clips: ClipSet,
    *,
    heldout: float = 0.2,
    unseen_groups: Iterable[str] = (),
    seed: int = 0,
) -> Splits:
    """Split by what clips sound like; depends on the content and the seed only.

    Args:
        clips: at least one.
        heldout: share of the clips of every group and class to hold out, 0 to 0.5, validation and
            test together. Every group and class is trained on; above 0, each is also held out where
            it has a cluster of near copies to spare.
        unseen_groups: groups to keep out as a whole. Near copies of their clips in other groups are
            left out of all sides, and a note says so.
        seed: another seed gives another split.

    Raises:
        InputError: if the share is out of range.
        DataError: if there are no clips, an unseen group does not exist, or nothing is left.
    """
    if not 0 <= heldout <= 0.5:
        raise InputError(f"heldout is {heldout!r}; it must be from 0 to 0.5")
    if len(clips) == 0:
        raise DataError("there are no clips to split")
    unseen = _known_groups(clips, unseen_groups)
    notes: list[str] = []
    copies = _copies(clips, notes)
    is_unseen = np.isin(np.array(clips.groups), sorted(unseen))
    leaks = np.isin(copies, copies[is_unseen]) & ~is_unseen
    if leaks.any():
        notes.append(
            f"{leaks.sum()} clips are copies or takes of clips of unseen groups and are not used"
        )
    rest = np.flatnonzero(~is_unseen & ~leaks)
    if len(rest) == 0:
        raise DataError("no clips are left beside the unseen groups; name fewer of them")
    if len(np.unique(copies[rest])) == 1 and len(rest) > 1:
        notes.append(
            "all clips are copies or takes of one sound: validation and test figures flatter"
        )
        copies = np.arange(len(clips))
    held = _hold_out(_clusters(clips, rest, copies, seed), heldout)
    if not held and heldout > 0:
        notes.append("there is too little to hold anything out")
    train = sorted(set(rest.tolist()) - set(held))
    unseen_rows = np.flatnonzero(is_unseen)
    return divided(clips, train, held, unseen_rows, clusters=copies.tolist(), notes=notes)


def split_groups(
    clips: ClipSet, *, heldout: Collection[str], unseen: Collection[str], within: str = ""
) -> Splits:
    """Split by the names of the groups only, whatever they sound like.

    Args:
        clips: at least one of them in another group.
        heldout: groups that are held out as a whole, for validation or test; those that are not
            there are passed over.
        unseen: groups that are unseen, likewise.
        within: what a group is called, if it may be halved (see `halved`).

    Raises:
        DataError: if nothing is left to train on.
    """
    groups = np.array(clips.groups)
    is_unseen = np.isin(groups, sorted(unseen))
    is_held = np.isin(groups, sorted(heldout)) & ~is_unseen
    rows = [np.flatnonzero(side) for side in (~is_held & ~is_unseen, is_held, is_unseen)]
    words = ("", "held out", "unseen")
    notes = [
        f"nothing is {word} in this data"
        for word, mine in zip(words, rows, strict=True)
        if word and not len(mine)
    ]
    return divided(clips, *rows, within=within, notes=notes)


def assigned_splits(clips: ClipSet, sides: Sequence[str]) -> Splits:
    """The splits that a data set comes with.

    Args:
        clips: at least one of them to train on.
        sides: one of `SIDES` for each clip; with another word it is not used.

    Raises:
        DataError: if there is nothing to train on.

    >>> clips = ClipSet.from_arrays(np.zeros((4, 1, 8)), 8000, groups=["a", "b", "c", "d"])
    >>> splits = assigned_splits(clips, ["train", "test", "train", "faulty"])
    >>> len(splits.train), splits.test.files, *splits.notes
    (2, ('1.wav',), 'there is no validation set', '1 clips are on no side and are not used')
    """
    given = np.array(sides)
    rows = {side: np.flatnonzero(given == side) for side in SIDES}
    _check_train(clips, rows["train"])
    notes = [f"there is no {side} set" for side in ("validation", "test") if not rows[side].size]
    if rest := len(clips) - sum(len(mine) for mine in rows.values()):
        notes.append(f"{rest} clips are on no side and are not used")
    picked = {side: clips.subset(mine) for side, mine in rows.items()}
    sides_of = Counter(group for side in picked.values() for group in set(side.groups))
    if shared := [group for group, count in sides_of.items() if count > 1]:
        notes.append(f"{len(shared)} groups are on two sides, such as {shown(min(shared))}")
    return Splits(**picked, notes=tuple(notes))


def divided(
    clips: ClipSet,
    train: Sequence[int] | np.ndarray,
    heldout: Sequence[int] | np.ndarray,
    unseen: Sequence[int] | np.ndarray = (),
    *,
    clusters: Sequence[object] | None = None,
    within: str = "",
    notes: Iterable[str] = (),
) -> Splits:
    """Splits of which the held-out clips are halved into validation and test.

    Args:
        clips: the whole set of N clips.
        train: rows to train on, at least one.
        heldout: rows that are held out.
        unseen: rows that are unseen.
        clusters: what stays on one side: N names or numbers; by default the groups.
        within: what a cluster is called, if it may be halved (see `halved`).
        notes: what a reader must know beside the halving.

    Raises:
        DataError: if there is nothing to train on.
    """
    _check_train(clips, train)
    halves = halved(clips, heldout, clips.groups if clusters is None else clusters, within=within)
    return Splits(
        train=clips.subset(train),
        validation=clips.subset(halves.validation),
        test=clips.subset(halves.test),
        unseen=clips.subset(unseen),
        notes=(*notes, *halves.notes),
    )


def _check_train(clips: ClipSet, rows: Sequence[int] | np.ndarray) -> None:
    if len(rows) == 0:
        raise DataError(f"none of the {len(clips)} clips is one to train on")


def _copies(clips: ClipSet, notes: list[str]) -> np.ndarray:
    """Cluster numbers; numbers in names are not believed where they join most of a class.

    Numbered files may be layers of one drum or different takes; if they were layers of one, nothing
    of such a class could be held out.
    """
    copies, heard = take_groups(clips), take_groups(clips, numbered=False)
    doubted = []
    for label, name in enumerate(clips.classes):
        mine = clips.labels == label
        believed, sizes = np.unique(copies[mine], return_counts=True)
        if sizes.max(initial=0) > mine.sum() / 2 and len(np.unique(heard[mine])) > len(believed):
            copies = np.where(mine, heard + copies.max() + 1, copies)
            doubted.append(name)
    if doubted:
        notes.append(
            "numbered files are not grouped as takes, but taken as different sounds in: "
            f"{', '.join(doubted)}"
        )
    return copies


def _known_groups(clips: ClipSet, names: Iterable[str]) -> set[str]:
    wanted, known = set(names), set(clips.groups)
    missing = sorted(wanted - known)
    if missing:
        some = ", ".join(sorted(known)[:20])
        raise DataError(f"group {missing[0]!r} is not in the data; there are: {some}")
    return wanted


def _clusters(clips: ClipSet, indices: np.ndarray, copies: np.ndarray, seed: int) -> list[_Cluster]:
    """Clusters in an order drawn from the seed and the content, whatever the order of the clips."""
    keys = content_keys(clips, seed)
    members: dict[int, list[int]] = {}
    for index in indices.tolist():
        members.setdefault(int(copies[index]), []).append(index)
    clusters = []
    for group in members.values():
        strata: Counter[tuple[str, str | int]] = Counter()
        for index in group:
            strata.update([("group", clips.groups[index]), ("class", int(clips.labels[index]))])
        clusters.append(_Cluster(tuple(group), strata, min(keys[index] for index in group)))
    return sorted(clusters, key=lambda cluster: cluster.key)


def _hold_out(clusters: Sequence[_Cluster], share: float) -> list[int]:
    """Indices of the held-out clips.

    Each cluster is taken if all its strata (groups and classes) still want at least half of it;
    then every stratum that got nothing takes its smallest cluster. The last cluster of a stratum
    always stays in training.
    """
    if share == 0:
        return []
    total: Counter[tuple[str, str | int]] = Counter()
    for cluster in clusters:
        total += cluster.strata
    held: Counter[tuple[str, str | int]] = Counter()
    taken: set[str] = set()

    def take(wanted: Callable[[_Cluster], bool], candidates: Iterable[_Cluster]) -> None:
        for cluster in candidates:
            if cluster.key not in taken and wanted(cluster):
                taken.add(cluster.key)
                held.update(cluster.strata)

    def spares(cluster: _Cluster) -> bool:
        return all(held[s] + n < total[s] for s, n in cluster.strata.items())

    def fits(cluster: _Cluster) -> bool:
        wanted = all(held[s] + n / 2 <= share * total[s] for s, n in cluster.strata.items())
        return wanted and spares(cluster)

    take(fits, clusters)
    by_size = sorted(clusters, key=lambda cluster: (len(cluster.members), cluster.key))
    for stratum in sorted(total, key=str):
        take(lambda c, s=stratum: held[s] == 0 and s in c.strata and spares(c), by_size)
    return [index for cluster in clusters if cluster.key in taken for index in cluster.members]
