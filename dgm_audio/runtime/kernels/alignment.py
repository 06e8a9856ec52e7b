"""Monotonic alignment of two sequences: the best path through a table of scores.

    best(n, l) = score(n, l) + max(best(n, l - 1), best(n - 1, l - 1))

Every frame l belongs to one symbol n, the first to the first and the last to the last; symbols come
in their order, and none is left out.

References:
    Kim et al., "Glow-TTS: a generative flow for text-to-speech via monotonic alignment search",
    2020.
"""

from __future__ import annotations

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled


@compiled
def align(scores: np.ndarray, symbols: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Frames of each symbol (B, N), int64, along the best paths; their sum is that of the frames.

    Args:
        scores: (B, N, L) float32, of symbol n for frame l.
        symbols: (B,) number of symbols of each item, at most its frames.
        frames: (B,) number of frames of each item.
    """
    durations = np.zeros(scores.shape[:2], np.int64)
    best = np.empty(scores.shape[1:], np.float32)
    for item in range(scores.shape[0]):
        count, length, score = symbols[item], frames[item], scores[item]
        for frame in range(length):
            for n in range(min(count, frame + 1)):
                stays = best[n, frame - 1] if n < frame else -np.float32(np.inf)
                comes = best[n - 1, frame - 1] if n else -np.float32(np.inf)
                before = max(stays, comes) if frame else np.float32(0)
                best[n, frame] = score[n, frame] + before
        n = count - 1
        for frame in range(length - 1, -1, -1):
            durations[item, n] += 1
            if frame and n and (n == frame or best[n - 1, frame - 1] > best[n, frame - 1]):
                n -= 1
    return durations
