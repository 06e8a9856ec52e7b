"""A model's weights and sizes as the CUDA sampler's kernel wants them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.autoregressive import lpc_prior
from dgm_audio.families.autoregressive.contract import SteppedModel
from dgm_audio.families.autoregressive.lpc_prior import SPREADS, spread_edges
from dgm_audio.families.autoregressive.network import HEAD, POSITIONS
from dgm_audio.runtime.kernels import constants

TILE = 16
"""Streams of a program."""
CHUNK = 32
"""Hidden units of the head that are taken at a time."""


@torch.no_grad()
def pack(model: SteppedModel, half: torch.dtype) -> list[Tensor]:
    """The kernel's weights: every matrix as (inputs, outputs), padded with zeros to powers of two.

    All tables in one (2 K + 448, R), float32; past and present (L, 2, R, R), residual (L, R, R)
    and skip (L, R, S), half; hidden (S, 128), half, and its bias; head (128, O), half, and its
    bias; values (K,); edges of their differences (K + 1,), and those of mean errors (64,).
    """
    network, width = model.network, model.config.width
    beyond = padded(model.config.levels) - model.config.levels

    def matrices(weights: list[Tensor]) -> Tensor:
        return _pad(torch.stack(weights).mT, 2).to(half)

    return [
        _pad(torch.cat([table.weight for table in network.embeddings]), 1).float(),
        matrices([layer.past.weight.unflatten(0, (2, -1)) for layer in network.stack]),
        matrices([layer.present.weight.unflatten(0, (2, -1)) for layer in network.stack]),
        matrices([layer.out.weight[:width] for layer in network.stack]),
        matrices([layer.out.weight[width:] for layer in network.stack]),
        _pad(network.hidden.weight.T, 2).to(half),
        network.hidden.bias.float(),
        _pad(network.head.weight.T, 2).to(half),
        _pad(network.head.bias, 1).float(),
        model.codec.values().to(model.device),
        F.pad(model.edges, (0, beyond), value=lpc_prior.BEYOND),
        _pad(spread_edges().to(model.device), 1, by=torch.inf),
        _pad(torch.ones(model.config.levels, dtype=torch.int8, device=model.device), 1),
    ]


def sizes(model: SteppedModel) -> dict[str, float]:
    """The kernel's constants, but for those that depend on the GPU."""
    from dgm_audio.runtime.kernels.prediction import LEAK, MEMORIES, RELEASE, SMALLEST

    config = model.config
    return {
        "LAYERS": config.cycles * config.depth,
        "DEPTH": config.depth,
        "R": padded(config.width),
        "S": padded(config.skip),
        "HEAD": HEAD,
        "LEVELS": config.levels,
        "PADDED": padded(config.levels),
        "OUT": padded(model.network.head.out_features),
        "POSITIONS": POSITIONS,
        "LOG": math.log(POSITIONS),
        "FRAME": config.frame,
        "EMPHASIS": config.emphasis,
        "GUARD": constants.GUARD,
        "MIN_LOGIT": constants.MIN_LOGIT,
        "LEAST": math.exp(constants.MIN_LOGIT),
        "TAPS": padded(model.predictor.order),
        "ROOM": max(model.predictor.window, padded(model.predictor.order)),
        "HOP": model.predictor.hop,
        "LEAK": LEAK,
        "SMALLEST": SMALLEST,
        "NEAR": MEMORIES[0],
        "FAR": MEMORIES[1],
        "RELEASE": RELEASE,
        "SPREADS": SPREADS,
        "COMPONENTS": config.components if config.output == "logistics" else 0,
        "SCALE": constants.SCALE,
        "SHARPEST": constants.SHARPEST,
        "FARTHEST": lpc_prior.FARTHEST,
        "LEAST_MASS": constants.SMALLEST,
        "TILE": TILE,
        "CHUNK": CHUNK,
    }


def padded(size: int) -> int:
    """The next power of two, at least 16, as the kernel's products need."""
    return max(16, 1 << (size - 1).bit_length())


def _pad(tensor: Tensor, dimensions: int, by: float = 0.0) -> Tensor:
    """The last dimensions filled up to padded sizes."""
    sizes = tensor.shape[-dimensions:]
    return F.pad(
        tensor, [n for size in reversed(sizes) for n in (0, padded(size) - size)], value=by
    )
