"""The filters of `MelEnvelope`, compiled."""

from __future__ import annotations

import numpy as np

from dgm_audio.runtime.compiled import compiled, part


@part
def from_past(x, at, a):
    """What coefficients a (P,) make of the P samples before x[at], float64."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * x[at - 1 - i]
    return total


@compiled
def predict(x, a, hop):
    """What is expected of samples x (B, T), float64, from coefficients (B, N, P) of each hop."""
    rows, length = x.shape
    order = a.shape[2]
    expected = np.empty_like(x)
    heard = np.zeros(order + length)
    for row in range(rows):
        heard[order:] = x[row]
        for t in range(length):
            expected[row, t] = from_past(heard, order + t, a[row, t // hop])
    return expected
