"""The weights of a `GatedStack`, and the memory of its streams, as `gated_loops` wants them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.nn.gated import GatedStack
from dgm_audio.runtime.kernels.constants import AHEAD
from dgm_audio.runtime.kernels.vectors import LANES

Precision = Literal["float32", "int16"]
"""Of packed weights; int16 rounds each row of a matrix to 16 bits and so halves what is read."""


class Matrices(NamedTuple):
    """Matrices behind each other, flat."""

    packed: np.ndarray
    """Float32 or int16: 128 outputs of the first input, of the next, ...; then 128 more outputs."""
    scale: np.ndarray
    """Factor on each output."""
    places: np.ndarray
    """(matrices, 4): start in `packed`, start in `scale`, inputs, tiles of 64 outputs."""


class StackWeights(NamedTuple):
    """The stack's weights. Channels are padded with zeros to multiples of 64, arrays are flat."""

    width: int
    """R, padded."""
    skip: int
    """S, padded."""
    product: int
    """Outputs of the tallest matrix, padded."""
    matrices: Matrices
    """Of L layers: 2 l the present and 2 l + 1 the output of layer l, 2 L + 2 + l its past; 2 L is
    the hidden layer, 2 L + 1 the head."""
    dilations: np.ndarray
    rings: np.ndarray
    """Where the ring of each layer starts, in rows."""
    hidden_bias: np.ndarray
    head_bias: np.ndarray

    @property
    def flops_per_step(self) -> float:
        """Floating-point operations of a stream's matrix products per step."""
        places = self.matrices.places
        return float(2 * LANES * (places[:, 2] * places[:, 3]).sum())

    @property
    def bytes_per_step(self) -> float:
        """Bytes of packed weights that a group of streams reads per step."""
        places, ahead = self.matrices.places, np.minimum(self.dilations, AHEAD)
        numbers = LANES * places[:, 2] * places[:, 3]
        per_step = numbers[: -len(ahead)].sum() + (numbers[-len(ahead) :] / ahead).sum()
        return float(per_step * self.matrices.packed.itemsize)


class StackState(NamedTuple):
    """The state of a group of n streams; flat."""

    past: np.ndarray
    """(n, sum of dilations, R) the rings: the input of a layer at time t is in row t mod d."""
    taps: np.ndarray
    """(n, layers, 16, 2 R) products with the past, for the steps t mod 16."""


class StackScratch(NamedTuple):
    """Room for one step of n streams, (n, channels) each; flat."""

    product: np.ndarray
    gated: np.ndarray
    skip: np.ndarray
    hidden: np.ndarray


def pack_stack(
    network: GatedStack, precision: Precision, head: tuple[Tensor, Tensor] | None = None
) -> StackWeights:
    """A stack's weights in this layout.

    Args:
        network: the stack.
        precision: of the matrices.
        head: weights (O, H) and biases (O,) in place of the network's head.
    """
    head_weight, head_bias = head or (network.head.weight, network.head.bias)
    layers, width = network.stack, network.stack[0].present.in_features
    wide, pair = up(width), 2 * LANES

    def two(matrix: Tensor) -> Tensor:
        """Halves of rows, each padded."""
        return torch.cat([rows(half, wide) for half in matrix.split(width)])

    matrices = []
    for layer in layers:
        out = layer.out.weight
        matrices += [two(layer.present.weight), torch.cat([rows(out[:width], wide), out[width:]])]
    matrices += [network.hidden.weight, head_weight]
    matrices += [two(layer.past.weight) for layer in layers]
    packed = pack_matrices(matrices, precision)
    dilations = np.array([layer.dilation for layer in layers])
    return StackWeights(
        width=wide,
        skip=int(packed.places[1, 3]) * LANES - wide,
        product=int(packed.places[:, 3].max()) * LANES,
        matrices=packed,
        dilations=dilations,
        rings=np.cumsum(dilations) - dilations,
        hidden_bias=kept(rows(network.hidden.bias, up(len(network.hidden.bias), pair))),
        head_bias=kept(F.pad(head_bias, (0, up(len(head_bias), pair) - len(head_bias)))),
    )


def pack_matrices(matrices: list[Tensor], precision: Precision) -> Matrices:
    """Matrices (outputs, inputs) in the order in which they are read."""
    pair = 2 * LANES
    packed, scales, places = [], [], []
    for matrix in matrices:
        matrix = rows(matrix.detach().float(), up(len(matrix), pair)).numpy()
        scale = np.ones(len(matrix), np.float32)
        if precision == "int16":
            scale = np.maximum(np.abs(matrix).max(1), 1e-30).astype(np.float32) / 32767
            matrix = np.rint(matrix / scale[:, None])
        places.append(
            (sum(map(len, packed)), sum(map(len, scales)), matrix.shape[1], len(matrix) // LANES)
        )
        packed.append(matrix.reshape(-1, pair, matrix.shape[1]).transpose(0, 2, 1).reshape(-1))
        scales.append(scale)
    kind = np.float32 if precision == "float32" else np.int16
    return Matrices(
        packed=kept(np.concatenate(packed), kind),
        scale=kept(np.concatenate(scales)),
        places=np.array(places),
    )


def new_stack_state(weights: StackWeights, streams: int) -> StackState:
    """The state of streams before their first step."""
    steps = len(weights.dilations) * AHEAD
    return StackState(
        past=aligned((streams * int(weights.dilations.sum()) * weights.width,), np.float32),
        taps=aligned((streams * steps * 2 * weights.width,), np.float32),
    )


def new_stack_scratch(weights: StackWeights, streams: int) -> StackScratch:
    """Room for one step."""
    return StackScratch(
        product=aligned((streams * weights.product,), np.float32),
        gated=aligned((streams * weights.width,), np.float32),
        skip=aligned((streams * weights.skip,), np.float32),
        hidden=aligned((streams * len(weights.hidden_bias),), np.float32),
    )


def pad_biases(bias: Tensor, layers: int, width: int) -> np.ndarray:
    """Biases (B, F, layers, 2R) with both halves padded to whole vectors, (B, F, ...)."""
    padded = aligned((*bias.shape[:2], layers, 2, up(width)), np.float32)
    padded[..., :width] = bias.float().unflatten(3, (2, width)).numpy()
    return padded.reshape(*bias.shape[:2], layers, -1)


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


def kept(part: Tensor | np.ndarray, kind: type = np.float32) -> np.ndarray:
    """An aligned copy."""
    array = part.detach().float().numpy() if isinstance(part, Tensor) else part
    result = aligned(array.shape, kind)
    result[:] = array
    return result
