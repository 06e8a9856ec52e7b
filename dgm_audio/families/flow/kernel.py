"""The flow's step compiled for the CPU: the loop over groups of samples, both ways.

The layers' steps are those of `runtime.gated_loops`, which says what makes them fast. Within a
group the network has spoken; the samples follow each other by linear prediction alone.

numba keeps `advance` until this file changes; after a change of a file that it is made of
(`gated_loops`, `vectors`, `_prediction_loops`, `_envelope_loops`) touch this one.
"""

from __future__ import annotations

import math

import numpy as np

from dgm_audio.families.flow.network import LOUDEST, WIDEST
from dgm_audio.runtime.compiled import compiled, part
from dgm_audio.runtime.gated_loops import head, look_ahead, multiply, stack, whole
from dgm_audio.runtime.vectors import LANES, load, store
from dgm_audio.signal._envelope_loops import from_past
from dgm_audio.signal._prediction_loops import RECENT, expect, hear, spread


@part
def recent(memory, stream):
    """The scale that the latest errors suggest."""
    near, far = spread(memory, stream, 0), spread(memory, stream, 1)
    return RECENT * math.sqrt(near * far)


@part
def look(last, scale, recent, features, at):
    """The network's inputs before a group: the last one in units of the scale, and both scales."""
    group = last.shape[1]
    for i in range(group):
        for kind in range(3):
            unit = 8 * scale if kind == 0 else scale
            value = min(max(last[kind, i] / unit, -LOUDEST), LOUDEST)
            features[at + kind * group + i] = np.float32(value)
    features[at + 3 * group] = np.float32(math.log(scale) / 2 + 3)
    ratio = min(max(math.log(recent / scale), -4.0), 4.0)
    features[at + 3 * group + 1] = np.float32(ratio)


@compiled
def advance(weights, state, scratch, now, frame, bias, a, level, hop, given, decodes, x, z):
    """T samples of a group of n streams from sample `now` on.

    Args:
        weights: of the model.
        state: of the streams; what comes later starts from it.
        scratch: of the streams.
        now: samples that the streams have made, a multiple of the group.
        frame: groups per bias.
        bias: (n, frames, layers, 2 R), float32, flat.
        a: coefficients of the envelope (n, hops, P), float64; P = 0 without one.
        level: of u (n, hops), float64; not read without an envelope.
        hop: samples per filter.
        given: latents or samples (n, T), float64.
        decodes: whether they are latents.
        x: written, samples (n, P + T), float64, behind the P of before.
        z: written, latents (n, T), float64.
    """
    layers, streams, group, order = weights.stack, len(given), weights.group, a.shape[2]
    bias_frame, bias_row = len(layers.dilations) * 2 * layers.width, len(bias) // streams
    ring_row, width = len(state.stack.past) // streams, layers.width
    inputs, wide = 3 * group + 2, len(scratch.entered) // streams
    numbers, head_bias = scratch.stack.product, layers.head_bias
    for start in range(0, given.shape[1], group):
        step = (now + start) // group
        look_ahead(layers, state.stack, step, streams)
        for n in range(streams):
            late = recent(state.memory, n)
            scale = level[n, start // hop] if order else late
            look(state.last[n], scale, late, scratch.features, n * inputs)
        features = whole(scratch.features, inputs)
        multiply(weights.input, 0, features, whole(scratch.entered, wide), streams)
        for n in range(streams):
            for i in range(0, width, LANES):
                h = load(scratch.entered, n * wide + i) + load(weights.input_bias, i)
                store(state.stack.past, n * ring_row + i, h)
        at = start // group // frame * bias_frame
        stack(layers, state.stack, scratch.stack, step, streams, bias, at, bias_row)
        head(layers, scratch.stack, streams)
        for n in range(streams):
            for i in range(min(group, given.shape[1] - start)):
                t = start + i
                p = expect(state.memory, n, now + t)
                scale = level[n, t // hop] if order else recent(state.memory, n)
                shift = numbers[n * layers.product + i] + head_bias[i]
                factor = numbers[n * layers.product + group + i] + head_bias[group + i]
                factor = math.exp(WIDEST * math.tanh(factor / WIDEST))
                past = from_past(x[n], order + t, a[n, t // hop])
                if decodes:
                    z[n, t] = given[n, t]
                    x[n, order + t] = past + p + scale * (shift + factor * z[n, t])
                else:
                    x[n, order + t] = given[n, t]
                    z[n, t] = ((given[n, t] - past - p) / scale - shift) / factor
                u = x[n, order + t] - past
                hear(state.memory, n, now + t, np.float32(u), p)
                state.last[n, 0, i] = x[n, order + t]
                state.last[n, 1, i] = u
                state.last[n, 2, i] = u - p
    for n in range(streams):
        state.heard[n] = x[n, x.shape[1] - order :]
