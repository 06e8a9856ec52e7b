"""The WaveNet step compiled for the CPU: the loop over time for a group of streams.

What makes it fast:
- Only what a step needs is computed. A layer keeps its last d inputs in a ring.
- Weights lie in the order in which they are read, 64 outputs of one input beside each other, so a
  product of matrix and vector is a walk through memory: load 64 weights, spread one input, add.
- Four streams share a loaded weight: four sums of 64 numbers just fit into the registers. One
  stream alone takes two tiles of 64 at a time instead, or it would wait for each sum.
- A layer's past input is known d steps ahead, so its products are taken for min(d, 16) steps at
  once: those weights are read 16 times more rarely.

Every sum runs over the inputs in the same order, with one rounding each, whatever the tile. So a
stream's result depends neither on its neighbours nor on how the work is cut, bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from dgm_audio.families.autoregressive.distribution import GUARD, MIN_LOGIT
from dgm_audio.runtime.compiled import compiled
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
    splat,
    store,
)
from dgm_audio.signal._differential_loops import step

AHEAD = 16
"""Steps whose products with the past are taken at once."""
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
LOWEST = np.float32(MIN_LOGIT)


class Weights(NamedTuple):
    """What does not change. Channels are padded with zeros to multiples of 64 lanes.

    Matrices are, by number: 2 l the present and 2 l + 1 the output of layer l (of L), 2 L the
    hidden layer, 2 L + 1 the head, 2 L + 2 + l the past of layer l.
    """

    packed: np.ndarray
    """All matrices, float32 or int16, tile by tile: 64 outputs of the first input, of the next."""
    scale: np.ndarray
    """What each output of a matrix is multiplied by."""
    places: np.ndarray
    """(matrices, 4): start in `packed`, start in `scale`, inputs, tiles."""
    dilations: np.ndarray
    rings: np.ndarray
    """Where the ring of each layer starts, in rows."""
    symbol: np.ndarray
    """(K, R) the embedding of the last symbol, and (256, R) that of the last sample's code."""
    position: np.ndarray
    codes: np.ndarray
    """(255,) the samples at which the next code starts."""
    hidden_bias: np.ndarray
    head_bias: np.ndarray
    edges: np.ndarray
    """(3, lanes) lower and upper edge of each bin and whether it is an outer one, for logistics."""
    values: np.ndarray
    """(K,) differences (see `DifferentialMuLaw`)."""
    emphasis: np.float32


class State(NamedTuple):
    """What a group of n streams remembers."""

    past: np.ndarray
    """(n, sum of dilations, R) the rings: the input of a layer at time t is in row t mod d."""
    taps: np.ndarray
    """(n, layers, 16, 2 R) products with the past, for the steps t mod 16."""
    symbol: np.ndarray
    x: np.ndarray


class Scratch(NamedTuple):
    """Room for one step of n streams, (n, lanes) each, and for one distribution."""

    product: np.ndarray
    gated: np.ndarray
    skip: np.ndarray
    hidden: np.ndarray
    mass: np.ndarray
    weight: np.ndarray
    blocks: np.ndarray


@numba.njit(nogil=True)
def multiply(weights, matrix, x, x_at, x_row, y, y_at, y_row, rows):
    """y = M x for `rows` rows of x and y, which lie `x_row` and `y_row` numbers apart."""
    packed, scale = weights.packed, weights.scale
    start, scale_at = weights.places[matrix, 0], weights.places[matrix, 1]
    inputs, tiles = weights.places[matrix, 2], weights.places[matrix, 3]
    size = inputs * LANES
    for tile in range(tiles):
        factor = load(scale, scale_at + tile * LANES)
        for row in range(0, rows - 3, 4):
            w_at, at, to = start + tile * size, x_at + row * x_row, y_at + row * y_row
            a = b = c = d = full(ZERO)
            for i in range(inputs):
                w = load(packed, w_at + i * LANES)
                a = fma(w, splat(x, at + i), a)
                b = fma(w, splat(x, at + x_row + i), b)
                c = fma(w, splat(x, at + 2 * x_row + i), c)
                d = fma(w, splat(x, at + 3 * x_row + i), d)
            store(y, to + tile * LANES, a * factor)
            store(y, to + y_row + tile * LANES, b * factor)
            store(y, to + 2 * y_row + tile * LANES, c * factor)
            store(y, to + 3 * y_row + tile * LANES, d * factor)
    for row in range(rows - rows % 4, rows):
        for tile in range(0, tiles, 2):
            w_at, at, to = start + tile * size, x_at + row * x_row, y_at + row * y_row
            a = b = full(ZERO)
            for i in range(inputs):
                one = splat(x, at + i)
                a = fma(load(packed, w_at + i * LANES), one, a)
                b = fma(load(packed, w_at + size + i * LANES), one, b)
            store(y, to + tile * LANES, a * load(scale, scale_at + tile * LANES))
            store(y, to + (tile + 1) * LANES, b * load(scale, scale_at + (tile + 1) * LANES))


@numba.njit(nogil=True)
def look_ahead(weights, state, now, streams):
    """The products with the past of layers for which those at hand are used up."""
    layers, width = len(weights.dilations), weights.symbol.shape[1]
    ring_row, tap_row = state.past.shape[1] * width, layers * AHEAD * 2 * width
    past, taps = state.past, state.taps
    for layer in range(layers):
        dilation = weights.dilations[layer]
        ahead = min(dilation, AHEAD)
        if now % ahead:
            continue
        matrix = 2 * layers + 2 + layer
        x_at = (weights.rings[layer] + now % dilation) * width
        y_at = layer * AHEAD * 2 * width
        if ahead < 4:  # the rows of the product are streams
            for i in range(ahead):
                x, y = x_at + i * width, y_at + i * 2 * width
                multiply(weights, matrix, past, x, ring_row, taps, y, tap_row, streams)
        else:  # the rows are steps
            for stream in range(streams):
                x, y = x_at + stream * ring_row, y_at + stream * tap_row
                multiply(weights, matrix, past, x, width, taps, y, 2 * width, ahead)


@numba.njit(nogil=True)
def gate(y, y_at, taps, taps_at, bias, bias_at, gated, to, width):
    """tanh(a) sigmoid(b) = (1 - e^-2a) / ((1 + e^-2a) (1 + e^-b)) for a layer of one stream."""
    one = full(ONE)
    for i in range(0, width, LANES):
        a = load(y, y_at + i) + load(taps, taps_at + i) + load(bias, bias_at + i)
        j = i + width
        b = load(y, y_at + j) + load(taps, taps_at + j) + load(bias, bias_at + j)
        u, v = exp(a * full(-TWO)), exp(full(ZERO) - b)
        store(gated, to + i, (one - u) / ((one + u) * (one + v)))


@numba.njit(nogil=True)
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


@numba.njit(nogil=True)
def guard(mass, levels, weight, blocks):
    """Guarded weights w = e + eta min(sum up to here, sum from here on); see `distribution`.

    The symbols are cut into 16 blocks of J. Symbol i J + j lies at j 16 + i, so that one vector
    holds number j of each block and 16 sums run side by side; the sums over whole blocks follow.
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


@numba.njit(nogil=True)
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


@numba.njit(nogil=True)
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


@numba.njit(nogil=True)
def embed(weights, state, stream, to):
    """A row of the first layer's ring: what the last symbol and the last sample stand for."""
    width = weights.symbol.shape[1]
    code = np.searchsorted(weights.codes, state.x[stream], side="right")
    symbol, position = state.symbol[stream] * width, code * width
    for i in range(0, width, LANES):
        h = load(weights.symbol, symbol + i) + load(weights.position, position + i)
        store(state.past, to + i, h)


@numba.njit(nogil=True)
def stack(weights, state, scratch, now, bias, bias_at, bias_row):
    """One step of all layers and streams: h <- h + Wo g, s <- s + Wo g (see `network`)."""
    layers, streams, width = len(weights.dilations), len(state.x), weights.symbol.shape[1]
    ring_row, tap_row = state.past.shape[1] * width, layers * AHEAD * 2 * width
    y, gated, skip = scratch.product, scratch.gated, scratch.skip
    y_row, skips = y.shape[1], skip.shape[1]
    skip[:] = ZERO
    look_ahead(weights, state, now, streams)
    for stream in range(streams):
        embed(weights, state, stream, stream * ring_row)
    for layer in range(layers):
        h = (weights.rings[layer] + now % weights.dilations[layer]) * width
        multiply(weights, 2 * layer, state.past, h, ring_row, y, 0, y_row, streams)
        tap = (layer * AHEAD + now % min(weights.dilations[layer], AHEAD)) * 2 * width
        for n in range(streams):
            c = bias_at + n * bias_row + layer * 2 * width
            gate(y, n * y_row, state.taps, tap + n * tap_row, bias, c, gated, n * width, width)
        multiply(weights, 2 * layer + 1, gated, 0, width, y, 0, y_row, streams)
        if layer + 1 < layers:
            after = (weights.rings[layer + 1] + now % weights.dilations[layer + 1]) * width
            for n in range(streams):
                for i in range(0, width, LANES):
                    before = load(state.past, h + n * ring_row + i)
                    store(state.past, after + n * ring_row + i, before + load(y, n * y_row + i))
        for n in range(streams):
            for i in range(0, skips, LANES):
                more = load(y, n * y_row + width + i)
                store(skip, n * skips + i, load(skip, n * skips + i) + more)


@numba.njit(nogil=True)
def head(weights, scratch, streams):
    """W4 relu(W3 relu(s) + b3), into `scratch.product`."""
    layers, zero = len(weights.dilations), full(ZERO)
    y, skip = scratch.product, scratch.skip
    skips, y_row, lanes = skip.shape[1], y.shape[1], len(weights.hidden_bias)
    for i in range(0, streams * skips, LANES):
        store(skip, i, larger(load(skip, i), zero))
    multiply(weights, 2 * layers, skip, 0, skips, y, 0, y_row, streams)
    for n in range(streams):
        for i in range(0, lanes, LANES):
            hidden = load(y, n * y_row + i) + load(weights.hidden_bias, i)
            store(scratch.hidden, n * lanes + i, larger(hidden, zero))
    multiply(weights, 2 * layers + 1, scratch.hidden, 0, lanes, y, 0, y_row, streams)


@compiled
def advance(weights, state, scratch, now, frame, bias, given, picks, symbols, x, tails, masses):
    """T steps of a group of n streams from time `now` on.

    Args:
        weights: of the model.
        state: of the group; what comes later starts from it.
        scratch: of the group.
        now: steps that the streams have made.
        frame: steps per bias.
        bias: (n, frames, layers, 2 R), float32.
        given: tails (n, T), float64; not read if `picks` is false.
        picks: whether tails pick the symbols; else `symbols` are given.
        symbols: (n, T) int64.
        x: written, samples (n, T), float32.
        tails: written, tails of the symbols (n, T), float64.
        masses: written, masses of the symbols (n, T), float64.
    """
    levels, (mass, weight, blocks) = (
        len(weights.values),
        (
            scratch.mass,
            scratch.weight,
            scratch.blocks,
        ),
    )
    bias_row, bias_frame = bias[0].size, bias[0, 0].size
    for t in range(symbols.shape[1]):
        stack(weights, state, scratch, now + t, bias, t // frame * bias_frame, bias_row)
        head(weights, scratch, len(state.x))
        for n in range(len(state.x)):
            categories(weights, scratch.product, n * scratch.product.shape[1], mass)
            guard(mass, levels, weight, blocks)
            total = 0.0
            for i in range(DOUBLES):
                total += blocks[i]
            if picks:
                tail = given[n, t]
                symbol = pick(weight, blocks, abs(tail) * total, tail < 0)
                symbols[n, t] = min(symbol, levels - 1)
            symbol = symbols[n, t]
            state.symbol[n] = symbol
            state.x[n] = step(state.x[n], weights.values[symbol], weights.emphasis)
            x[n, t] = state.x[n]
            tails[n, t], masses[n, t] = tail_of(weight, blocks, total, symbol)
