"""The WaveNet step compiled for the CPU: the loop over time for a group of streams.

The layers' steps are those of `runtime.kernels.gated`, which says what makes them fast.

numba keeps `advance` until this file changes; after a change of a file that it is made of
(`wavenet_symbols`, `wavenet_mixture`, `gated`, `vectors`, ...) touch this one.

"""

from __future__ import annotations

from dgm_audio.runtime.kernels.compiled import compiled, part
from dgm_audio.runtime.kernels.differential import step
from dgm_audio.runtime.kernels.gated import head, look_ahead, stack
from dgm_audio.runtime.kernels.prediction import update
from dgm_audio.runtime.kernels.wavenet_mixture import (
    categories,
    embed,
    floor,
    logistics,
    masses,
    predict,
    uncorrected,
)
from dgm_audio.runtime.kernels.wavenet_symbols import guard, pick, tail_of, total_of


@part
def distribution(weights, prior, scratch, at):
    """The masses of one stream's symbols, into `scratch.mass`."""
    mixture, mass = scratch.mixture, scratch.mass
    if weights.components:
        logistics(weights, prior, scratch.stack.product, at, mixture)
    else:
        uncorrected(prior, mixture)
    masses(mixture, weights.edges, scratch.odds, mass)
    if not weights.components:
        categories(weights, scratch.stack.product, at, mass)
    floor(mass)


@compiled
def advance(weights, state, scratch, now, frame, bias, given, picks, symbols, x, tails, chances):
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
        chances: written, masses of the symbols (n, T), float64.
    """
    layers, streams, levels = weights.stack, len(state.x), len(weights.values)
    mass, weight, blocks = scratch.mass, scratch.weight, scratch.blocks
    bias_frame, bias_row = len(layers.dilations) * 2 * layers.width, len(bias) // streams
    ring_row = len(state.stack.past) // streams
    for t in range(symbols.shape[1]):
        look_ahead(layers, state.stack, now + t, streams)
        for n in range(streams):
            predict(weights, state, n, now + t)
            embed(weights, state, n, n * ring_row)
        at = t // frame * bias_frame
        stack(layers, state.stack, scratch.stack, now + t, streams, bias, at, bias_row)
        head(layers, scratch.stack, streams)
        for n in range(streams):
            distribution(weights, state.prior[n], scratch, n * layers.product)
            guard(mass, levels, weight, blocks)
            total = total_of(blocks)
            symbol = symbols[n, t]
            if picks:
                tail = given[n, t]
                symbol = min(pick(weight, blocks, abs(tail) * total, tail < 0), levels - 1)
            before = state.x[n]
            state.symbol[n] = symbols[n, t] = symbol
            state.x[n] = x[n, t] = step(before, weights.values[symbol], weights.emphasis)
            update(state.memory, n, now + t, x[n, t], state.predicted[n])
            tails[n, t], chances[n, t] = tail_of(weight, blocks, total, symbol)
