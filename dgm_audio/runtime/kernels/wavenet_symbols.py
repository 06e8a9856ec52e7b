"""The distribution of one symbol in compiled loops: `distribution`, for one stream at a time.

The symbols are cut into 16 blocks of J. Symbol i J + j lies at j 16 + i, so that one vector holds
number j of each block, and 16 sums run side by side. What a tail picks is found block by block,
then symbol by symbol. Sampling and scoring share all sums.
"""

from __future__ import annotations

import numpy as np

from dgm_audio.runtime.kernels.compiled import part
from dgm_audio.runtime.kernels.constants import GUARD
from dgm_audio.runtime.kernels.vectors import DOUBLES, fma, full, load_doubles, smaller, store

ZERO = np.float32(0)


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
