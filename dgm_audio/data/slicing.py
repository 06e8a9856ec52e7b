"""Where a long recording is cut: at its onsets, and in windows where it sounds on without any.

Decisions rest on the envelope, the root mean square of every 10 ms, which is small enough to be
held for an hour of sound.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dgm_audio.runtime.kernels.compiled import let_numba_cache

BLOCKS = 100
"""Blocks of the envelope per second."""
RISE_DB = 3.0
"""An onset counts if the 50 ms after it are at least this much louder than the 50 ms before."""
FAINT_DB = -35.0
"""An onset counts if it comes within 35 dB of the loudest block of the file."""
MIN_GAP = 0.1
"""Seconds: an onset that follows another more closely does not start a clip of its own."""
LONG_STRETCH = 4
"""A stretch of more than 4 clips without onsets is cut into windows if it is sustained."""
DECAY_DB = -10.0
"""A stretch is sustained if its last quarter is within 10 dB of its first clip."""


def envelope(sound: np.ndarray, rate: int) -> np.ndarray:
    """Root mean square of every 10 ms of a sound (C, T), without its DC offset."""
    energy = np.square(sound - sound.mean(axis=1, keepdims=True)).mean(axis=0)
    edges = np.arange(int(np.ceil(len(energy) * BLOCKS / rate))) * rate // BLOCKS
    sizes = np.diff(edges, append=len(energy))
    return np.sqrt(np.add.reduceat(energy, edges) / sizes)


def find_peaks(mono: np.ndarray, rate: int) -> np.ndarray:
    """Positions in samples, rising, where the spectrum of a sound (T,) changes most.

    References:
        Boeck, Krebs and Schedl, "Evaluating the Online Capabilities of Onset Detection Methods",
        2012 (librosa's peak picking on the spectral flux).
    """
    let_numba_cache("librosa")
    import librosa

    hop = max(32, 2 ** round(np.log2(rate / 86)))  # about 12 ms, 512 samples at 44.1 kHz
    padded = np.pad(mono, (0, max(0, 8 * hop - len(mono))))
    flux = librosa.onset.onset_strength(
        y=padded, sr=rate, hop_length=hop, n_fft=4 * hop, n_mels=min(128, hop // 4)
    )
    found = librosa.onset.onset_detect(
        onset_envelope=flux, sr=rate, hop_length=hop, units="samples"
    )
    return np.asarray(found, dtype=np.int64)


def find_onsets(peaks: list[int], levels: np.ndarray, rate: int) -> list[int]:
    """Positions in samples, rising, of the onsets near the peaks of the spectral flux.

    Each is moved to where the envelope rises most, and dropped where it hardly rises: the ripple of
    a long decay is no new sound. A file that begins within a sound has its first onset at 0.

    Args:
        peaks: positions in samples.
        levels: envelope of the whole file.
        rate: in Hz.
    """
    faint = levels.max(initial=0.0) * 10 ** (FAINT_DB / 20)
    rise = _rise_db(levels)
    blocks: list[int] = []
    for peak in peaks:
        low = max(0, peak * BLOCKS // rate - 6)
        block = low + int(np.argmax(rise[low : low + 9]))
        loud = levels[block : block + 8].max() > faint
        close = bool(blocks) and block - blocks[-1] < MIN_GAP * BLOCKS
        if rise[block] > RISE_DB and loud and not close:
            blocks.append(block)
    before = levels[: blocks[0]] if blocks else levels
    if before.max(initial=0.0) > faint:
        blocks = [0, *(block for block in blocks if block >= MIN_GAP * BLOCKS)]
    return [block * rate // BLOCKS for block in blocks]


def _rise_db(levels: np.ndarray) -> np.ndarray:
    """How much louder the 50 ms from each block on are than the 50 ms before it, in dB."""
    energy = np.cumsum([0.0, *np.square(levels.astype(np.float64))])
    here = np.arange(len(levels))
    start, stop = np.maximum(here - 5, 0), np.minimum(here + 5, len(levels))
    after = (energy[stop] - energy[here]) / (stop - here)
    before = (energy[here] - energy[start]) / np.maximum(here - start, 1)
    tiny = 1e-12 * max(float(np.square(levels).max(initial=0.0)), 1e-30)
    return 10 * np.log10((np.maximum(after, 0) + tiny) / (np.maximum(before, 0) + tiny))


def spans(
    onsets: list[int], levels: np.ndarray, total: int, length: int, rate: int
) -> list[tuple[int, int]]:
    """(start, stop) in samples of every slice of a sound of `total` samples.

    A slice starts at an onset and stops at the next one, or 0.1 s after `length` (some of which
    may be cut from its beginning as silence). Where sound goes on for more than 4 clips without an
    onset, and does not merely die away, consecutive windows of `length` follow; a rest shorter than
    half a clip is left out.

    >>> steady = np.ones(300)
    >>> spans([0, 30, 100], steady, total=150, length=50, rate=100)
    [(0, 30), (30, 90), (100, 150)]
    >>> spans([0], steady, total=270, length=50, rate=100)
    [(0, 60), (50, 100), (100, 150), (150, 200), (200, 250)]
    """
    slices = []
    for start, stop in pairwise([*onsets, total]):
        slices.append((start, min(stop, start + length + int(MIN_GAP * rate))))
        if stop - start > LONG_STRETCH * length and _is_sustained(
            levels, start, stop, length, rate
        ):
            windows = range(start + length, stop - length // 2 + 1, length)
            slices += [(window, min(window + length, stop)) for window in windows]
    return slices


def _is_sustained(levels: np.ndarray, start: int, stop: int, length: int, rate: int) -> bool:
    last = stop - (stop - start) // 4
    first, end = (
        _mean_square(levels[a * BLOCKS // rate : -(-b * BLOCKS // rate)])
        for a, b in ((start, start + length), (last, stop))
    )
    return end > first * 10 ** (DECAY_DB / 10)


def _mean_square(levels: np.ndarray) -> float:
    return float(np.square(levels).mean()) if len(levels) else 0.0
