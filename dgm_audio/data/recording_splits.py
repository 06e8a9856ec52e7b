"""Splitting whole recordings: by files where there are enough, else by stretches of each.

Parts of one piece of music resemble each other, and neighbours go on into each other. So whole
files are held out; of one to three files a stretch of each is, and what lies beside it is not used.
The same goes for the halves of what is held out: whole files or stretches for validation and for
test, or the two ends of a single one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.splits import Splits, divided
from dgm_audio.data.windows import rows_by_file
from dgm_audio.errors import DataError, InputError
from dgm_audio.io import shown

FEWEST_FILES = 4
"""With fewer files that sound, none is held out as a whole."""
FEWEST_CLIPS = 8
"""Nothing is held out if fewer are left to train on."""
_NAMED = 5


def split_recordings(clips: ClipSet, *, heldout: float = 0.2, seed: int = 0) -> Splits:
    """Split into train, validation and test; depends on the content and the seed only.

    Where stretches are held out, the recordings of both sides are stretches too, and named by file
    and seconds: `recordings` and `Excerpts` join nothing across a gap. Exact copies of files are
    not used.

    Args:
        clips: all parts of the files, as `load_as_recorded` gives them.
        heldout: share of the sound to hold out, 0 to 0.5, validation and test together.
        seed: another seed gives another split.

    Raises:
        InputError: if the share is out of range.
        DataError: if there is nothing but silence.
    """
    if not 0 <= heldout <= 0.5:
        raise InputError(f"heldout is {heldout!r}; it must be from 0 to 0.5")
    found, clips = clips, clips.unique()
    files = rows_by_file(clips)
    silent = {file.path for file in clips.report.files if "silent" in file.steps}
    sounding = {file: rows for file, rows in files.items() if file not in silent}
    total = len(set(found.files))
    if not sounding:
        raise DataError(
            f"{shown(str(clips.manifest.root))} holds nothing but silence: {total} files with "
            "peaks below -80 dBFS"
        )
    copies = total - len(files)
    notes = [f"{copies} files are exact copies of others and are not used"] if copies else []
    by_files = len(sounding) >= FEWEST_FILES
    choose = _whole_files if by_files else _stretches
    held, beside = choose(clips, sounding, heldout, seed)
    train = np.setdiff1d(np.arange(len(clips)), held + beside)
    if not held or len(train) < FEWEST_CLIPS:
        notes.append("nothing is held out" if heldout == 0 else "too little to hold anything out")
        return divided(clips, np.arange(len(clips)), [], notes=notes)
    if by_files:
        notes.append(f"held out as a whole: {_listed([clips.files[row] for row in held])}")
    else:
        clips = _named_stretches(clips, held, beside)
        notes.append(
            f"held out: {_listed([clips.files[row] for row in held])}; what lies beside is not "
            f"used. Figures flatter: {FEWEST_FILES} files or more would be held out as a whole"
        )
    return divided(clips, train, held, clusters=clips.files, within="recording", notes=notes)


def _whole_files(
    clips: ClipSet, files: Mapping[str, Sequence[int]], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Rows to hold out: files in a drawn order, each if at least half of it is still wanted."""
    wanted = share * clips.lengths.sum()
    sizes = {file: int(clips.lengths[rows].sum()) for file, rows in files.items()}
    chosen, taken = [], 0
    for file in sorted(files, key=lambda file: _drawn(clips, files[file][0], seed)):
        if taken + sizes[file] / 2 <= wanted:
            chosen.append(file)
            taken += sizes[file]
    if share and not chosen:
        chosen = [min(files, key=lambda file: (sizes[file], file))]
    return sorted(row for file in chosen for row in files[file]), []


def _stretches(
    clips: ClipSet, files: Mapping[str, Sequence[int]], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Rows to hold out, a stretch of each file at a drawn place, and those on both sides of it."""
    held, beside = [], []
    for rows in files.values():
        count = round(share * len(rows))
        first = _drawn(clips, rows[0], seed) % (len(rows) - count + 1)
        last = first + count
        if 0 < count < len(rows) - 2:
            held += rows[first:last]
            beside += [*rows[max(0, first - 1) : first], *rows[last : last + 1]]
    return held, beside


def _named_stretches(clips: ClipSet, held: Sequence[int], beside: Sequence[int]) -> ClipSet:
    """The clips with files named by stretches: where the side changes, a new one begins."""
    side = np.zeros(len(clips), dtype=int)
    side[held], side[beside] = 1, 2
    names = list(clips.files)
    for file, rows in rows_by_file(clips).items():
        ends = np.cumsum(clips.lengths[rows]) / clips.sample_rate
        changes = np.flatnonzero(np.diff(side[rows])) + 1
        for part in np.split(np.arange(len(rows)), changes) if len(changes) else ():
            start = ends[part[0] - 1] if part[0] else 0.0
            for index in part:
                names[rows[index]] = f"{file} ({start:.1f} to {ends[part[-1]]:.1f} s)"
    return replace(clips, files=tuple(names))


def _drawn(clips: ClipSet, row: int, seed: int) -> int:
    """A large number drawn from the seed and the content of a file, one of whose rows is given."""
    return int(hashlib.sha256(f"{seed}:{clips.content[row]}".encode()).hexdigest()[:16], 16)


def _listed(files: Sequence[str]) -> str:
    names = list(dict.fromkeys(files))
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name) for name in names[:_NAMED]) + rest
