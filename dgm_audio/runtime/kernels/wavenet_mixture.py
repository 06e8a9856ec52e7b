"""The LPC prior and its correction by the head in compiled loops: `lpc_prior`, for one stream.

Masses lie in the order of `wavenet_symbols`. There the edges of the symbols are followed by another
row of 16, so that the end of a symbol lies 16 places behind its start.
"""

from __future__ import annotations

import math

import numpy as np

from dgm_audio.runtime.kernels import prediction as _prediction_loops
from dgm_audio.runtime.kernels.compiled import part
from dgm_audio.runtime.kernels.constants import MIN_LOGIT, SCALE, SHARPEST, SMALLEST
from dgm_audio.runtime.kernels.vectors import (
    DOUBLES,
    LANES,
    exp,
    fma,
    full,
    larger,
    largest,
    load,
    store,
)

ZERO, ONE, UNIT = np.float32(0), np.float32(1), np.float32(SCALE)
LEAST, LOWEST, SMALL = np.float32(SMALLEST), np.float32(MIN_LOGIT), np.float32(math.exp(MIN_LOGIT))


@part
def predict(weights, state, stream, now):
    """Write the predicted difference of sample `now` and the mean errors into `state.prior`."""
    p = _prediction_loops.predict(state.memory, stream, now)
    state.predicted[stream] = p
    state.prior[stream, 0] = p - weights.emphasis * state.x[stream]
    for which in range(_prediction_loops.N_SPREADS):
        state.prior[stream, 1 + which] = _prediction_loops.spread(state.memory, stream, which)


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
    """Write a row of the first layer's ring: the embedded codes of the step's inputs."""
    width, levels = weights.stack.width, len(weights.values)
    difference, near, far, most = state.prior[stream]
    position, spreads = levels + code(weights.codes, state.x[stream]), len(weights.spreads) + 1
    prior = levels + len(weights.codes) + 1
    near = prior + levels + code(weights.spreads, near)
    far = prior + levels + spreads + code(weights.spreads, far)
    most = prior + levels + 2 * spreads + code(weights.spreads, most)
    prior += code(weights.differences, difference)
    for i in range(0, width, LANES):
        h = load(weights.embeddings, state.symbol[stream] * width + i)
        h = h + load(weights.embeddings, position * width + i)
        h = h + load(weights.embeddings, prior * width + i)
        h = h + load(weights.embeddings, near * width + i)
        h = h + load(weights.embeddings, far * width + i)
        store(state.stack.past, to + i, h + load(weights.embeddings, most * width + i))


@part
def logistics(weights, prior, head, at, mixture):
    """The mixture that the head describes: weights, means and inverse scales (M, 3), written."""
    count, bias = len(mixture), weights.stack.head_bias
    unit = UNIT * prior[2]
    highest, total = -np.inf, 0.0
    for m in range(count):
        highest = max(highest, head[at + m] + bias[m])
    for m in range(count):
        total += math.exp(head[at + m] + bias[m] - highest)
    for m in range(count):
        weight = math.exp(head[at + m] + bias[m] - highest) / total
        mean = prior[0] + unit * (head[at + count + m] + bias[count + m])
        sharpness = head[at + 2 * count + m] + bias[2 * count + m]
        inverse = math.exp(min(max(sharpness, -SHARPEST), SHARPEST)) / unit
        mixture[m] = np.float32(weight), np.float32(mean), np.float32(inverse)


@part
def uncorrected(prior, mixture):
    """The mixture that nothing corrects (2, 3), written."""
    for m in range(2):
        mixture[m] = np.float32(0.5), prior[0], ONE / (UNIT * prior[1 + m])


@part
def masses(mixture, edges, odds, mass):
    """Masses of the symbols, at least 1e-30.

    Args:
        mixture: (M, 3).
        edges: where each symbol starts, flat.
        odds: room for the odds of lying beyond each edge.
        mass: written.
    """
    one = full(ONE)
    for i in range(0, len(mass), LANES):
        store(mass, i, full(LEAST))
    for m in range(len(mixture)):
        weight, mean, inverse = full(mixture[m, 0]), full(mixture[m, 1]), full(mixture[m, 2])
        for i in range(0, len(odds), LANES):
            store(odds, i, exp((mean - load(edges, i)) * inverse))
        for i in range(0, len(mass), LANES):
            start, end = load(odds, i), load(odds, i + DOUBLES)
            inside = (start - end) / ((one + start) * (one + end))
            store(mass, i, fma(weight, inside, load(mass, i)))


@part
def categories(weights, head, at, mass):
    """Masses times exp(h), up to a factor, with the head's logits h."""
    lanes = len(mass)
    top = full(-np.float32(np.inf))
    for i in range(0, lanes, LANES):
        top = larger(load(head, at + i) + load(weights.stack.head_bias, i), top)
    top = full(largest(top))
    for i in range(0, lanes, LANES):
        logit = load(head, at + i) + load(weights.stack.head_bias, i) - top
        store(mass, i, load(mass, i) * exp(larger(logit, full(LOWEST))))


@part
def floor(mass):
    """No mass is less than e^-40 of the largest."""
    top = full(ZERO)
    for i in range(0, len(mass), LANES):
        top = larger(load(mass, i), top)
    least = full(largest(top) * SMALL)
    for i in range(0, len(mass), LANES):
        store(mass, i, larger(load(mass, i), least))
