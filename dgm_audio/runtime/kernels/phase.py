"""The recursion of `phases.follow`, compiled: one frame after the other, peak by peak."""

from __future__ import annotations

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled, part

HALF, FLATTEST = np.float32(0.5), np.float32(1e-6)


@part
def find_peaks(level, peaks):
    """How many peaks log-magnitudes (F,) have; their bins are written."""
    count, last = 0, len(level) - 1
    rises = True
    for k in range(last):
        falls = level[k] >= level[k + 1]
        peaks[count] = k
        count += rises & falls
        rises = level[k + 1] > level[k]
    peaks[count] = last
    return count + rises


@part
def frequency(level, peak):
    """Where the parabola through a peak and its neighbours is highest, in bins."""
    left = level[peak - 1] if peak > 0 else np.float32(0)
    right = level[peak + 1] if peak + 1 < len(level) else np.float32(0)
    bend = max(level[peak] + level[peak] - left - right, FLATTEST)
    aside = HALF * (right - left) / bend
    return np.float32(peak) + min(max(aside, -HALF), HALF)


@compiled
def follow(level, overlap, phase, turns):
    """Phases of log-magnitudes (N, L, F), float32, written; those of last (N, F), moved on."""
    items, frames, bins = level.shape
    peaks = np.empty(bins, np.int64)
    for item in range(items):
        now = phase[item]
        for frame in range(frames):
            seen = level[item, frame]
            count, start = find_peaks(seen, peaks), 0
            for i in range(count):
                peak = peaks[i]
                end = (peak + peaks[i + 1]) // 2 + 1 if i + 1 < count else bins
                value = now[peak] + np.float64(frequency(seen, peak)) / overlap
                value -= np.floor(value)
                now[start:end] = value  # the peaks to come lie behind
                turns[item, frame, start:end] = np.float32(value)
                start = end
            if count == 0:
                turns[item, frame] = 0.0
