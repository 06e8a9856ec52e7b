"""What linear prediction expects, in compiled loops: `expectation`, for one stream at a time."""

from __future__ import annotations

import numpy as np

from dgm_audio.families.autoregressive.distribution import MIN_LOGIT
from dgm_audio.families.autoregressive.expectation import SHARPNESS, UNSURE
from dgm_audio.runtime.compiled import part
from dgm_audio.runtime.vectors import DOUBLES, LANES, exp, fma, full, larger, largest, load, store
from dgm_audio.signal import _prediction_loops

ZERO, ONE, SCALE = np.float32(0), np.float32(1), np.float32(SHARPNESS)
SMALLEST = np.float32(np.exp(MIN_LOGIT))


@part
def expect(weights, state, stream, now):
    """Difference and mean errors that are expected of sample `now`, into `state.expected`."""
    p = _prediction_loops.expect(state.memory, stream, now)
    state.predicted[stream] = p
    state.expected[stream, 0] = p - weights.emphasis * state.x[stream]
    for which in range(2):
        state.expected[stream, 1 + which] = _prediction_loops.spread(state.memory, stream, which)


@part
def code(edges, value):
    """How many of the rising edges lie at or below a value."""
    low, over = 0, len(edges)
    while low < over:
        middle = (low + over) // 2
        if edges[middle] <= value:
            low = middle + 1
        else:
            over = middle
    return low


@part
def embed(weights, state, stream, to):
    """A row of the first layer's ring: what is known before the sample."""
    width, levels = weights.width, len(weights.values)
    difference, near, far = state.expected[stream]
    position, spreads = levels + code(weights.codes, state.x[stream]), len(weights.spreads) + 1
    expected = levels + len(weights.codes) + 1
    near = expected + levels + code(weights.spreads, near)
    far = expected + levels + spreads + code(weights.spreads, far)
    expected += code(weights.differences, difference)
    for i in range(0, width, LANES):
        h = load(weights.embeddings, state.symbol[stream] * width + i)
        h = h + load(weights.embeddings, position * width + i)
        h = h + load(weights.embeddings, expected * width + i)
        h = h + load(weights.embeddings, near * width + i)
        store(state.past, to + i, h + load(weights.embeddings, far * width + i))


@part
def correct(weights, expected, odds, mass):
    """Masses q exp(h) of exp(h), of at least e^-40 of the largest.

    Args:
        weights: of the model.
        expected: difference and mean errors (3,).
        odds: room for the odds that a difference lies above the start of each symbol's, for both
            errors. One row of 16 further on are those of the next symbol (see `kernel_symbols`).
        mass: exp(h), changed.
    """
    lanes, far = len(mass), len(weights.bounds)
    for i in range(0, far, LANES):
        distance = full(expected[0]) - load(weights.bounds, i)
        store(odds, i, exp(distance * full(ONE / (SCALE * expected[1]))))
        store(odds, far + i, exp(distance * full(ONE / (SCALE * expected[2]))))
    least, top = full(np.float32(UNSURE / len(weights.values))), full(ZERO)
    for i in range(0, lanes, LANES):
        inside = between(odds, i) + between(odds, far + i)
        e = load(mass, i) * fma(inside, full(np.float32((1 - UNSURE) / 2)), least)
        store(mass, i, e)
        top = larger(e, top)
    least = full(largest(top) * SMALLEST)
    for i in range(0, lanes, LANES):
        store(mass, i, larger(load(mass, i), least))


@part
def between(odds, at):
    """The mass between the start of a symbol and that of the next one, from their odds."""
    start, end = load(odds, at), load(odds, at + DOUBLES)
    return (start - end) / ((full(ONE) + start) * (full(ONE) + end))
