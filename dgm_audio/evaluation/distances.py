"""How far apart two sets of embedded clips are: the maximum mean discrepancy and Frechet distance.

    MMD^2(X, Y) = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
    k(a, b) = exp(-|a - b|^2 / (2 s^2)),    s = median distance within the reference Y
    MMD = sign(MMD^2) sqrt |MMD^2|

    Frechet^2 = |m_X - m_Y|^2 + tr(C_X + C_Y - 2 (C_X^1/2 C_Y C_X^1/2)^1/2)

The estimate of the squared MMD is unbiased: it does not depend on the number of clips, and it may
be slightly negative for equal distributions. The root is the distance: where a share w of the
sounds is from elsewhere, the MMD is w times theirs, and its square w^2 times, which flatters. The
sign is kept, so that what is below zero by chance still has an order. The Frechet distance is
biased upwards when clips are few.

References:
    Gretton et al., "A kernel two-sample test", 2012.
    Chung et al., "KAD: No more FAD! An effective and efficient evaluation metric for audio
    generation", 2025 (Gaussian kernel, bandwidth from the reference).
    Dowson and Landau, "The Frechet distance between multivariate normal distributions", 1982.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 (N, M) of x (N, E) and y (M, E)."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T
    return squares.clamp_min(0)


def median_distance(y: Tensor) -> float:
    """The median of |y_i - y_j| over pairs i < j of y (M, E); 1 if all are equal."""
    rows, columns = torch.triu_indices(len(y), len(y), offset=1)
    median = float(squared_distances(y, y)[rows, columns].sqrt().median())
    return median if median > 0 else 1.0


def gaussian_kernel(x: Tensor, y: Tensor, bandwidth: float) -> Tensor:
    """k(x_i, y_j) (N, M)."""
    return (squared_distances(x, y) / (-2 * bandwidth**2)).exp()


def mean_within(kernel: Tensor, weight: Tensor) -> Tensor:
    """Mean of k over pairs of different clips of one set, (...) for weights (..., N).

    With the weights of a bootstrap (how often a clip was drawn), a clip and its own repetition are
    no pair: repeated clips would otherwise look like clustering.
    """
    pairs = torch.einsum("...i,ij,...j->...", weight, kernel - kernel.diagonal().diag(), weight)
    return pairs / (weight.sum(-1).square() - weight.square().sum(-1))


def mean_between(kernel: Tensor, weight_x: Tensor, weight_y: Tensor) -> Tensor:
    """Mean of k over pairs of clips of two sets, (...) for weights (..., N) and (..., M)."""
    pairs = torch.einsum("...i,ij,...j->...", weight_x, kernel, weight_y)
    return pairs / (weight_x.sum(-1) * weight_y.sum(-1))


def signed_root(squared: float) -> float:
    """Root of the size of a squared distance, with the sign that an unbiased estimate may have.

    >>> signed_root(0.25), signed_root(-0.04)
    (0.5, -0.2)
    """
    return math.copysign(math.sqrt(abs(squared)), squared)


def mmd(x: Tensor, reference: Tensor, bandwidth: float | None = None) -> float:
    """MMD of x (N, E) and the reference (M, E), up to about 1.4; the `signed_root` of its square.

    Args:
        x: embedded clips, at least two.
        reference: embedded real clips, at least two.
        bandwidth: s; by default the median distance within the reference.
    """
    return signed_root(squared_mmd(x, reference, bandwidth))


def squared_mmd(x: Tensor, reference: Tensor, bandwidth: float | None = None) -> float:
    """Unbiased squared MMD of x (N, E) and the reference (M, E); 0 to about 2, more is farther.

    Args:
        x: embedded clips, at least two.
        reference: embedded real clips, at least two.
        bandwidth: s; by default the median distance within the reference.
    """
    width = median_distance(reference) if bandwidth is None else bandwidth
    ones_x, ones_y = x.new_ones(len(x)), x.new_ones(len(reference))
    within = mean_within(gaussian_kernel(x, x, width), ones_x)
    within = within + mean_within(gaussian_kernel(reference, reference, width), ones_y)
    between = mean_between(gaussian_kernel(x, reference, width), ones_x, ones_y)
    return float(within - 2 * between)


def frechet_distance(
    x: Tensor, y: Tensor, weight_x: Tensor | None = None, weight_y: Tensor | None = None
) -> float:
    """Squared Frechet distance of the Gaussians fitted to x (N, E) and y (M, E), in float64.

    The trace of the square root is a sum over eigenvalues of a symmetric matrix; no square root of
    a non-symmetric matrix is taken, which would turn complex when clips are few.

    Args:
        x: embedded clips.
        y: embedded clips.
        weight_x: how often each clip counts (N,); by default once.
        weight_y: the same for y (M,).
    """
    mean_x, covariance_x = _gaussian(x, weight_x)
    mean_y, covariance_y = _gaussian(y, weight_y)
    root = _symmetric_root(covariance_x)
    eigenvalues = torch.linalg.eigvalsh(root @ covariance_y @ root)
    cross = eigenvalues.clamp_min(0).sqrt().sum()
    traces = covariance_x.trace() + covariance_y.trace()
    return float((mean_x - mean_y).square().sum() + traces - 2 * cross)


def _gaussian(x: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean (E,) and unbiased covariance (E, E) in float64."""
    x = x.double()
    weight = x.new_ones(len(x)) if weight is None else weight.double()
    total = weight.sum()
    mean = weight @ x / total
    centred = x - mean
    return mean, centred.T @ (centred * weight[:, None]) / (total - 1)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
