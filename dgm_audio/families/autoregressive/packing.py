"""The model's weights and the state of its streams in the layout of the compiled kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_audio.families.autoregressive.contract import SteppedModel
from dgm_audio.families.autoregressive.lpc_prior import spread_edges
from dgm_audio.families.autoregressive.network import POSITIONS, position_codes
from dgm_audio.nn.gated_packing import (
    Precision,
    StackScratch,
    StackState,
    StackWeights,
    aligned,
    kept,
    new_stack_scratch,
    new_stack_state,
    pack_stack,
    rows,
    up,
)
from dgm_audio.runtime.kernels.vectors import DOUBLES, LANES

if TYPE_CHECKING:
    from dgm_audio.runtime.kernels.prediction import Memory

NEVER = -1e30
"""The logit of places that hold no symbol."""


class Weights(NamedTuple):
    """The model's weights and tables; arrays are flat."""

    stack: StackWeights
    components: int
    """Logistics in the mixture that the head describes; 0 if it gives logits."""
    embeddings: np.ndarray
    """(2 K + 256 + 192, R) the tables of all codes, one after the other."""
    codes: np.ndarray
    """(255,) the samples at which the next code starts."""
    differences: np.ndarray
    """(K - 1,) the differences at which the next symbol starts."""
    spreads: np.ndarray
    """(63,) the mean errors at which the next code starts."""
    edges: np.ndarray
    """(lanes + 64,) where each symbol's differences start, in the order of `guard`."""
    values: np.ndarray
    """(K,) differences (see `DifferentialMuLaw`)."""
    emphasis: np.float32


class State(NamedTuple):
    """The state of a group of n streams."""

    stack: StackState
    symbol: np.ndarray
    x: np.ndarray
    memory: Memory
    """The state of linear prediction."""
    predicted: np.ndarray
    """(n,) the prediction of the current sample."""
    prior: np.ndarray
    """(n, 4) predicted difference, and mean errors (see `LPCPrior`)."""


class Scratch(NamedTuple):
    """Room for one step of the streams, and for one distribution."""

    stack: StackScratch
    mixture: np.ndarray
    """(M, 3) weights, means and inverse scales."""
    mass: np.ndarray
    odds: np.ndarray
    weight: np.ndarray
    blocks: np.ndarray


def pack(model: SteppedModel, precision: Precision) -> Weights:
    """A model's weights in this layout."""
    network, config = model.network, model.config
    head, bias = network.head.weight, network.head.bias
    symbols, real = symbol_places(config.levels)
    if config.output == "categorical":
        head = torch.where(real[:, None], head[symbols], 0)
        bias = torch.where(real, bias[symbols], NEVER)
    tables = torch.cat([table.weight for table in network.embeddings])
    return Weights(
        stack=pack_stack(network, precision, (head, bias)),
        components=config.components if config.output == "logistics" else 0,
        embeddings=kept(rows(tables.T, up(config.width)).T.flatten()),
        codes=code_starts(),
        differences=model.edges[1:-1].numpy(),
        spreads=spread_edges().numpy(),
        edges=kept(placed(model.edges, up(len(symbols), 2 * LANES))),
        values=model.codec.values().numpy(),
        emphasis=np.float32(model.codec.emphasis),
    )


def symbol_places(levels: int) -> tuple[Tensor, Tensor]:
    """The symbol at each place in the order of `guard`, and whether there is one."""
    count = -(-levels // DOUBLES)
    place = torch.arange(up(count * DOUBLES), device="cpu")
    symbol = place % DOUBLES * count + place // DOUBLES
    real = (symbol < levels) & (place < count * DOUBLES)
    return torch.where(real, symbol, 0), real


def placed(edges: Tensor, lanes: int) -> Tensor:
    """Edges (K + 1,) in the order of `guard`, with one more row of 16: where the last ones end."""
    levels = len(edges) - 1
    count, place = -(-levels // DOUBLES), torch.arange(lanes + LANES, device="cpu")
    symbol = place % DOUBLES * count + place // DOUBLES
    return edges[torch.where(place < (count + 1) * DOUBLES, symbol, levels).clamp(max=levels)]


def code_starts() -> np.ndarray:
    """The smallest sample of each mu-law code from 1 on (255,), float32.

    Found by halving intervals of the integers that floats in order are.
    """
    codes = torch.arange(1, POSITIONS, device="cpu")
    low = torch.full_like(codes, -(0x3F800000), dtype=torch.int64)
    high = -low
    while bool((low < high).any()):
        middle = (low + high) // 2
        reached = position_codes(_float_of(middle)) >= codes
        high, low = torch.where(reached, middle, high), torch.where(reached, low, middle + 1)
    return _float_of(low).numpy()


def _float_of(order: Tensor) -> Tensor:
    """The float32 that is `order` steps of one ulp above 0."""
    size = order.abs().int().view(torch.float32)
    return torch.where(order < 0, -size, size)


def new_state(weights: Weights, model: SteppedModel, streams: int) -> State:
    """The state of streams before their first sample."""
    return State(
        stack=new_stack_state(weights.stack, streams),
        symbol=np.full(streams, model.codec.silence),
        x=np.zeros(streams, np.float32),
        memory=model.predictor.memory(streams),
        predicted=np.zeros(streams, np.float32),
        prior=np.zeros((streams, 4), np.float32),
    )


def new_scratch(weights: Weights, streams: int) -> Scratch:
    """Room for one step."""
    symbols = up(len(weights.values), DOUBLES)
    return Scratch(
        stack=new_stack_scratch(weights.stack, streams),
        mixture=np.zeros((weights.components or 2, 3), np.float32),
        mass=aligned((len(weights.edges) - LANES,), np.float32),
        odds=aligned((len(weights.edges),), np.float32),
        weight=aligned((symbols,), np.float64),
        blocks=aligned((3 * DOUBLES,), np.float64),
    )
