"""Blocks of a causal layer: they hear no future, and make what the whole makes."""

import pytest
import torch
from torch.nn import functional as F

from dgm_audio.nn.causal import CausalBlock, History, through


@pytest.fixture
def block():
    torch.manual_seed(0)
    block = CausalBlock(6)
    with torch.no_grad():
        for weight in block.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return block


def frames() -> torch.Tensor:
    return torch.randn(2, 20, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [1, 3, 16])
@torch.no_grad()
def test_blocks_are_the_whole(block, size):
    history = History()
    parts = [block(part, history) for part in frames().split(size, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), block(frames(), History()))


@torch.no_grad()
def test_a_frame_changes_itself_and_what_follows_only(block):
    changed = frames()
    changed[:, 8] += 1
    moved = (block(changed, History()) - block(frames(), History())).abs().amax((0, 2))
    assert bool((moved[:8] == 0).all()) and bool((moved[15:] == 0).all())
    assert bool((moved[8:15] > 0).all())


def test_it_is_torchs_convolution_of_what_was_and_so_is_its_gradient(block):
    x = frames().requires_grad_()
    made = block(x, History())
    padded = F.pad(x.mT, (6, 0))
    hidden = F.conv1d(padded, block.depthwise.weight, block.depthwise.bias, groups=6).mT
    expected = block.mixed(x, hidden)
    torch.testing.assert_close(made, expected)
    for weight in (x, block.depthwise.weight, block.depthwise.bias):
        (found,) = torch.autograd.grad(made.square().sum(), weight, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected.square().sum(), weight, retain_graph=True)
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_streams_do_not_share_what_they_remember():
    one, other = History(), History()
    one.joined("layer", torch.ones(1, 3), past=2)
    assert other.joined("layer", torch.ones(1, 1), past=2).tolist() == [[0, 0, 1]]
    assert one.joined("layer", torch.zeros(1, 1), past=2).tolist() == [[1, 1, 0]]


@pytest.mark.parametrize("width", [1, 5, 16, 50])
@pytest.mark.parametrize("sizes", [[1, 2, 5], [4, 20, 3], [17, 1, 16]])
def test_few_frames_compiled_are_what_torch_makes_in_any_turn(width, sizes):
    """Few and many frames take turns and share what they remember."""
    torch.manual_seed(0)
    block = CausalBlock(width)
    with torch.no_grad():
        for weight in block.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        x, history = torch.randn(1, sum(sizes), width), History()
        parts = x.split(sizes, dim=1)
        made = torch.cat([block(part, history) for part in parts], dim=1)
        chained, history = [], History()
        for part in parts:
            chained.append(through([block], part, history))
    expected = block(x, History())
    assert expected.requires_grad  # gradients go through torch
    torch.testing.assert_close(made, expected.detach(), atol=1e-5, rtol=1e-5)
    assert torch.equal(torch.cat(chained, dim=1), made)
    assert float((made - x).abs().max()) > 0.1
