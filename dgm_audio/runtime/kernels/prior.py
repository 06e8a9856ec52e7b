"""The recurrence of `LatentPrior`, compiled: one frame of one sequence after the other.

Numbers are float64; weights that were float32 stay so in memory, for a step is as fast as it reads
them. Every sum has one order, whatever the machine and the batch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dgm_audio.runtime.kernels.compiled import compiled, part
from dgm_audio.runtime.kernels.vectors import DOUBLES, fma, full, load_doubles, store

TILE = 4 * DOUBLES
"""Outputs of a product that are summed up at a time."""


class Weights(NamedTuple):
    """Matrices in tiles (tiles, inputs, TILE), flat, and biases, both with zeros at the end."""

    of_state: np.ndarray
    """From the state to the gates' inputs (3 width), mean and log-scale (D each)."""
    of_code: np.ndarray
    """From the code to the gates' inputs (3 width)."""
    state_bias: np.ndarray
    code_bias: np.ndarray


def tiles(matrix: np.ndarray) -> np.ndarray:
    """A matrix (outputs, inputs) as the products read it."""
    padded = np.pad(matrix, ((0, -len(matrix) % TILE), (0, 0)))
    return np.ascontiguousarray(padded.reshape(-1, TILE, matrix.shape[1]).swapaxes(1, 2)).ravel()


def padded(bias: np.ndarray) -> np.ndarray:
    """A bias (outputs,) in float64, as long as the tiles."""
    return np.pad(bias.astype(np.float64), (0, -len(bias) % TILE))


@part
def product(matrix, bias, x, y):
    """Y = matrix x + bias, of tiles."""
    at = 0
    for out in range(0, len(y), TILE):
        a, b = load_doubles(bias, out), load_doubles(bias, out + DOUBLES)
        c, d = load_doubles(bias, out + 2 * DOUBLES), load_doubles(bias, out + 3 * DOUBLES)
        for i in range(len(x)):
            each = full(x[i])
            a = fma(load_doubles(matrix, at), each, a)
            b = fma(load_doubles(matrix, at + DOUBLES), each, b)
            c = fma(load_doubles(matrix, at + 2 * DOUBLES), each, c)
            d = fma(load_doubles(matrix, at + 3 * DOUBLES), each, d)
            at += TILE
        store(y, out, a)
        store(y, out + DOUBLES, b)
        store(y, out + 2 * DOUBLES, c)
        store(y, out + 3 * DOUBLES, d)


@part
def gate(x):
    """The logistic function."""
    return 1 / (1 + math.exp(-x))


@part
def renew(state, of_state, of_code):
    """The state (width,) of a gated recurrent unit after its code, in place."""
    width = len(state)
    for i in range(width):
        reset = gate(of_code[i] + of_state[i])
        keep = gate(of_code[width + i] + of_state[width + i])
        new = 2 * gate(2 * (of_code[2 * width + i] + reset * of_state[2 * width + i])) - 1  # tanh
        state[i] = new + keep * (state[i] - new)


@compiled
def transform(weights, low, high, state, given, made, inverse):
    """Write the codes of z (N, L, D), or z of codes if `inverse`; update the states (N, width).

    Log-scales are clipped to [low, high].
    """
    width, latent = state.shape[1], given.shape[2]
    of_state, of_code = np.empty_like(weights.state_bias), np.empty_like(weights.code_bias)
    for item in range(len(given)):
        now = state[item]
        for frame in range(given.shape[1]):
            product(weights.of_state, weights.state_bias, now, of_state)
            moments = of_state[3 * width :]
            z, out = given[item, frame], made[item, frame]
            for i in range(latent):
                mean, scale = moments[i], math.exp(min(max(moments[latent + i], low), high))
                out[i] = (z[i] - mean) / scale if inverse else mean + scale * z[i]
            product(weights.of_code, weights.code_bias, z if inverse else out, of_code)

            renew(now, of_state, of_code)
