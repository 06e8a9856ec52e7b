"""Splitting clips so that a held-out figure means something.

Takes of one instrument (velocity layers of a drum) and copies of a file never lie on both sides.
The held-out side has every group and class that has enough different sounds; whole unseen groups
are a second, harder reference.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.takes import take_groups
from dgm_audio.errors import DataError, InputError

__all__ = ["Splits", "assigned_splits", "split_clips", "split_groups"]


@dataclass(frozen=True, eq=False)
class Splits:
    """What `split_clips` returns; no sound is copied.

    Args:
        train: clips to learn from.
        heldout: other sounds of the same groups and classes.
        unseen: whole groups that training never sees; may be empty.
        notes: what a reader of the figures must know, one line each.
    """

    train: ClipSet
    heldout: ClipSet
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
    """Split into train, held-out and unseen; depends on the content and the seed only.

    Args:
        clips: at least one.
        heldout: share of the clips of every group and class to hold out, 0 to 0.5. Every group and
            class is trained on; above 0, each is also held out where it has a cluster of near
            copies to spare.
        unseen_groups: groups to keep out as a whole. Near copies of their clips in other groups are
            left out of all three, and a note says so.
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
        notes.append("all clips are copies or takes of one sound: held-out figures flatter")
        copies = np.arange(len(clips))
    held = _hold_out(_clusters(clips, rest, copies, seed), heldout)
    if not held and heldout > 0:
        notes.append("there is too little to hold anything out")
    train = sorted(set(rest.tolist()) - set(held))
    return Splits(
        clips.subset(train),
        clips.subset(sorted(held)),
        clips.subset(np.flatnonzero(is_unseen)),
        tuple(notes),
    )


def split_groups(clips: ClipSet, *, heldout: Collection[str], unseen: Collection[str]) -> Splits:
    """Split by the names of the groups only, whatever they sound like.

    Args:
        clips: at least one of them in another group.
        heldout: groups that are held out as a whole; those that are not there are passed over.
        unseen: groups that are unseen, likewise.

    Raises:
        DataError: if nothing is left to train on.
    """
    sides = dict.fromkeys(heldout, "heldout") | dict.fromkeys(unseen, "unseen")
    return assigned_splits(clips, [sides.get(group, "train") for group in clips.groups])


def assigned_splits(clips: ClipSet, sides: Sequence[str]) -> Splits:
    """The splits that a data set comes with.

    Args:
        clips: at least one of them to train on.
        sides: "train", "heldout" or "unseen" for each clip; with another word it is not used.

    Raises:
        DataError: if there is nothing to train on.

    >>> clips = ClipSet.from_arrays(np.zeros((4, 1, 8)), 8000)
    >>> splits = assigned_splits(clips, ["train", "unseen", "train", "faulty"])
    >>> len(splits.train), splits.unseen.files, *splits.notes
    (2, ('1.wav',), 'nothing is held out in this data', '1 clips are on no side and are not used')
    """
    given = np.array(sides)
    rows = {side: np.flatnonzero(given == side) for side in ("train", "heldout", "unseen")}
    if len(rows["train"]) == 0:
        raise DataError(f"none of the {len(clips)} clips is one to train on")
    words = {"heldout": "held out", "unseen": "unseen"}
    notes = [
        f"nothing is {word} in this data" for side, word in words.items() if not rows[side].size
    ]
    if rest := len(clips) - sum(len(mine) for mine in rows.values()):
        notes.append(f"{rest} clips are on no side and are not used")
    picked = {side: clips.subset(mine) for side, mine in rows.items()}
    return Splits(**picked, notes=tuple(notes))


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
    order: Counter[str] = Counter()
    keys = []
    for content in clips.content:  # the slices of one file share its content: number them
        order[content] += 1
        keys.append(hashlib.sha256(f"{seed}:{content}:{order[content]}".encode()).hexdigest())
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
