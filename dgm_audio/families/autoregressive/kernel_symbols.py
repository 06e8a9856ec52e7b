"""The distribution of one symbol in compiled loops: `distribution`, for one stream at a time.

The symbols are cut into 16 blocks of J. Symbol i J + j lies at j 16 + i, so that one vector holds
number j of each block, and 16 sums run side by side. What a tail picks is found block by block,
then symbol by symbol. Sampling and scoring share all sums.
"""

from __future__ import annotations

import math

import numpy as np

from dgm_audio.families.autoregressive.distribution import GUARD, MIN_LOGIT, SHARPEST
from dgm_audio.runtime.compiled import part
from dgm_audio.runtime.vectors import (
    DOUBLES,
    LANES,
    exp,
    fma,
    full,
    larger,
    largest,
    load,
    load_doubles,
    smaller,
    store,
)

ZERO, ONE = np.float32(0), np.float32(1)
LOWEST, SMALLEST = np.float32(MIN_LOGIT), np.float32(math.exp(MIN_LOGIT))


@part
def categories(weights, head, at, mass):
    """Masses e of the symbols, up to a factor, from the head's logits."""
    lanes = len(weights.head_bias)
    top = full(-np.float32(np.inf))
    for i in range(0, lanes, LANES):
        top = larger(load(head, at + i) + load(weights.head_bias, i), top)
    top = full(largest(top))
    for i in range(0, lanes, LANES):
        logit = load(head, at + i) + load(weights.head_bias, i) - top
        store(mass, i, exp(larger(logit, full(LOWEST))))


@part
def logistics(weights, head, at, mass):
    """Masses e of the symbols from a mixture of logistics, of at least e^-40 of the largest.

    e_k = sum_m pi_m (1 - exp(b - a)) s(a) s(-b) for the edges a and b of bin k, standardised; the
    bracket is 1 for the outer bins (see `distribution.logistic_mixture`).
    """
    lanes, count, one = len(weights.edges) // 3, weights.components, full(ONE)
    for i in range(0, lanes, LANES):
        store(mass, i, full(ZERO))
    highest = -np.inf
    for m in range(count):
        highest = max(highest, head[at + m] + weights.head_bias[m])
    for m in range(count):
        share = math.exp(head[at + m] + weights.head_bias[m] - highest)
        mean = head[at + count + m] + weights.head_bias[count + m]
        sharpness = head[at + 2 * count + m] + weights.head_bias[2 * count + m]
        inverse = np.float32(math.exp(min(max(sharpness, -SHARPEST), SHARPEST)))
        inside = np.float32(share * -math.expm1(-inverse * 2.0 / (len(weights.values) - 1)))
        for i in range(0, lanes, LANES):
            upper = (load(weights.edges, i) - full(mean)) * full(inverse)
            lower = (load(weights.edges, lanes + i) - full(mean)) * full(inverse)
            outer = load(weights.edges, 2 * lanes + i)
            factor = fma(outer, full(np.float32(share) - inside), full(inside))
            e = factor / ((one + exp(full(ZERO) - upper)) * (one + exp(lower)))
            store(mass, i, load(mass, i) + e)
    top = full(ZERO)
    for i in range(0, lanes, LANES):
        top = larger(load(mass, i), top)
    least = full(largest(top) * SMALLEST)
    for i in range(0, lanes, LANES):
        store(mass, i, larger(load(mass, i), least))


@part
def guard(mass, levels, weight, blocks):
    """Guarded weights w = e + eta min(sum up to here, sum from here on); see `distribution`.

    Args:
        mass: e, float32, in the order of the module; those of no symbol are set to zero.
        levels: K.
        weight: written, w, float64.
        blocks: written, the sums of w over the blocks (16,), and working space (32,).
    """
    count = len(weight) // DOUBLES
    for k in range(levels, len(weight)):
        mass[k % count * DOUBLES + k // count] = ZERO
    run = full(0.0)
    for j in range(count):
        run = run + load_doubles(mass, j * DOUBLES)
        store(weight, j * DOUBLES, run)
    store(blocks, 0, run)
    below = above = 0.0
    for i in range(DOUBLES):
        blocks[DOUBLES + i] = below
        below += blocks[i]
    for i in range(DOUBLES - 1, -1, -1):
        blocks[2 * DOUBLES + i] = above
        above += blocks[i]
    run, total = full(0.0), full(0.0)
    for j in range(count - 1, -1, -1):
        e = load_doubles(mass, j * DOUBLES)
        run = run + e
        up_to = load_doubles(blocks, DOUBLES) + load_doubles(weight, j * DOUBLES)
        w = fma(full(GUARD), smaller(up_to, load_doubles(blocks, 2 * DOUBLES) + run), e)
        store(weight, j * DOUBLES, w)
        total = total + w
    store(blocks, 0, total)


@part
def pick(weight, blocks, wanted, from_below):
    """The first symbol, from one end, up to which the weights sum to more than `wanted`."""
    count = len(weight) // DOUBLES
    i, j, sign = (0, 0, 1) if from_below else (DOUBLES - 1, count - 1, -1)
    passed = 0.0
    for _ in range(DOUBLES - 1):
        if passed + blocks[i] > wanted:
            break
        passed += blocks[i]
        i += sign
    for _ in range(count - 1):
        if passed + weight[j * DOUBLES + i] > wanted:
            break
        passed += weight[j * DOUBLES + i]
        j += sign
    return i * count + j


@part
def tail_of(weight, blocks, total, symbol):
    """The tail that points at the middle of a symbol, below it or above it, and its mass."""
    count = len(weight) // DOUBLES
    block, own = symbol // count, symbol % count
    below = above = 0.0
    for i in range(block):
        below += blocks[i]
    for j in range(own):
        below += weight[j * DOUBLES + block]
    for i in range(DOUBLES - 1, block, -1):
        above += blocks[i]
    for j in range(count - 1, own, -1):
        above += weight[j * DOUBLES + block]
    mass = weight[own * DOUBLES + block]
    tail = (min(below, above) + mass / 2) / total
    return -tail if below < above else tail, mass / total


@part
def total_of(blocks):
    """The sum of all weights."""
    total = 0.0
    for i in range(DOUBLES):
        total += blocks[i]
    return total
