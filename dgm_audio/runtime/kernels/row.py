"""Layers over few rows of numbers, compiled: a weight is read once, whatever the number of rows.

Weights lie as PyTorch keeps them. Four outputs that lie far apart are made at a time, so that
memory is read in four streams, which processors foresee; neighbouring outputs take twice as long.
Sums over inputs are taken in the order that suits the processor's wide registers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled
from dgm_audio.runtime.kernels.vectors import LANES, exp, full, load, store

ZERO, ONE = np.float32(0), np.float32(1)
SLOPE, BEND = np.float32(-math.sqrt(8 / math.pi)), np.float32(0.044715)


def summing(function: Callable) -> Any:
    """A part of compiled functions whose sums may be taken in any order."""
    order = {"reassoc", "contract", "nsz"}
    return numba.njit(nogil=True, error_model="numpy", fastmath=order)(function)


@summing
def multiply(x, weight, bias, y):
    """Y = x weight^T + bias, in tiles of 2 rows and 4 outputs; the last ones may be made twice."""
    last_row, last, step = len(x) - 1, len(weight) - 1, (len(weight) + 3) // 4
    for a in range(step):
        b, c, d = min(a + step, last), min(a + 2 * step, last), min(a + 3 * step, last)
        of_a, of_b, of_c, of_d = weight[a], weight[b], weight[c], weight[d]
        for row in range(0, len(x), 2):
            after = min(row + 1, last_row)
            p, q = x[row], x[after]
            pa = pb = pc = pd = qa = qb = qc = qd = ZERO
            for i in range(len(p)):
                pa += of_a[i] * p[i]
                pb += of_b[i] * p[i]
                pc += of_c[i] * p[i]
                pd += of_d[i] * p[i]
                qa += of_a[i] * q[i]
                qb += of_b[i] * q[i]
                qc += of_c[i] * q[i]
                qd += of_d[i] * q[i]
            y[row, a], y[row, b] = pa + bias[a], pb + bias[b]
            y[row, c], y[row, d] = pc + bias[c], pd + bias[d]
            y[after, a], y[after, b] = qa + bias[a], qb + bias[b]
            y[after, c], y[after, d] = qc + bias[c], qd + bias[d]


@summing
def normalise(row, scale, shift, epsilon):
    """The layer norm of a row, in place."""
    mean = variance = ZERO
    for i in range(len(row)):
        mean += row[i]
    mean /= np.float32(len(row))
    for i in range(len(row)):
        variance += (row[i] - mean) * (row[i] - mean)
    factor = ONE / np.sqrt(variance / np.float32(len(row)) + np.float32(epsilon))
    for i in range(len(row)):
        row[i] = (row[i] - mean) * factor * scale[i] + shift[i]


@summing
def gelu(x):
    """x / (1 + exp(-sqrt(8 / pi) (x + 0.044715 x^3))) of whole vectors, in place."""
    one = full(ONE)
    for at in range(0, len(x), LANES):
        u = load(x, at)
        inner = full(SLOPE) * (u + full(BEND) * u * u * u)
        store(x, at, u / (one + exp(inner)))


@compiled
def linear(x, weight, bias, y):
    """Write the output y (rows, outputs) of a linear layer of rows x (rows, inputs)."""
    multiply(x, weight, bias, y)


@summing
def convolve(x, past, frame, taps, bias, row):
    """Write the output of a causal depthwise convolution for a frame of x (L, width)."""
    for i in range(len(row)):
        row[i] = bias[i]
    for tap in range(len(taps)):
        at = frame + tap - len(past)
        seen = x[at] if at >= 0 else past[len(past) + at]
        for i in range(len(row)):
            row[i] += seen[i] * taps[tap, i]


@compiled
def normed(x, scale, shift, epsilon):
    """The layer norms of rows (rows, width), in place."""
    for row in range(len(x)):
        normalise(x[row], scale, shift, epsilon)


@compiled
def block(x, y, past, kept, epsilon, taps, bias, scale, shift, widen, widened, narrow, narrowed):
    """Write y, the output of a `CausalBlock` of x (N, L, width), and kept, its next past.

    Weights and biases are in the order of use; past, kept: (N, P, width), taps: (P + 1, width).
    """
    items, frames, width = x.shape
    rows, hidden = items * frames, len(widen)
    mixed = np.empty((rows, width), np.float32)
    for row in range(rows):
        item, frame = row // frames, row % frames
        convolve(x[item], past[item], frame, taps, bias, mixed[row])
        normalise(mixed[row], scale, shift, epsilon)
    room = np.zeros((rows * hidden + LANES - 1) // LANES * LANES, np.float32)
    wide = room[: rows * hidden].reshape(rows, hidden)
    multiply(mixed, widen, widened, wide)
    gelu(room)
    multiply(wide, narrow, narrowed, mixed)
    y[:] = x + mixed.reshape(x.shape)
    for at in range(past.shape[1]):
        old = at + frames
        for item in range(items):
            seen = past[item, old] if old < past.shape[1] else x[item, old - past.shape[1]]
            kept[item, at] = seen
