"""The recursions of `BackwardPrediction`, compiled: one sample of one stream at a time.

Callers go through time with `predict`, for sample `now`, and `update`, with its true value. Every
sum has one order, whatever the machine and the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled, part
from dgm_audio.runtime.kernels.vectors import DOUBLES, fma, full, load_doubles, store

HEAVIER = 1 + 1e-4
"""White noise 40 dB below the sound keeps its equations solvable and lets what rings die."""
LEAK = 0.998
"""Factor on predictions: what nothing excites dies within 0.1 s, be it a tone or an offset."""
FLOOR = 1e-8
SMALLEST = 3e-5
"""Least mean error: one unit of 16 bits."""
FIRST = 0.01
"""The mean errors before the first sample."""
MEMORIES = 32.0, 512.0
"""Samples that the two mean errors remember."""
RELEASE = 1 - 2.0**-14
"""Factor per sample at which the largest of the longer one's values is forgotten."""
N_SPREADS = 3


class Memory(NamedTuple):
    """The state of n streams, and buffers."""

    window: np.ndarray
    """(W,) weights of the last W samples, float64."""
    samples: np.ndarray
    """(n, W + hop) samples, float32: W before the present hop, then the hop's own."""
    weights: np.ndarray
    """(n, P) prediction is their product with the last P samples, float64."""
    errors: np.ndarray
    """(n, 3) mean absolute errors, short, long, and the largest recent long one; float64."""
    windowed: np.ndarray
    """(W + P + 16,) the weighted samples, then zeros."""
    lags: np.ndarray
    """(P + 16,) autocorrelations."""
    solution: np.ndarray
    """(2, P) coefficients of this order and of the one before."""


@part
def predict(memory, stream, now):
    """The prediction of sample `now` of a stream."""
    window, weights, samples = len(memory.window), memory.weights[stream], memory.samples[stream]
    hop = len(samples) - window
    if now % hop == 0:
        samples[:window] = samples[hop:].copy()
        renew(memory, stream)
    first = window + now % hop - len(weights)
    total = full(0.0)
    for i in range(0, len(weights), DOUBLES):
        total = fma(load_doubles(weights, i), load_doubles(samples, first + i), total)
    store(memory.lags, 0, total)
    p = 0.0
    for i in range(DOUBLES):
        p += memory.lags[i]
    return np.float32(min(max(LEAK * p, -1.0), 1.0))


@part
def spread(memory, stream, which):
    """One of the mean absolute errors of a stream's predictions so far, float32."""
    return np.float32(memory.errors[stream, which] + SMALLEST)


@part
def update(memory, stream, now, x, predicted):
    """Take x, the true value of sample `now` of a stream."""
    window = len(memory.window)
    hop = memory.samples.shape[1] - window
    memory.samples[stream, window + now % hop] = x
    error = abs(np.float64(x) - np.float64(predicted))
    memory.errors[stream, 0] += (error - memory.errors[stream, 0]) / MEMORIES[0]
    memory.errors[stream, 1] += (error - memory.errors[stream, 1]) / MEMORIES[1]
    memory.errors[stream, 2] = max(RELEASE * memory.errors[stream, 2], memory.errors[stream, 1])


@part
def renew(memory, stream):
    """The weights for the next hop: autocorrelations, and Levinson's recursion."""
    order, windowed, r = memory.weights.shape[1], memory.windowed, memory.lags
    for j in range(len(memory.window)):
        windowed[j] = memory.window[j] * memory.samples[stream, j]
    for lag in range(0, order + 1, DOUBLES):
        total = full(0.0)
        for j in range(len(memory.window)):
            total = fma(full(windowed[j]), load_doubles(windowed, j + lag), total)
        store(r, lag, total)
    r[0] = r[0] * HEAVIER + FLOOR
    a, last = memory.solution[0], memory.solution[1]
    a[:] = 0.0
    error = r[0]
    for i in range(order):
        k = r[i + 1]
        for j in range(i):
            k -= a[j] * r[i - j]
        k /= error
        last[:i] = a[:i]
        for j in range(i):
            a[j] -= k * last[i - 1 - j]
        a[i] = k
        error *= 1 - k * k
    memory.weights[stream] = a[::-1]


@compiled
def predict_all(memory, now, predicted, spreads):
    """Predictions (n,) of sample `now` and mean errors (n, 3), written."""
    for stream in range(len(predicted)):
        predicted[stream] = predict(memory, stream, now)
        for which in range(N_SPREADS):
            spreads[stream, which] = spread(memory, stream, which)


@compiled
def update_all(memory, now, x, predicted):
    """Take samples `now` (n,) of all streams."""
    for stream in range(len(x)):
        update(memory, stream, now, x[stream], predicted[stream])


@compiled
def follow(memory, x, predicted, spreads):
    """Predictions (n, T) of samples x (n, T) and mean errors (n, T, 3), written."""
    for stream in range(x.shape[0]):
        for now in range(x.shape[1]):
            predicted[stream, now] = predict(memory, stream, now)
            for which in range(N_SPREADS):
                spreads[stream, now, which] = spread(memory, stream, which)
            update(memory, stream, now, x[stream, now], predicted[stream, now])
