"""A step of a `GatedStack` compiled for the CPU, for a group of streams.

What makes it fast:
- Only what a step needs is computed. A layer keeps its last d inputs in a ring.
- Weights lie in the order in which they are read, 128 outputs of one input beside each other, so a
  product of matrix and vector is a walk through memory: load 64 weights, spread one input, add.
- Four streams share a loaded weight: four sums of 64 numbers just fit into the registers. One
  stream alone takes two times 64 outputs at once instead, or it would wait for each sum.
- A layer's past input is known d steps ahead, so its products are taken for min(d, 16) steps at
  once: those weights are read 16 times more rarely.

Every sum runs over the inputs in the same order, with one rounding each, whatever the tile. So a
stream's result depends neither on its neighbours nor on how the work is cut, bit for bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dgm_audio.runtime.kernels.compiled import inlined, part
from dgm_audio.runtime.kernels.constants import AHEAD
from dgm_audio.runtime.kernels.vectors import LANES, exp, fma, full, larger, load, splat, store

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


class Rows(NamedTuple):
    """Rows of an array that lie `row` numbers apart, the first at `at`."""

    array: np.ndarray
    at: int
    row: int


@part
def whole(array, row):
    """Rows from the start of an array."""
    zero: Any = np.int64(0)
    return Rows(array, zero, row)  # a plain 0 would be a type of its own


@inlined
def multiply(matrices, number, x, y, rows):
    """y = M x, row by row."""
    packed, scale, places = matrices
    start, scale_at = places[number, 0], places[number, 1]
    inputs, tiles = places[number, 2], places[number, 3]
    for tile in range(tiles):
        tile_at = start + (tile // 2 * inputs * 2 + tile % 2) * LANES
        factor = load(scale, scale_at + tile * LANES)
        for row in range(0, rows - 3, 4):
            at, to = x.at + row * x.row, y.at + row * y.row + tile * LANES
            a = b = c = d = full(ZERO)
            for i in range(inputs):
                w = load(packed, tile_at + i * 2 * LANES)
                a = fma(w, splat(x.array, at + i), a)
                b = fma(w, splat(x.array, at + x.row + i), b)
                c = fma(w, splat(x.array, at + 2 * x.row + i), c)
                d = fma(w, splat(x.array, at + 3 * x.row + i), d)
            store(y.array, to, a * factor)
            store(y.array, to + y.row, b * factor)
            store(y.array, to + 2 * y.row, c * factor)
            store(y.array, to + 3 * y.row, d * factor)
    for row in range(rows - rows % 4, rows):
        for tile in range(0, tiles, 2):
            at, to = x.at + row * x.row, y.at + row * y.row + tile * LANES
            a = b = full(ZERO)
            w_at = start + tile * inputs * LANES
            for i in range(at, at + inputs):
                one = splat(x.array, i)
                a = fma(load(packed, w_at), one, a)
                b = fma(load(packed, w_at + LANES), one, b)
                w_at += 2 * LANES
            store(y.array, to, a * load(scale, scale_at + tile * LANES))
            store(y.array, to + LANES, b * load(scale, scale_at + (tile + 1) * LANES))


@part
def look_ahead(weights, state, now, streams):
    """The products with the past of layers for which those at hand are used up."""
    layers, width, rings = len(weights.dilations), weights.width, weights.rings
    ring_row, tap_row = len(state.past) // streams, len(state.taps) // streams
    for layer in range(layers):
        dilation = weights.dilations[layer]
        ahead = min(dilation, AHEAD)
        if now & ahead - 1:
            continue
        x_at, y_at = (rings[layer] + (now & dilation - 1)) * width, layer * AHEAD * 2 * width
        by_time = ahead >= 4  # the rows of a product are steps, else they are streams
        x_row, y_row = (width, 2 * width) if by_time else (ring_row, tap_row)
        x_next, y_next = (ring_row, tap_row) if by_time else (width, 2 * width)
        rows, products = (ahead, streams) if by_time else (streams, ahead)
        for i in range(products):
            x = Rows(state.past, x_at + i * x_next, x_row)
            y = Rows(state.taps, y_at + i * y_next, y_row)
            multiply(weights.matrices, 2 * layers + 2 + layer, x, y, rows)


@part
def gate(y, y_at, taps, taps_at, bias, bias_at, gated, to, width):
    """tanh(a) sigmoid(b) = (1 - e^-2a) / ((1 + e^-2a) (1 + e^-b)) for a layer of one stream."""
    one = full(ONE)
    for i in range(0, width, LANES):
        a = load(y, y_at + i) + load(taps, taps_at + i) + load(bias, bias_at + i)
        j = i + width
        b = load(y, y_at + j) + load(taps, taps_at + j) + load(bias, bias_at + j)
        u, v = exp(a * full(-TWO)), exp(full(ZERO) - b)
        store(gated, to + i, (one - u) / ((one + u) * (one + v)))


@part
def stack(weights, state, scratch, now, streams, bias, bias_at, bias_row):
    """One step of all layers and streams: h <- h + Wo g, s <- s + Wo g (see `nn.gated`).

    Before it, `look_ahead`; then the streams' inputs, each at the start of its rings.
    """
    layers, width = len(weights.dilations), weights.width
    ring_row, tap_row = len(state.past) // streams, len(state.taps) // streams
    y, gated, skip, past = scratch.product, scratch.gated, scratch.skip, state.past
    y_row, skips = weights.product, weights.skip
    for i in range(0, streams * skips, LANES):
        store(skip, i, full(ZERO))
    for layer in range(layers):
        dilation = weights.dilations[layer]
        h = (weights.rings[layer] + (now & dilation - 1)) * width
        x = Rows(past, h, ring_row)
        multiply(weights.matrices, 2 * layer, x, whole(y, y_row), streams)
        tap = (layer * AHEAD + (now & min(dilation, AHEAD) - 1)) * 2 * width
        for n in range(streams):
            c = bias_at + n * bias_row + layer * 2 * width
            gate(y, n * y_row, state.taps, tap + n * tap_row, bias, c, gated, n * width, width)
        multiply(weights.matrices, 2 * layer + 1, whole(gated, width), whole(y, y_row), streams)
        if layer + 1 < layers:
            after = weights.rings[layer + 1] + (now & weights.dilations[layer + 1] - 1)
            for n in range(streams):
                to = n * ring_row + after * width
                for i in range(0, width, LANES):
                    before = load(past, h + n * ring_row + i)
                    store(past, to + i, before + load(y, n * y_row + i))
        for n in range(streams):
            for i in range(0, skips, LANES):
                more = load(y, n * y_row + width + i)
                store(skip, n * skips + i, load(skip, n * skips + i) + more)


@part
def head(weights, scratch, streams):
    """W4 relu(W3 relu(s) + b3), into `scratch.product`."""
    layers, zero, y, skip = len(weights.dilations), full(ZERO), scratch.product, scratch.skip
    y_row, lanes = weights.product, len(weights.hidden_bias)
    for i in range(0, streams * weights.skip, LANES):
        store(skip, i, larger(load(skip, i), zero))
    multiply(weights.matrices, 2 * layers, whole(skip, weights.skip), whole(y, y_row), streams)
    for n in range(streams):
        for i in range(0, lanes, LANES):
            hidden = load(y, n * y_row + i) + load(weights.hidden_bias, i)
            store(scratch.hidden, n * lanes + i, larger(hidden, zero))
    hidden = whole(scratch.hidden, lanes)
    multiply(weights.matrices, 2 * layers + 1, hidden, whole(y, y_row), streams)
