"""Which clips a split keeps on one side: copies of a sound, and takes of one instrument.

Velocity layers of one drum are different sounds, yet a model that learned one of them is no judge
of the next. They may differ by more than different drums do, so their names are needed to tell. The
fingerprint for it is coarse (32 bands, times that double), in dB below its loudest cell, cut off at
-60 dB: it does not depend on the level. With A(x) the number of cells of x above the cut-off, the
distance in dB of two clips is

    d(x, y) = sqrt(sum (x - y)^2 / max(A(x), A(y), 8))

Clips are grouped at 1.5 dB wherever they are, at 3.5 dB within a group and class, and at 12 dB if
also their names differ only in numbers and words of loudness; and if they are one sound
(`near_copies`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.copies import components, kept_beside, log_mel, near_copies

ANYWHERE_DB, ALIKE_DB, LAYERS_DB = 1.5, 3.5, 12.0
RANGE_DB = 60.0
MAX_LAYERS = 16
"""A name that more files of a group share is no name of one drum."""

_FORMAT = 1
_BANDS = 32
_BATCH = 64
_NEIGHBOURS = 32
_LOUDNESS = re.compile(r"(soft|quiet|hard|loud|med|medium)(er|est)?(?![a-z])")


def take_groups(clips: ClipSet, *, numbered: bool = True) -> np.ndarray:
    """Number (N,) of the group of every clip: what is related, and its relatives, share one.

    Args:
        clips: what to compare.
        numbered: whether names that differ in numbers, not only in words of loudness, tell layers.
    """
    prints = fingerprints(clips.audio, clips.sample_rate)
    named = link(prints, clips.groups, clips.labels.tolist(), clips.files, numbered=numbered)
    return joined(named, near_copies(clips))


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Clusters (N,) of what is together in one of two clusterings, or both.

    >>> joined(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3])).tolist()
    [0, 0, 0, 1, 2]
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    heads = [np.unique(c, return_index=True)[1][np.unique(c, return_inverse=True)[1]]
             for c in (first, second)]  # fmt: skip
    links = (np.ones(2 * count), (np.tile(np.arange(count), 2), np.concatenate(heads)))
    return connected_components(coo_matrix(links, shape=(count, count)), directed=False)[1]


def fingerprints(audio: ClipArray, sample_rate: int) -> np.ndarray:
    """Fingerprints (N, cells) in dB from -60 to 0; kept beside the clips in the cache."""
    return kept_beside(
        audio, f"fingerprints-{_FORMAT}.npy", lambda clips: compute(clips, sample_rate)
    )


def compute(audio: ClipArray | np.ndarray, sample_rate: int) -> np.ndarray:
    """Fingerprints of clips (N, C, T), in batches."""
    mel = log_mel(sample_rate, _BANDS)
    bands, frames = mel.spec.n_mels, 1 + audio.shape[2] // mel.spec.hop
    edges = [0, *(2**k for k in range(1, math.ceil(math.log2(max(frames, 2))))), frames]
    out = [np.empty((0, bands * (len(edges) - 1)), np.float32)]
    for start in range(0, len(audio), _BATCH):
        sound = torch.from_numpy(audio[start : start + _BATCH]).mean(dim=1)
        power = (2 * mel(sound)).exp()
        pooled = [power[..., a:b].mean(-1) for a, b in pairwise(edges)]
        level = 10 * torch.log10(torch.stack(pooled, -1).flatten(1))
        out.append((level - level.amax(1, keepdim=True)).clamp_min(-RANGE_DB).numpy())
    return np.concatenate(out)


def link(
    prints: np.ndarray,
    groups: Sequence[str],
    labels: Sequence[object],
    files: Sequence[str],
    *,
    numbered: bool = True,
) -> np.ndarray:
    """Connected components (N,) of clips closer than their limit.

    Args:
        prints: fingerprints (N, cells).
        groups: group of each clip.
        labels: class of each clip.
        files: file of each clip, whose name may tell the drum.
        numbered: as in `take_groups`.
    """
    count = len(prints)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    cell, layer = _cells(groups, labels, [stem(file, numbered) for file in files], files)
    square = np.square(prints).sum(axis=1)
    active = np.maximum((prints > 1 - RANGE_DB).sum(axis=1), 8)
    pairs = []
    step = max(1, min(512, 2**23 // count))  # bounds the memory of a block of the matrix
    for start in range(0, count, step):
        block = slice(start, start + step)
        gap = square[block, None] + square[None] - 2 * prints[block] @ prints.T
        distance = np.sqrt(np.maximum(gap, 0) / np.maximum(active[block, None], active[None]))
        limit = np.where(cell[block, None] == cell[None], ALIKE_DB, ANYWHERE_DB)
        limit[layer[block, None] == layer[None]] = LAYERS_DB
        ratio = distance / limit
        nearest = min(_NEIGHBOURS, count) - 1  # enough to connect what is close, and bounded
        columns = np.argpartition(ratio, nearest, axis=1)[:, : nearest + 1]
        near = np.take_along_axis(ratio, columns, axis=1)
        rows, picked = np.nonzero(near <= 1)
        pairs.append((rows + start, columns[rows, picked], near[rows, picked]))
    rows, columns, ratios = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return components(rows, columns, ratios, count)


def stem(file: str, numbered: bool = True) -> str:
    """Name of a file without words of loudness and, if `numbered`, without numbers.

    >>> stem("kit/Kick-Softest.wav"), stem("SN3_04.aiff"), stem("SN3_04.aiff", numbered=False)
    ('kick', 'sn', 'sn304')
    """
    name = _LOUDNESS.sub("", Path(file).stem.lower())
    return re.sub(r"[\W\d_]+" if numbered else r"[\W_]+", "", name)


def _cells(
    groups: Sequence[str], labels: Sequence[object], stems: Sequence[str], files: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Number (N,) of each clip's group and class, and of its drum where the name tells that."""
    cells = list(zip(groups, labels, strict=True))
    drums = [(*cell, name) for cell, name in zip(cells, stems, strict=True)]
    sharing = Counter(drum for drum, _ in set(zip(drums, files, strict=True)))
    layers = [
        drum if drum[2] and sharing[drum] <= MAX_LAYERS else (*drum, index)
        for index, drum in enumerate(drums)
    ]
    return _numbers(cells), _numbers(layers)


def _numbers(names: list) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.int64)
