"""Which clips are one sound: copies in another encoding, level, rate, or with a shifted start.

Nothing but the sound decides. A clip's fingerprint is its mel spectrogram in fine cells (64 bands;
frames of 12 ms at first, wider ones later), counted from where the first 5 % of the energy have
passed, in dB below the loudest cell and cut off at -40 dB: what codecs add lies below. With A(x)
the number of cells of x above the cut-off, the distance of two clips in dB is

    d(x, y) = sqrt(sum (x - y)^2 / max(A(x), A(y), 8))

over the bands that both files' sample rates reach. Encodings of one sound differ by less than
`SAME_DB`; two hits of one drum differ more, as noise is never the same twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from dgm_audio.data.clip_array import ClipArray
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.signal.mel import LogMel, MelSpec

SAME_DB = 1.5
"""Clips that differ by less are one sound."""
RANGE_DB = 40.0
BANDS = 64
NEIGHBOURS = 32
"""Candidates for each clip: enough to connect what is close, and bounded."""
MAX_CLUSTER = 32
"""Larger clusters are chains of sounds that are merely alike: they are linked more strictly."""

_STRICTEST = 0.2
_FORMAT = 1
_STEP = 0.2
_FRAME = 0.0116
_ANCHOR = 0.05
_BEFORE = 2
_FINE_FRAMES = 16
_BATCH = 64
_COARSE = 4
_PAIRS = 1024
_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))


def near_copies(clips: ClipSet) -> np.ndarray:
    """Number (N,) of the sound of every clip: copies, and their copies, share one."""
    native = {file.path: file.steps.get("resampled", math.inf) for file in clips.report.files}
    rates = [native.get(file, math.inf) for file in clips.files]
    return same_sounds(fingerprints(clips.audio, clips.sample_rate), clips.sample_rate, rates)


def fingerprints(audio: ClipArray, sample_rate: int) -> np.ndarray:
    """Fingerprints (N, cells) of uint8, in fifths of a dB; kept beside the clips in the cache."""
    return kept_beside(audio, f"sounds-{_FORMAT}.npy", lambda all_: compute(all_, sample_rate))


def kept_beside(audio: ClipArray, name: str, work: Callable[[ClipArray], np.ndarray]) -> np.ndarray:
    """What `work` makes of clips, a row of each; of clips on disk it is kept in a file beside.

    That takes reading all clips of the file, so it waits until at least half of them are asked for.
    """
    if audio.path is None:
        return work(audio)
    kept = audio.path.with_name(name)
    rows = _load(kept)
    if rows is None:
        every = ClipArray(audio.path)
        if 2 * len(audio) < len(every):
            return work(audio)
        rows = work(every)
        with suppress(OSError):  # a cache that cannot be written costs time, nothing else
            scratch = kept.with_name(f".{kept.name}.{id(rows)}.npy")
            np.save(scratch, rows)
            scratch.replace(kept)
    return rows[audio.rows]


def compute(audio: ClipArray | np.ndarray, sample_rate: int) -> np.ndarray:
    """Fingerprints of clips (N, C, T), in batches."""
    mel = log_mel(sample_rate, BANDS)
    edges = _edges(1 + audio.shape[2] // mel.spec.hop)
    out = [np.empty((0, mel.spec.n_mels * (len(edges) - 1)), np.uint8)]
    for start in range(0, len(audio), _BATCH):
        sound = _anchored(audio[start : start + _BATCH].mean(axis=1), _BEFORE * mel.spec.hop)
        power = (2 * mel(torch.from_numpy(sound))).exp()
        pooled = [power[..., a:b].mean(-1) for a, b in pairwise(edges)]
        level = 10 * torch.log10(torch.stack(pooled, -1))
        below = level.amax((1, 2), keepdim=True) - level
        steps = (below / _STEP).round().clamp(0, RANGE_DB / _STEP)
        out.append(steps.flatten(1).to(torch.uint8).numpy())
    return np.concatenate(out)


def same_sounds(prints: np.ndarray, sample_rate: int, rates: Sequence[float]) -> np.ndarray:
    """Number (N,) of the sound of every clip.

    Args:
        prints: fingerprints (N, cells), as `compute` gives them.
        sample_rate: of the clips in Hz.
        rates: of the files that the clips are from, in Hz.
    """
    filters = log_mel(sample_rate, BANDS).filters.numpy() > 0
    highest = (filters.shape[1] - 1 - filters[:, ::-1].argmax(1)) / (filters.shape[1] - 1)
    reached = (highest[None] * sample_rate <= np.asarray(rates)[:, None]).sum(1)
    pairs = [_NONE]
    for bands in np.unique(reached):
        mine = np.flatnonzero(reached >= bands)
        cells = prints[mine, : bands * (prints.shape[1] // len(filters))]
        first, second, ratio = _close_pairs(cells, bands)
        lower = (reached[mine[first]] == bands) | (reached[mine[second]] == bands)
        pairs.append((mine[first][lower], mine[second][lower], ratio[lower]))
    rows, columns, ratios = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return components(rows, columns, ratios, len(prints))


def _close_pairs(prints: np.ndarray, bands: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, second, distance / SAME_DB) of the pairs that are one sound.

    Sums over blocks of cells, divided by the root of their number, are nowhere farther apart than
    the cells are: what they tell apart needs no closer look.
    """
    if not len(prints):
        return _NONE
    looks = [_coarse_look(prints[i : i + _PAIRS], bands) for i in range(0, len(prints), _PAIRS)]
    coarse, active = (np.concatenate(part) for part in zip(*looks, strict=True))
    square, count = np.square(coarse).sum(axis=1), len(prints)
    found = []
    step = max(1, min(512, 2**23 // max(1, count)))  # bounds the memory of a block of the matrix
    for start in range(0, count, step):
        block = slice(start, start + step)
        gap = square[block, None] + square[None] - 2 * coarse[block] @ coarse.T
        gap /= np.maximum(active[block, None], active[None])
        nearest = min(NEIGHBOURS, count) - 1
        columns = np.argpartition(gap, nearest, axis=1)[:, : nearest + 1]
        rows, picked = np.nonzero(np.take_along_axis(gap, columns, axis=1) <= SAME_DB**2)
        first, second = rows + start, columns[rows, picked]
        for part in range(0, len(first), _PAIRS):
            i, j = first[part : part + _PAIRS], second[part : part + _PAIRS]
            gap_squared = np.square(_cells(prints[i]) - _cells(prints[j])).sum(axis=1)
            exact = gap_squared / np.maximum(active[i], active[j])
            ratio = np.sqrt(exact) / SAME_DB
            found.append((i[ratio <= 1], j[ratio <= 1], ratio[ratio <= 1]))
    first, second, ratio = (np.concatenate(part) for part in zip(_NONE, *found, strict=True))
    return first, second, ratio


def _coarse_look(prints: np.ndarray, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """Coarse cells of fingerprints, and how many of the fine ones sound, at least 8."""
    cells = _cells(prints)
    active = np.maximum((cells < RANGE_DB - 1).sum(axis=1), 8)
    return _coarse(cells.reshape(len(cells), bands, -1)), active


def _cells(prints: np.ndarray) -> np.ndarray:
    """Fingerprints (N, cells) in dB below the loudest cell that is left of each."""
    below = prints.astype(np.float32) * _STEP
    return np.minimum(below - below.min(axis=1, keepdims=True, initial=RANGE_DB), RANGE_DB)


def _coarse(cells: np.ndarray) -> np.ndarray:
    """Sums of blocks of 4 x 4 cells (N, bands, columns), over the root of their number."""
    for axis in (1, 2):
        edges = np.arange(0, cells.shape[axis], _COARSE)
        sizes = np.diff(edges, append=cells.shape[axis]).astype(np.float32)
        shape = (-1, 1) if axis == 1 else (-1,)
        cells = np.add.reduceat(cells, edges, axis=axis) / np.sqrt(sizes).reshape(shape)
    return cells.reshape(len(cells), -1)


def components(
    rows: np.ndarray, columns: np.ndarray, ratios: np.ndarray, count: int, limit: float = 1.0
) -> np.ndarray:
    """Connected components (N,) over the pairs up to the limit, which is lower in large ones."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    near = ratios <= limit
    links = (np.ones(near.sum()), (rows[near], columns[near]))
    clusters = connected_components(coo_matrix(links, shape=(count, count)), directed=False)[1]
    large = np.bincount(clusters)[clusters] > MAX_CLUSTER
    if large.any() and limit > _STRICTEST:
        finer = components(rows, columns, ratios, count, 0.7 * limit)
        clusters = np.where(large, finer + count, clusters)
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


def _edges(frames: int) -> list[int]:
    """Frames where cells begin, the end included: single ones, then wider and wider."""
    edges, width = list(range(min(_FINE_FRAMES, frames))), 2
    while edges[-1] < frames - 1:
        edges += [edges[-1] + width, edges[-1] + 2 * width]
        width *= 2
    return [*(edge for edge in edges if edge < frames), frames]


def _anchored(sound: np.ndarray, before: int) -> np.ndarray:
    """Sounds (N, T), each moved so that 5 % of its energy have passed at sample `before`."""
    energy = np.cumsum(np.square(sound, dtype=np.float64), axis=1)
    anchors = np.argmax(energy >= _ANCHOR * energy[:, -1:], axis=1)
    moved = np.zeros_like(sound)
    for row, (clip, anchor) in enumerate(zip(sound, anchors, strict=True)):
        first = anchor - before
        part = clip[max(0, first) :]
        start = max(0, -first)
        moved[row, start : start + len(part)] = part[: len(clip) - start]
    return moved


@cache
def log_mel(sample_rate: int, bands: int) -> LogMel:
    """Log-mel spectrogram of frames of 12 ms, as fingerprints are made of."""
    hop = max(8, round(_FRAME * sample_rate))
    n_fft = 2 ** round(math.log2(4 * hop))
    highest = min(16000.0, 0.45 * sample_rate)
    return LogMel(MelSpec(sample_rate, n_fft, hop, min(bands, n_fft // 16), 40.0, highest, 1e-7))


def _load(file: Path) -> np.ndarray | None:
    try:
        return np.load(file)
    except (OSError, ValueError):
        return None
