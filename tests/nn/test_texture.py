"""Noise that codes decide: white, the same in blocks, and compiled as in torch."""

import pytest
import torch

from dgm_audio.nn.texture import FrameTexture


def codes(frames: int) -> torch.Tensor:
    return torch.randn(2, 6, frames, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("first", [0, 3, 10**6])
@pytest.mark.parametrize("length", [1, 50, 256])
def test_compiled_and_in_torch_are_the_same(first, length):
    texture = FrameTexture(6, length)
    with torch.no_grad():
        compiled = texture(codes(5), first)
    expected = texture(codes(5), first)
    torch.testing.assert_close(compiled, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_it_has_unit_variance_and_blocks_are_the_whole():
    texture, code = FrameTexture(6, 512), codes(40)
    whole = texture(code, 0)
    assert float(whole.square().mean()) == pytest.approx(1, abs=0.05)
    assert abs(float(whole.mean())) < 0.05
    parts = [texture(part, 7 * at) for at, part in enumerate(code.split(7, dim=2))]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)


def test_gradients_reach_the_codes():
    code = codes(3).requires_grad_()
    FrameTexture(6, 32)(code, 0).square().sum().backward()
    assert code.grad is not None and float(code.grad.abs().sum()) > 0
