"""Least-squares classification in closed form: deterministic, and done in milliseconds.

    a = argmin sum_i w_i (y_i - b - f(x_i))^2 + lambda |f|^2,    f(x) = sum_i a_i k(x_i, x)

References:
    Saunders, Gammerman and Vovk, "Ridge regression learning algorithm in dual variables", 1998.
"""

from __future__ import annotations

import torch
from torch import Tensor


def fit(kernel: Tensor, targets: Tensor, weight: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Coefficients a (N, K) and offsets b (K,).

    Args:
        kernel: k(x_i, x_j) (N, N), float64.
        targets: y (N, K).
        weight: w (N,), of mean one.
        penalty: lambda.
    """
    offset = weight @ targets / weight.sum()
    root = weight.sqrt()[:, None]
    system = root * kernel * root.T + penalty * torch.eye(len(kernel), dtype=kernel.dtype)
    return root * torch.linalg.solve(system, root * (targets - offset)), offset


def balanced(labels: Tensor, power: float = 1.0) -> Tensor:
    """Weights (N,) of mean one, in proportion to (clips of the class) ** -power.

    >>> balanced(torch.tensor([0, 0, 0, 1])).tolist() # doctest: +ELLIPSIS
    [0.666..., 0.666..., 0.666..., 2.0]
    """
    weight = torch.bincount(labels).double()[labels].pow(-power)
    return weight / weight.mean()


def standardise(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """All sets (N, E) with the mean and the deviation of the first; constant columns become 0."""
    mean, scale = train.mean(0), train.std(0)
    scale = torch.where(scale > 1e-6, scale, torch.full_like(scale, torch.inf))
    return tuple((x - mean) / scale for x in (train, *others))
