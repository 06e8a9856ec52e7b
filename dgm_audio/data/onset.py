"""Where a sound begins: after silence, room noise and clicks, and never within its attack.

Decisions rest on the envelope, the root mean square of every 5 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ONSET_DB = -40.0
"""After silence, the sound starts where it first comes within 40 dB of its peak."""
LEAD, NOISE_DB = 0.1, -20.0
"""Seconds that noise must last at least, and how far below the peak, to be taken for a room's."""
SPREAD_DB, DRIFT_DB = 10.0, 3.0
"""Noise of a room is steady: its 5 ms blocks lie within 10 dB, its two halves within 3 dB. A sound
that fades in is not."""
RISE_DB = 9.0
"""After noise, the sound starts where it is so much louder than nearly all of the noise."""
CLICK, PAUSE, CLICK_SHARE = 0.04, 0.25, 0.02
"""What is shorter than 40 ms, 250 ms apart from the sound and below 2 % of the energy is a click
before it; the burst of a "t" is closer to its vowel."""
SILENCE_PRE_ROLL, NOISE_PRE_ROLL = 0.002, 0.01
"""Seconds kept before the onset; noise hides the first of a sound, so more is kept of it."""
SWELL_DB, SWELL_STEP, SWELL_FROM_DB = (1.0, 15.0), 0.02, -60.0
"""What rises by so many dB every 20 ms, from 60 dB below the peak on, is a part of the sound."""

_BLOCK = 0.005
_FAINT = 1e-12


class Start(NamedTuple):
    """First sample to keep, samples to fade in over, and whether noise was before it."""

    sample: int
    fade: int
    after_noise: bool


def find_start(level: np.ndarray, rate: int) -> Start:
    """Where the sound begins.

    Args:
        level: magnitude (T,) without its offset; its peak is above 0.
        rate: in Hz.

    Example:
        >>> room = 0.02 * np.abs(np.sin(np.arange(500)))
        >>> find_start(np.concatenate([room, np.full(300, 0.5)]), 1000)
        Start(sample=490, fade=10, after_noise=True)
    """
    level, threshold = level / level.max(), 10 ** (ONSET_DB / 20)
    size = max(1, round(_BLOCK * rate))
    edges = np.arange(0, len(level), size)
    power = np.add.reduceat(np.square(level, dtype=np.float64), edges)
    power = 10 * np.log10(power / np.diff(edges, append=len(level)) + _FAINT)  # 0 at the peak
    block = _first_sound(np.maximum.reduceat(level, edges) >= threshold, power)
    after = _after_noise(power[block:])
    if after is not None:
        return _within_noise(level, size * block, size * (block + after), rate)
    onset = size * block + int(np.argmax(level[size * block :] >= threshold))
    start = max(0, min(onset - round(SILENCE_PRE_ROLL * rate), size * _swells_from(power, block)))
    return Start(start, round(SILENCE_PRE_ROLL * rate) if start else 0, False)


def _first_sound(loud: np.ndarray, power: np.ndarray) -> int:
    """First block of the first stretch of loud blocks that is no click."""
    places = np.flatnonzero(loud)
    breaks = np.flatnonzero(np.diff(places) > PAUSE / _BLOCK) + 1
    energy = 10 ** (power / 10)
    for run in np.split(places, breaks):
        share = energy[run].sum() / energy[places].sum()
        if len(run) > CLICK / _BLOCK or share > CLICK_SHARE:
            return int(run[0])
    return int(places[0])


def _after_noise(power: np.ndarray) -> int | None:
    """The block where a sound begins after noise of a room; None without such noise."""
    least = round(LEAD / _BLOCK)
    if len(power) <= least or not _is_steady(power[:least]):
        return None
    floor = float(np.quantile(_smooth(power[:least]), 0.95))
    loud = power > floor + RISE_DB
    if floor > NOISE_DB or not loud.any():
        return None
    sound = _first_sound(loud, power)
    quiet = power[:sound][~loud[:sound]]  # a click may lie in between
    if sound < least or not _is_steady(quiet):
        return None
    while sound > least and power[sound - 1] > floor + RISE_DB / 3:
        sound -= 1
    return sound


def _is_steady(power: np.ndarray) -> bool:
    smooth = _smooth(power)
    low, high = np.quantile(smooth, (0.1, 0.9))
    first, second = np.array_split(smooth, 2)
    return bool(high - low <= SPREAD_DB and abs(np.median(first) - np.median(second)) <= DRIFT_DB)


def _smooth(power: np.ndarray) -> np.ndarray:
    """Means over 20 ms: periods of hum do not count as changes."""
    return 10 * np.log10(np.convolve(10 ** (power / 10), np.full(4, 0.25), "valid"))


def _within_noise(level: np.ndarray, first: int, rough: int, rate: int) -> Start:
    """The start of a sound that rises out of noise from sample `first` on, near `rough`."""
    roof = np.quantile(level[first:rough], 0.999)
    onset = rough + int(np.argmax(level[rough:] > roof))
    start = max(first, min(onset - round(NOISE_PRE_ROLL * rate), rough))
    return Start(start, round(NOISE_PRE_ROLL * rate), True)


def _swells_from(power: np.ndarray, block: int) -> int:
    """The block where what comes louder and louder up to `block` begins; itself if nothing does."""
    step = round(SWELL_STEP / _BLOCK)
    while block > 0:
        before, after = power[max(0, block - step) : block], power[block : block + step]
        rise = after.mean() - before.mean()
        if before.mean() < SWELL_FROM_DB or not SWELL_DB[0] <= rise <= SWELL_DB[1]:
            break
        block = max(0, block - step)
    return block
