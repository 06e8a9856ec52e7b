"""The flow's weights, and the memory of its streams, as the compiled kernel wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dgm_audio.families.flow.network import features_of
from dgm_audio.runtime.gated_packing import (
    Matrices,
    Precision,
    StackScratch,
    StackState,
    StackWeights,
    aligned,
    kept,
    new_stack_scratch,
    new_stack_state,
    pack_matrices,
    pack_stack,
    rows,
    up,
)

if TYPE_CHECKING:
    from dgm_audio.families.flow.flow import PredictiveFlow
    from dgm_audio.signal._prediction_loops import Memory


class Weights(NamedTuple):
    """What does not change."""

    stack: StackWeights
    input: Matrices
    input_bias: np.ndarray
    group: int


class State(NamedTuple):
    """What a group of n streams remembers."""

    stack: StackState
    memory: Memory
    """What linear prediction remembers of u."""
    heard: np.ndarray
    """(n, P) the last samples, float64."""
    last: np.ndarray
    """(n, 3, N) x, u and u - p of the last group of samples, float64."""


class Scratch(NamedTuple):
    """Room for one step of the streams; flat."""

    stack: StackScratch
    features: np.ndarray
    entered: np.ndarray


def pack(model: PredictiveFlow, precision: Precision) -> Weights:
    """A model's weights in this layout."""
    network = model.network
    return Weights(
        stack=pack_stack(network, precision),
        input=pack_matrices([network.input.weight], precision),
        input_bias=kept(rows(network.input.bias, up(len(network.input.bias)))),
        group=network.group,
    )


def new_state(weights: Weights, model: PredictiveFlow, streams: int) -> State:
    """The state of streams before their first sample."""
    return State(
        stack=new_stack_state(weights.stack, streams),
        memory=model.predictor.memory(streams),
        heard=np.zeros((streams, model.order)),
        last=np.zeros((streams, 3, weights.group)),
    )


def new_scratch(weights: Weights, streams: int) -> Scratch:
    """Room for one step."""
    return Scratch(
        stack=new_stack_scratch(weights.stack, streams),
        features=aligned((streams * features_of(weights.group),), np.float32),
        entered=aligned((streams * weights.input.places[0, 3] * 64,), np.float32),
    )
