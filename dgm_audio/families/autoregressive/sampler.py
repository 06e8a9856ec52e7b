"""The fast sampler on the CPU: packs a model's weights for the kernel and keeps its streams."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive import kernel
from dgm_audio.families.autoregressive.network import POSITIONS
from dgm_audio.families.autoregressive.reference import Steps
from dgm_audio.runtime.vectors import DOUBLES, LANES
from dgm_audio.signal.companding import mu_law_encode

if TYPE_CHECKING:
    from dgm_audio.families.autoregressive.wavenet import WaveNet

NEVER = -1e30
"""The logit of a symbol that there is not."""
GROUP = 16
"""Most streams that share a pass over the weights: more would not fit into the caches."""


class CompiledSampler:
    """Moves a batch of streams on, many times faster than `ReferenceSampler` (see `kernel`).

    A stream's result depends neither on the batch nor on the threads nor on the blocks, bit for
    bit.

    Args:
        model: on the CPU; its weights are copied.
        batch: streams.
        weights: "int16" rounds each row of a matrix to 16 bits and so halves what is read.
        threads: at most this many groups of streams run at a time; by default torch's number.
    """

    def __init__(
        self,
        model: WaveNet,
        batch: int,
        *,
        weights: Literal["float32", "int16"] = "float32",
        threads: int | None = None,
    ) -> None:
        self.threads = threads or torch.get_num_threads()
        self.frame = model.config.frame
        self.weights = pack(model, weights)
        self.shape = len(model.network.layers), model.config.width
        share = -(-batch // self.threads)
        size = min(GROUP, share if share < 4 else -(-share // 4) * 4)
        self.groups = [slice(i, min(i + size, batch)) for i in range(0, batch, size)]
        self.states = [
            new_state(self.weights, group.stop - group.start, model.codec.silence)
            for group in self.groups
        ]
        self.scratch = [new_scratch(self.weights, len(state.x)) for state in self.states]
        self.t = 0

    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """See `Sampler`."""
        picks = symbols is None
        given = tails if symbols is None else symbols
        assert given is not None
        shape = tuple(given.shape)
        known = aligned(shape, np.float64)
        if picks:
            known[:] = given.numpy()
        chosen = np.zeros(shape, np.int64) if picks else np.array(given.numpy(), np.int64)
        x, found, masses = np.empty(shape, np.float32), np.empty(shape), np.empty(shape)
        biases = self._pad(bias.float())

        def run(number: int) -> None:
            group = self.groups[number]
            kernel.advance(
                self.weights,
                self.states[number],
                self.scratch[number],
                self.t,
                self.frame,
                biases[group].reshape(-1),
                known[group],
                picks,
                chosen[group],
                x[group],
                found[group],
                masses[group],
            )

        if len(self.groups) == 1:
            run(0)
        else:
            with ThreadPoolExecutor(min(self.threads, len(self.groups))) as pool:
                list(pool.map(run, range(len(self.groups))))
        self.t += shape[1]
        return Steps(*(torch.from_numpy(part) for part in (chosen, x, found, masses)))

    @property
    def flops_per_step(self) -> float:
        """Floating-point operations of a stream's matrix products per step."""
        places = self.weights.places
        return float(2 * LANES * (places[:, 2] * places[:, 3]).sum())

    @property
    def weight_bytes_per_step(self) -> float:
        """Bytes of packed weights that a group of streams reads per step."""
        places, ahead = self.weights.places, np.minimum(self.weights.dilations, kernel.AHEAD)
        numbers = LANES * places[:, 2] * places[:, 3]
        per_step = numbers[: -len(ahead)].sum() + (numbers[-len(ahead) :] / ahead).sum()
        return float(per_step * self.weights.packed.itemsize)

    def _pad(self, bias: Tensor) -> np.ndarray:
        """Biases (B, F, layers, 2R) with both halves padded to whole vectors."""
        layers, width = self.shape
        padded = aligned((*bias.shape[:2], layers, 2, up(width)), np.float32)
        padded[..., :width] = bias.unflatten(3, (2, width)).numpy()
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


def pack(model: WaveNet, kind: Literal["float32", "int16"]) -> kernel.Weights:
    """A model's weights in the layout of the kernel."""
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

    matrices = []
    for layer in network.layers:
        out = layer.out.weight
        matrices += [two(layer.present.weight), torch.cat([rows(out[:width], wide), out[width:]])]
    matrices += [network.hidden.weight, head]
    matrices += [two(layer.past.weight) for layer in network.layers]
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

    dilations = np.array([layer.dilation for layer in network.layers])
    embeddings = torch.cat([network.symbol.weight, network.position.weight])
    return kernel.Weights(
        width=wide,
        skip=places[1][3] * LANES - wide,
        components=config.components if config.output == "logistics" else 0,
        product=max(tiles for *_, tiles in places) * LANES,
        packed=copy(np.concatenate(packed), np.float32 if kind == "float32" else np.int16),
        scale=copy(np.concatenate(scales)),
        places=np.array(places),
        dilations=dilations,
        rings=np.cumsum(dilations) - dilations,
        embeddings=copy(rows(embeddings.T, wide).T.flatten()),
        codes=code_starts(),
        hidden_bias=copy(rows(network.hidden.bias, up(len(network.hidden.bias), pair))),
        head_bias=copy(
            F.pad(head_bias, (0, up(len(head_bias), pair) - len(head_bias)), value=NEVER)
        ),
        edges=copy(bin_edges(config.levels).flatten()),
        values=model.codec.values().numpy(),
        emphasis=np.float32(model.codec.emphasis),
    )


def symbol_places(levels: int) -> tuple[Tensor, Tensor]:
    """The symbol at each place in the order of `kernel.guard`, and whether there is one."""
    count = -(-levels // DOUBLES)
    place = torch.arange(up(count * DOUBLES))
    symbol = place % DOUBLES * count + place // DOUBLES
    real = (symbol < levels) & (place < count * DOUBLES)
    return torch.where(real, symbol, 0), real


def bin_edges(levels: int) -> Tensor:
    """Upper and lower edge of each symbol's bin, in the kernel's order, and whether it is outer."""
    symbols, _ = symbol_places(levels)
    centre, half = torch.linspace(-1, 1, levels)[symbols], 1 / (levels - 1)
    last, first = symbols == levels - 1, symbols == 0
    far = torch.tensor(1e9)
    upper, lower = torch.where(last, far, centre + half), torch.where(first, -far, centre - half)
    return torch.stack([upper, lower, (last | first).float()])


def code_starts() -> np.ndarray:
    """The smallest sample of each mu-law code from 1 on (255,), float32, as torch computes it.

    Found by halving intervals of the integers that floats in order are.
    """
    codes = torch.arange(1, POSITIONS)
    low = torch.full_like(codes, -(0x3F800000), dtype=torch.int64)
    high = -low
    while bool((low < high).any()):
        middle = (low + high) // 2
        reached = mu_law_encode(_float_of(middle), POSITIONS) >= codes
        high, low = torch.where(reached, middle, high), torch.where(reached, low, middle + 1)
    return _float_of(low).numpy()


def _float_of(order: Tensor) -> Tensor:
    """The float32 that is `order` steps of one ulp above 0."""
    size = order.abs().int().view(torch.float32)
    return torch.where(order < 0, -size, size)


def new_state(weights: kernel.Weights, streams: int, silence: int) -> kernel.State:
    """The state of streams before their first sample."""
    steps = len(weights.dilations) * kernel.AHEAD
    return kernel.State(
        past=aligned((streams * int(weights.dilations.sum()) * weights.width,), np.float32),
        taps=aligned((streams * steps * 2 * weights.width,), np.float32),
        symbol=np.full(streams, silence),
        x=np.zeros(streams, np.float32),
    )


def new_scratch(weights: kernel.Weights, streams: int) -> kernel.Scratch:
    """Room for one step."""
    symbols = up(len(weights.values), DOUBLES)
    return kernel.Scratch(
        product=aligned((streams * weights.product,), np.float32),
        gated=aligned((streams * weights.width,), np.float32),
        skip=aligned((streams * weights.skip,), np.float32),
        hidden=aligned((streams * len(weights.hidden_bias),), np.float32),
        mass=aligned((max(len(weights.head_bias), len(weights.edges) // 3),), np.float32),
        weight=aligned((symbols,), np.float64),
        blocks=aligned((3 * DOUBLES,), np.float64),
    )
