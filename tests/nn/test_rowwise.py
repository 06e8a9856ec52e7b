"""Compiled layers make what PyTorch's make: of any rows, widths and layouts, row by row."""

import pytest
import torch
from torch import nn

from dgm_audio.nn.rowwise import SHARE, is_plain, linear, normed


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 3 * SHARE])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (7, 3), (16, 64), (50, 130), (300, 6)])
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_a_linear_layer_is_torchs(rows, inputs, outputs, bias):
    torch.manual_seed(0)
    layer, x = nn.Linear(inputs, outputs, bias=bias), tokens(1, rows, inputs)
    assert is_plain(x)
    torch.testing.assert_close(linear(layer, x), layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("width", [1, 6, 16, 250])
@torch.no_grad()
def test_a_layer_norm_is_torchs_and_leaves_its_input(rows, width):
    norm, x = nn.LayerNorm(width), 3 * tokens(1, rows, width) + 1
    norm.weight.copy_(tokens(width))
    norm.bias.copy_(tokens(width) - 1)
    before = x.clone()
    torch.testing.assert_close(normed(norm, x), norm(x), atol=1e-5, rtol=1e-5)
    assert torch.equal(x, before)


@torch.no_grad()
def test_rows_may_lie_in_any_order_in_memory():
    layer, x = nn.Linear(5, 4), tokens(2, 5, 3).transpose(1, 2)
    made = linear(layer, x)
    assert made.shape == (2, 3, 4)
    torch.testing.assert_close(made, layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@torch.no_grad()
def test_a_row_does_not_depend_on_the_others(threads):
    layer, norm, x = nn.Linear(70, 37), nn.LayerNorm(70), tokens(1, 5 * SHARE, 70)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = linear(layer, normed(norm, x))
    finally:
        torch.set_num_threads(before)
    for start, stop in ((0, 1), (3, 6), (100, 5 * SHARE)):
        assert torch.equal(linear(layer, normed(norm, x[:, start:stop])), whole[:, start:stop])


@torch.no_grad()
def test_other_numbers_go_through_torch():
    layer, x = nn.Linear(3, 2).double(), tokens(4, 9, 3).double()
    assert not is_plain(x) and torch.equal(linear(layer, x), layer(x))
    assert linear(nn.Linear(3, 2), tokens(1, 0, 3)).shape == (1, 0, 2)


def test_gradients_reach_the_layers():
    layer, norm, x = nn.Linear(4, 3), nn.LayerNorm(4), tokens(1, 2, 4).requires_grad_()
    linear(layer, normed(norm, x)).square().sum().backward()
    for tensor in (x, *layer.parameters(), *norm.parameters()):
        assert tensor.grad is not None and float(tensor.grad.abs().sum()) > 0
