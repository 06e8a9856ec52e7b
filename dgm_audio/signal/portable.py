"""Numbers that are the same on every processor.

IEEE 754 defines the bits of sums, products, quotients and square roots, but not of cosines and
logarithms, nor the order in which a product of matrices is summed: results differ in the last of
53 bits. Where a difference would grow, numbers keep fewer bits. Two results of one quantity then
differ only if the border between two such numbers lies between them: of numbers that agree to
1e-15 of themselves and keep 12 bits, about one pair in 10^11.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar, cast

import torch
from torch import Tensor

TABLE_BITS = 36
"""Bits of tables of cosines: they are computed to 2^-52, and no value lies near a border."""


P = ParamSpec("P")
R = TypeVar("R")


def table(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose tensors are kept for its next call, and may take part in gradients."""
    return cast(Callable[P, R], cache(torch.inference_mode(False)(function)))


def to_bits(x: Tensor, bits: int) -> Tensor:
    """Float64 numbers rounded to a number of significant bits, to nearest; gradients pass.

    >>> to_bits(torch.tensor([1.0, 1.001, -3.3], dtype=torch.float64), 3).tolist()
    [1.0, 1.0, -3.5]
    """
    drop = 53 - bits
    rounded = (x.detach().view(torch.int64) + (1 << (drop - 1))) & -(1 << drop)
    return _instead(x, rounded.view(torch.float64))


@table
def turns(count: int) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi n / count, n = 0, 1, ..., count - 1: float64, the same everywhere."""
    angle = torch.arange(count, dtype=torch.float64, device="cpu") * (2 * math.pi / count)
    return to_grid(angle.cos()), to_grid(angle.sin())


def to_grid(x: Tensor) -> Tensor:
    """Entries of a table, to multiples of 2^-36."""
    return (x * 2.0**TABLE_BITS).round() / 2.0**TABLE_BITS


@table
def hann(size: int) -> Tensor:
    """A Hann window (size,), periodic: float64, the same everywhere."""
    return 0.5 - 0.5 * turns(size)[0]


def _instead(x: Tensor, value: Tensor) -> Tensor:
    """Values near x, with the gradient of x; their difference is exact."""
    return x + (value - x).detach() if x.requires_grad else value
