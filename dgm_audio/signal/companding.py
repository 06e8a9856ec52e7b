"""Mu-law: fine steps for quiet samples, coarse steps for loud ones.

    y = sign(x) ln(1 + mu |x|) / ln(1 + mu),    x and y in [-1, 1]

Codes are y on `levels` equally spaced points with mu = levels - 1, as in ITU-T G.711's continuous
law and in WaveNet.

References:
    ITU-T Recommendation G.711, 1988.
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_audio.errors import InputError


def compress(x: Tensor, mu: float = 255.0) -> Tensor:
    """Compressed samples y in [-1, 1], of the same shape; x beyond [-1, 1] is clipped.

    >>> compress(torch.tensor([-1.0, 0.0, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    x = x.clamp(-1, 1)
    return x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)


def expand(y: Tensor, mu: float = 255.0) -> Tensor:
    """Samples x in [-1, 1]: the inverse of `compress`."""
    y = y.clamp(-1, 1)
    return y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu


def mu_law_encode(x: Tensor, levels: int = 256) -> Tensor:
    """Int64 codes from 0 to levels - 1, of the same shape; x beyond [-1, 1] is clipped.

    >>> mu_law_encode(torch.tensor([-1.0, 0.0, 1.0])).tolist()
    [0, 128, 255]

    Raises:
        InputError: if x has no floating-point type, or there are fewer than 2 levels.
    """
    _check_levels(levels)
    if not x.is_floating_point():
        raise InputError(f"x is {x.dtype}; it must be a floating-point tensor")
    mu = levels - 1
    return ((compress(x, mu) + 1) / 2 * mu + 0.5).floor().long()


def mu_law_decode(codes: Tensor, levels: int = 256) -> Tensor:
    """Float32 samples in [-1, 1] at the middle of each code's step.

    Raises:
        InputError: if a code is no integer from 0 to levels - 1.
    """
    _check_levels(levels)
    within = codes.numel() == 0 or bool(0 <= codes.min() <= codes.max() < levels)
    if codes.is_floating_point() or not within:
        raise InputError(f"codes must be integers from 0 to {levels - 1}")
    mu = levels - 1
    return expand(codes.float() * (2 / mu) - 1, mu)


def _check_levels(levels: int) -> None:
    if levels < 2:
        raise InputError(f"levels is {levels}; at least 2 are needed")
