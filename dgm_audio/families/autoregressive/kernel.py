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

import math
from typing import NamedTuple

import numba
import numpy as np

from dgm_audio.families.autoregressive.distribution import GUARD, MIN_LOGIT, SHARPEST
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
LOWEST, SMALLEST = np.float32(MIN_LOGIT), np.float32(math.exp(MIN_LOGIT))


class Weights(NamedTuple):
    """What does not change. Channels are padded with zeros to multiples of 64 lanes.

    Matrices are, by number: 2 l the present and 2 l + 1 the output of layer l (of L), 2 L the
    hidden layer, 2 L + 1 the head, 2 L + 2 + l the past of layer l.
    """

    width: int
    """R, padded."""
    skip: int
    """S, padded."""
    product: int
    """Rows of the tallest matrix, padded."""
    components: int
    """Logistics in the mixture that the head describes; 0 if it gives logits."""
    packed: np.ndarray
    """All matrices, two tiles after two tiles: 128 outputs of the first input, of the next, ..."""
    scale: np.ndarray
    """What each output of a matrix is multiplied by."""
    places: np.ndarray
    """(matrices, 4): start in `packed`, start in `scale`, inputs, tiles."""
    dilations: np.ndarray
    rings: np.ndarray
    """Where the ring of each layer starts, in rows."""
    embeddings: np.ndarray
    """(K + 256, R) of the last symbol and of the last sample's code."""
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
    """What a group of n streams remembers; all arrays are flat."""

    past: np.ndarray
    """(n, sum of dilations, R) the rings: the input of a layer at time t is in row t mod d."""
    taps: np.ndarray
    """(n, layers, 16, 2 R) products with the past, for the steps t mod 16."""
    symbol: np.ndarray
    x: np.ndarray


class Scratch(NamedTuple):
    """Room for one step of n streams, (n, lanes) each, and for one distribution; flat."""

    product: np.ndarray
    gated: np.ndarray
    skip: np.ndarray
    hidden: np.ndarray
    mass: np.ndarray
    weight: np.ndarray
    blocks: np.ndarray


@numba.njit(nogil=True)
def multiply(packed, scale, place, x, x_at, x_row, y, y_at, y_row, rows):
    """y = M x for `rows` rows of x and y, which lie `x_row` and `y_row` numbers apart."""
    start, scale_at, inputs, tiles = place
    for tile in range(tiles):
        tile_at = start + (tile // 2 * inputs * 2 + tile % 2) * LANES
        factor = load(scale, scale_at + tile * LANES)
        for row in range(0, rows - 3, 4):
            at, to = x_at + row * x_row, y_at + row * y_row + tile * LANES
            a = b = c = d = full(ZERO)
            for i in range(inputs):
                w = load(packed, tile_at + i * 2 * LANES)
                a = fma(w, splat(x, at + i), a)
                b = fma(w, splat(x, at + x_row + i), b)
                c = fma(w, splat(x, at + 2 * x_row + i), c)
                d = fma(w, splat(x, at + 3 * x_row + i), d)
            store(y, to, a * factor)
            store(y, to + y_row, b * factor)
            store(y, to + 2 * y_row, c * factor)
            store(y, to + 3 * y_row, d * factor)
    for row in range(rows - rows % 4, rows):
        for tile in range(0, tiles, 2):
            w_at, at, to = start + tile * inputs * LANES, x_at + row * x_row, y_at + row * y_row
            a = b = full(ZERO)
            for i in range(at, at + inputs):
                one = splat(x, i)
                a = fma(load(packed, w_at), one, a)
                b = fma(load(packed, w_at + LANES), one, b)
                w_at += 2 * LANES
            to += tile * LANES
            store(y, to, a * load(scale, scale_at + tile * LANES))
            store(y, to + LANES, b * load(scale, scale_at + (tile + 1) * LANES))


@numba.njit(nogil=True)
def place(weights, matrix):
    """Where a matrix lies: a row of `Weights.places`."""
    row = weights.places[matrix]
    return row[0], row[1], row[2], row[3]


@numba.njit(nogil=True)
def look_ahead(weights, state, now, streams):
    """The products with the past of layers for which those at hand are used up."""
    layers, width = len(weights.dilations), weights.width
    ring_row, tap_row = len(state.past) // streams, layers * AHEAD * 2 * width
    for layer in range(layers):
        dilation = weights.dilations[layer]
        ahead = min(dilation, AHEAD)
        if now & ahead - 1:
            continue
        matrix = place(weights, 2 * layers + 2 + layer)
        x_at = (weights.rings[layer] + (now & dilation - 1)) * width
        y_at = layer * AHEAD * 2 * width
        by_time = ahead >= 4  # the rows of the product are steps, else they are streams
        x_row, y_row, rows = (width, 2 * width, ahead) if by_time else (ring_row, tap_row, streams)
        x_next, y_next = (ring_row, tap_row) if by_time else (width, 2 * width)
        for i in range(streams if by_time else ahead):
            x, y = x_at + i * x_next, y_at + i * y_next
            multiply(
                weights.packed,
                weights.scale,
                matrix,
                state.past,
                x,
                x_row,
                state.taps,
                y,
                y_row,
                rows,
            )


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
    width = weights.width
    code = len(weights.values) + np.searchsorted(weights.codes, state.x[stream], side="right")
    for i in range(0, width, LANES):
        h = load(weights.embeddings, state.symbol[stream] * width + i)
        store(state.past, to + i, h + load(weights.embeddings, code * width + i))


@numba.njit(nogil=True)
def stack(weights, state, scratch, now, bias, bias_at, bias_row):
    """One step of all layers and streams: h <- h + Wo g, s <- s + Wo g (see `network`)."""
    layers, streams, width = len(weights.dilations), len(state.x), weights.width
    ring_row, tap_row = len(state.past) // streams, layers * AHEAD * 2 * width
    packed, scale, past = weights.packed, weights.scale, state.past
    y, gated, skip = scratch.product, scratch.gated, scratch.skip
    y_row, skips, origin = weights.product, weights.skip, np.int64(0)
    look_ahead(weights, state, now, streams)
    for stream in range(streams):
        embed(weights, state, stream, stream * ring_row)
    skip[:] = ZERO
    for layer in range(layers):
        h = (weights.rings[layer] + (now & weights.dilations[layer] - 1)) * width
        multiply(
            packed, scale, place(weights, 2 * layer), past, h, ring_row, y, origin, y_row, streams
        )
        tap = (layer * AHEAD + (now & min(weights.dilations[layer], AHEAD) - 1)) * 2 * width
        for n in range(streams):
            c = bias_at + n * bias_row + layer * 2 * width
            gate(y, n * y_row, state.taps, tap + n * tap_row, bias, c, gated, n * width, width)
        multiply(
            packed,
            scale,
            place(weights, 2 * layer + 1),
            gated,
            origin,
            width,
            y,
            origin,
            y_row,
            streams,
        )
        if layer + 1 < layers:
            after = (weights.rings[layer + 1] + (now & weights.dilations[layer + 1] - 1)) * width
            for n in range(streams):
                for i in range(0, width, LANES):
                    before = load(past, h + n * ring_row + i)
                    store(past, after + n * ring_row + i, before + load(y, n * y_row + i))
        for n in range(streams):
            for i in range(0, skips, LANES):
                more = load(y, n * y_row + width + i)
                store(skip, n * skips + i, load(skip, n * skips + i) + more)


@numba.njit(nogil=True)
def head(weights, scratch, streams):
    """W4 relu(W3 relu(s) + b3), into `scratch.product`."""
    layers, zero = len(weights.dilations), full(ZERO)
    packed, scale, y, skip = weights.packed, weights.scale, scratch.product, scratch.skip
    skips, y_row, lanes = weights.skip, weights.product, len(weights.hidden_bias)
    origin = np.int64(0)
    for i in range(0, streams * skips, LANES):
        store(skip, i, larger(load(skip, i), zero))
    multiply(
        packed, scale, place(weights, 2 * layers), skip, origin, skips, y, origin, y_row, streams
    )
    for n in range(streams):
        for i in range(0, lanes, LANES):
            hidden = load(y, n * y_row + i) + load(weights.hidden_bias, i)
            store(scratch.hidden, n * lanes + i, larger(hidden, zero))
    numbers = place(weights, 2 * layers + 1)
    multiply(packed, scale, numbers, scratch.hidden, origin, lanes, y, origin, y_row, streams)


@compiled
def advance(weights, state, scratch, now, frame, bias, given, picks, symbols, x, tails, masses):
    """T steps of a group of n streams from time `now` on.

    Args:
        weights: of the model.
        state: of the group; what comes later starts from it.
        scratch: of the group.
        now: steps that the streams have made.
        frame: steps per bias.
        bias: (n, frames, layers, 2 R), float32, flat.
        given: tails (n, T), float64; not read if `picks` is false.
        picks: whether tails pick the symbols; else `symbols` are given.
        symbols: (n, T) int64.
        x: written, samples (n, T), float32.
        tails: written, tails of the symbols (n, T), float64.
        masses: written, masses of the symbols (n, T), float64.
    """
    streams, levels = len(state.x), len(weights.values)
    mass, weight, blocks = scratch.mass, scratch.weight, scratch.blocks
    bias_frame, bias_row = len(weights.dilations) * 2 * weights.width, len(bias) // streams
    for t in range(symbols.shape[1]):
        stack(weights, state, scratch, now + t, bias, t // frame * bias_frame, bias_row)
        head(weights, scratch, streams)
        for n in range(streams):
            if weights.components:
                logistics(weights, scratch.product, n * weights.product, mass)
            else:
                categories(weights, scratch.product, n * weights.product, mass)
            guard(mass, levels, weight, blocks)
            total = 0.0
            for i in range(DOUBLES):
                total += blocks[i]
            symbol = symbols[n, t]
            if picks:
                tail = given[n, t]
                symbol = min(pick(weight, blocks, abs(tail) * total, tail < 0), levels - 1)
            before = state.x[n]
            state.symbol[n] = symbols[n, t] = symbol
            state.x[n] = x[n, t] = step(before, weights.values[symbol], weights.emphasis)
            tails[n, t], masses[n, t] = tail_of(weight, blocks, total, symbol)
