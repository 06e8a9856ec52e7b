"""Layers over few rows, as they occur live, where reading the weights takes the time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHARE = 48
"""Rows for which another thread is worth its while."""


def is_plain(x: Tensor) -> bool:
    """Whether x is for compiled loops: float32 on the CPU, without gradients, not to be traced."""
    asked = torch.is_grad_enabled() or torch.compiler.is_compiling()
    return x.dtype == torch.float32 and x.device.type == "cpu" and not asked


def shared(work: Callable[[int, int], None], rows: int) -> None:
    """Do work(start, stop) for all rows, in as many threads as PyTorch uses, if they are many."""
    threads = min(torch.get_num_threads(), rows // SHARE)
    if threads < 2:
        return work(0, rows)
    edges = [rows * part // threads for part in range(threads + 1)]
    list(_threads(threads).map(work, edges[:-1], edges[1:]))


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count)


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """layer(x) of (..., inputs), each row by itself.

    Example:
        >>> layer = nn.Linear(20, 3)
        >>> with torch.no_grad():
        ...     linear(layer, torch.ones(1, 2, 20)).shape
        torch.Size([1, 2, 3])
    """
    return product(layer.weight, x, layer.bias)


def product(weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., inputs) times weight (outputs, inputs), transposed, each row by itself."""
    if not is_plain(x):
        return F.linear(x, weight, bias)
    from dgm_audio.runtime.kernels.row import linear as compiled

    factors = np.ascontiguousarray(weight.detach().numpy())
    shift = np.zeros(len(factors), np.float32) if bias is None else bias.detach().numpy()
    made = np.empty((*x.shape[:-1], len(factors)), np.float32)
    rows = np.ascontiguousarray(x.numpy()).reshape(-1, x.shape[-1])
    found = made.reshape(-1, len(factors))
    shared(lambda a, b: compiled(rows[a:b], factors, shift, found[a:b]), len(rows))
    return torch.from_numpy(made)


def normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """norm(x) of (..., width), likewise."""
    if not is_plain(x):
        return norm(x)
    from dgm_audio.runtime.kernels.row import normed as compiled

    made = np.array(x.numpy(), order="C")
    scale, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    compiled(made.reshape(-1, x.shape[-1]), scale, shift, norm.eps)
    return torch.from_numpy(made)
