"""The model's weights, and the memory of its streams, as the compiled kernel wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive.expectation import spread_edges
from dgm_audio.families.autoregressive.network import POSITIONS, GatedLayer, position_codes
from dgm_audio.runtime.vectors import DOUBLES, LANES

if TYPE_CHECKING:
    from dgm_audio.families.autoregressive.wavenet import WaveNet
    from dgm_audio.signal._prediction_loops import Memory

AHEAD = 16
"""Steps whose products with the past are taken at once."""
NEVER = -1e30
"""The logit of a symbol that there is not."""


class Matrices(NamedTuple):
    """Of L layers: 2 l the present and 2 l + 1 the output of layer l, 2 L + 2 + l its past.

    2 L is the hidden layer, 2 L + 1 the head.
    """

    packed: np.ndarray
    """Float32 or int16: 128 outputs of the first input, of the next, ...; then 128 more outputs."""
    scale: np.ndarray
    """What each output is multiplied by."""
    places: np.ndarray
    """(matrices, 4): start in `packed`, start in `scale`, inputs, tiles of 64 outputs."""


class Weights(NamedTuple):
    """What does not change. Channels are padded with zeros to multiples of 64, arrays are flat."""

    width: int
    """R, padded."""
    skip: int
    """S, padded."""
    product: int
    """Outputs of the tallest matrix, padded."""
    components: int
    """Logistics in the mixture that the head describes; 0 if it gives logits."""
    matrices: Matrices
    dilations: np.ndarray
    rings: np.ndarray
    """Where the ring of each layer starts, in rows."""
    embeddings: np.ndarray
    """(2 K + 256 + 128, R) the tables of all codes, one after the other."""
    codes: np.ndarray
    """(255,) the samples at which the next code starts."""
    differences: np.ndarray
    """(K - 1,) the differences at which the next symbol starts."""
    spreads: np.ndarray
    """(63,) the mean errors at which the next code starts."""
    edges: np.ndarray
    """(lanes + 64,) where each symbol's differences start, in the order of `guard`."""
    hidden_bias: np.ndarray
    head_bias: np.ndarray
    values: np.ndarray
    """(K,) differences (see `DifferentialMuLaw`)."""
    emphasis: np.float32


class State(NamedTuple):
    """What a group of n streams remembers; the first two are flat."""

    past: np.ndarray
    """(n, sum of dilations, R) the rings: the input of a layer at time t is in row t mod d."""
    taps: np.ndarray
    """(n, layers, 16, 2 R) products with the past, for the steps t mod 16."""
    symbol: np.ndarray
    x: np.ndarray
    memory: Memory
    """What linear prediction remembers."""
    predicted: np.ndarray
    """(n,) its prediction of the sample at hand."""
    expected: np.ndarray
    """(n, 3) expected difference, and mean errors."""


class Scratch(NamedTuple):
    """Room for one step of n streams, (n, channels) each, and for one distribution; flat."""

    product: np.ndarray
    gated: np.ndarray
    skip: np.ndarray
    hidden: np.ndarray
    mixture: np.ndarray
    """(M, 3) weights, means and inverse scales."""
    mass: np.ndarray
    odds: np.ndarray
    weight: np.ndarray
    blocks: np.ndarray


def up(count: int, unit: int = LANES) -> int:
    """The next multiple of a unit."""
    return -(-count // unit) * unit


def aligned(shape: tuple[int, ...], kind: type) -> np.ndarray:
    """Zeros that start at a cache line."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    room = np.zeros(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(kind).reshape(shape)


def rows(part: Tensor, count: int) -> Tensor:
    """A matrix or vector with rows of zeros added up to `count`."""
    return torch.cat([part, part.new_zeros(count - len(part), *part.shape[1:])])


def pack(model: WaveNet, kind: Literal["float32", "int16"]) -> Weights:
    """A model's weights in this layout."""
    network, config = model.network, model.config
    width = config.width
    wide, pair = up(width), 2 * LANES
    head, head_bias = network.head.weight, network.head.bias
    symbols, real = symbol_places(config.levels)
    if config.output == "categorical":
        head = torch.where(real[:, None], head[symbols], 0)
        head_bias = torch.where(real, head_bias[symbols], NEVER)

    def two(matrix: Tensor) -> Tensor:
        """Halves of rows, each padded."""
        return torch.cat([rows(half, wide) for half in matrix.split(width)])

    layers, matrices = cast("list[GatedLayer]", list(network.layers)), []
    for layer in layers:
        out = layer.out.weight
        matrices += [two(layer.present.weight), torch.cat([rows(out[:width], wide), out[width:]])]
    matrices += [network.hidden.weight, head]
    matrices += [two(layer.past.weight) for layer in layers]
    packed, scales, places = [], [], []
    for matrix in matrices:
        matrix = rows(matrix.detach().float(), up(len(matrix), pair)).numpy()
        scale = np.ones(len(matrix), np.float32)
        if kind == "int16":
            scale = np.maximum(np.abs(matrix).max(1), 1e-30).astype(np.float32) / 32767
            matrix = np.rint(matrix / scale[:, None])
        places.append(
            (sum(map(len, packed)), sum(map(len, scales)), matrix.shape[1], len(matrix) // LANES)
        )
        packed.append(matrix.reshape(-1, pair, matrix.shape[1]).transpose(0, 2, 1).reshape(-1))
        scales.append(scale)

    def copy(part: Tensor | np.ndarray, kind: type = np.float32) -> np.ndarray:
        array = part.detach().float().numpy() if isinstance(part, Tensor) else part
        result = aligned(array.shape, kind)
        result[:] = array
        return result

    dilations = np.array([layer.dilation for layer in layers])
    embeddings = torch.cat([table.weight for table in network.embeddings])
    lanes = up(len(head_bias) if config.output == "categorical" else len(symbols), pair)
    return Weights(
        width=wide,
        skip=places[1][3] * LANES - wide,
        components=config.components if config.output == "logistics" else 0,
        product=max(tiles for *_, tiles in places) * LANES,
        matrices=Matrices(
            packed=copy(np.concatenate(packed), np.float32 if kind == "float32" else np.int16),
            scale=copy(np.concatenate(scales)),
            places=np.array(places),
        ),
        dilations=dilations,
        rings=np.cumsum(dilations) - dilations,
        embeddings=copy(rows(embeddings.T, wide).T.flatten()),
        codes=code_starts(),
        differences=model.edges[1:-1].numpy(),
        spreads=spread_edges().numpy(),
        edges=copy(placed(model.edges, lanes)),
        hidden_bias=copy(rows(network.hidden.bias, up(len(network.hidden.bias), pair))),
        head_bias=copy(
            F.pad(head_bias, (0, up(len(head_bias), pair) - len(head_bias)), value=NEVER)
        ),
        values=model.codec.values().numpy(),
        emphasis=np.float32(model.codec.emphasis),
    )


def symbol_places(levels: int) -> tuple[Tensor, Tensor]:
    """The symbol at each place in the order of `guard`, and whether there is one."""
    count = -(-levels // DOUBLES)
    place = torch.arange(up(count * DOUBLES))
    symbol = place % DOUBLES * count + place // DOUBLES
    real = (symbol < levels) & (place < count * DOUBLES)
    return torch.where(real, symbol, 0), real


def placed(edges: Tensor, lanes: int) -> Tensor:
    """Edges (K + 1,) in the order of `guard`, with one more row of 16: where the last ones end."""
    levels = len(edges) - 1
    count, place = -(-levels // DOUBLES), torch.arange(lanes + LANES)
    symbol = place % DOUBLES * count + place // DOUBLES
    return edges[torch.where(place < (count + 1) * DOUBLES, symbol, levels).clamp(max=levels)]


def code_starts() -> np.ndarray:
    """The smallest sample of each mu-law code from 1 on (255,), float32.

    Found by halving intervals of the integers that floats in order are.
    """
    codes = torch.arange(1, POSITIONS)
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


def new_state(weights: Weights, model: WaveNet, streams: int) -> State:
    """The state of streams before their first sample."""
    steps = len(weights.dilations) * AHEAD
    return State(
        past=aligned((streams * int(weights.dilations.sum()) * weights.width,), np.float32),
        taps=aligned((streams * steps * 2 * weights.width,), np.float32),
        symbol=np.full(streams, model.codec.silence),
        x=np.zeros(streams, np.float32),
        memory=model.predictor.memory(streams),
        predicted=np.zeros(streams, np.float32),
        expected=np.zeros((streams, 3), np.float32),
    )


def new_scratch(weights: Weights, streams: int) -> Scratch:
    """Room for one step."""
    symbols = up(len(weights.values), DOUBLES)
    return Scratch(
        product=aligned((streams * weights.product,), np.float32),
        gated=aligned((streams * weights.width,), np.float32),
        skip=aligned((streams * weights.skip,), np.float32),
        hidden=aligned((streams * len(weights.hidden_bias),), np.float32),
        mixture=np.zeros((weights.components or 2, 3), np.float32),
        mass=aligned((len(weights.edges) - LANES,), np.float32),
        odds=aligned((len(weights.edges),), np.float32),
        weight=aligned((symbols,), np.float64),
        blocks=aligned((3 * DOUBLES,), np.float64),
    )
