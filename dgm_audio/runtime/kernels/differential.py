"""The recursions of `DifferentialMuLaw`, compiled: each sample depends on the one before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled

ONE = np.float32(1)


@compiled
def step(before: Any, value: Any, a: Any) -> Any:
    """The sample after `before` at a difference of `value`; all are float32."""
    return min(max(a * before + value, -ONE), ONE)


@compiled
def encode(x: np.ndarray, values: np.ndarray, a: np.float32) -> np.ndarray:
    """Symbols (B, T) of audio (B, T) in [-1, 1]."""
    symbols = np.empty(x.shape, np.int64)
    top = len(values) - 1
    for row in range(x.shape[0]):
        before = np.float32(0)
        for t in range(x.shape[1]):
            wanted = x[row, t] - a * before
            k = np.searchsorted(values, wanted)
            if k > top or (k > 0 and wanted - values[k - 1] < values[k] - wanted):
                k -= 1
            # A sample at full scale may come from any difference that goes beyond it.
            if x[row, t] == ONE and step(before, values[k], a) < ONE:
                k += 1
            if x[row, t] == -ONE and step(before, values[k], a) > -ONE:
                k -= 1
            symbols[row, t] = k
            before = step(before, values[k], a)
    return symbols


@compiled
def decode(symbols: np.ndarray, values: np.ndarray, a: np.float32) -> np.ndarray:
    """Audio (B, T) of symbols (B, T)."""
    x = np.empty(symbols.shape, np.float32)
    for row in range(symbols.shape[0]):
        before = np.float32(0)
        for t in range(symbols.shape[1]):
            before = step(before, values[symbols[row, t]], a)
            x[row, t] = before
    return x
