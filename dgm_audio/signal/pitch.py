"""Pitches as MIDI numbers: their frequency, and the pitch of a note.

References:
    Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
    distributions", 2014.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from dgm_audio.runtime.kernels.compiled import let_numba_cache

VOICED = 0.1
"""Least probability; frames of noise have 0.01."""
LEAST_VOICED = 0.1
"""Of the frames."""


def frequency(pitch: Tensor) -> Tensor:
    """Hz of MIDI numbers; 69 is 440 Hz.

    >>> frequency(Tensor([69.0, 57.0])).tolist()
    [440.0, 220.0]
    """
    return 440 * 2 ** ((pitch.double() - 69) / 12)


def note_pitch(x: Tensor, sample_rate: int, low: float, high: float) -> float | None:
    """MIDI number of a note (T,): the median over its voiced frames; None if there are few.

    Args:
        x: audio in [-1, 1].
        sample_rate: in Hz.
        low: lowest MIDI number that is looked for.
        high: highest MIDI number.
    """
    let_numba_cache("librosa")
    import librosa  # slow to import

    ends = librosa.midi_to_hz([low - 0.5, high + 0.5])
    window = 2 ** math.ceil(math.log2(4 * sample_rate / ends[0]))
    hertz, _, probability = librosa.pyin(
        x.double().cpu().numpy(),
        fmin=ends[0],
        fmax=min(ends[1], 0.49 * sample_rate),
        sr=sample_rate,
        frame_length=window,
        hop_length=window // 2,
    )
    voiced = (probability >= VOICED) & ~np.isnan(hertz)
    if voiced.mean() < LEAST_VOICED:
        return None
    return float(np.clip(librosa.hz_to_midi(np.median(hertz[voiced])), low, high))
