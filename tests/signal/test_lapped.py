"""The lapped transform: orthonormal, and cosines through a sine window."""

import math

import pytest
import torch

from dgm_audio.signal.lapped import block_sizes, cosine_iv, fold


def transform(x: torch.Tensor, hop: int) -> list[torch.Tensor]:
    """The blocks of a sound (T,)."""
    whole = len(x) // hop * hop
    folded = fold(x[:whole].unflatten(0, (-1, hop))).flatten() if whole else x[:0]
    parts = torch.cat([folded, x[whole:]]).split(block_sizes(len(x), hop))
    return [cosine_iv(len(part)) @ part for part in parts]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 37])
def test_it_is_orthonormal(length):
    matrix = torch.stack(
        [torch.cat(transform(unit, 8)) for unit in torch.eye(length, dtype=torch.float64)]
    )
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(length, dtype=torch.float64))


def test_folding_is_undone():
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(fold(fold(x), back=True), x)


def test_a_block_looks_at_two_hops_through_a_sine_window():
    hop = 16
    x = torch.randn(5 * hop, dtype=torch.float64)
    n, k = torch.arange(2 * hop).double(), torch.arange(hop).double()[:, None]
    window = torch.sin(math.pi / (2 * hop) * (n + 0.5))
    basis = torch.cos(math.pi / hop * (n + 0.5 - hop / 2) * (k + 0.5)) * math.sqrt(2 / hop)
    torch.testing.assert_close(transform(x, hop)[2], basis @ (window * x[hop : 3 * hop]))
