"""The prior over codes: invertible, normalised, and the same in blocks and compiled."""

import math

import pytest
import torch

from dgm_audio.nn.causal import History
from dgm_audio.nn.latent_prior import LatentPrior

LATENT, FRAMES = 5, 30


@pytest.fixture
def prior():
    torch.manual_seed(0)
    prior = LatentPrior(LATENT, 24)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return prior


def latents(batch: int = 2, frames: int = FRAMES) -> torch.Tensor:
    return torch.randn(batch, LATENT, frames, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_both_directions_are_inverse(prior):
    code = prior(latents().double(), History())
    assert float((code - latents()).abs().max()) > 0.1
    back = prior.inverse(code, History())
    torch.testing.assert_close(back, latents().double(), atol=1e-9, rtol=0)


def test_the_density_is_that_of_the_change_of_variables(prior):
    """log p(h) = log N(z) + log |dz/dh|, with the Jacobian by autograd."""
    code = latents(1, 4).double()
    prior = prior.double()
    z = prior.inverse(code, History())
    flat = torch.autograd.functional.jacobian(lambda h: prior.inverse(h, History()), code)
    log_det = torch.linalg.slogdet(flat.reshape(4 * LATENT, -1)).logabsdet
    normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum()
    torch.testing.assert_close(prior.log_prob(code).sum(), normal + log_det)
    assert abs(float(log_det)) > 0.1


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_and_in_torch_are_the_same(prior, inverse, dtype):
    prior, given = prior.to(dtype), latents().double()
    go = prior.inverse if inverse else prior

    with torch.no_grad():
        compiled = go(given, History())
    differentiable = go(given, History())
    assert differentiable.requires_grad and not compiled.requires_grad
    torch.testing.assert_close(compiled, differentiable.detach(), atol=1e-9, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("size", [1, 7])
def test_blocks_are_the_whole_and_items_are_alone(prior, size):
    history, z = History(), latents().double()
    parts = [prior(part, history) for part in z.split(size, dim=2)]
    whole = prior(z, History())
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, atol=1e-12, rtol=0)
    assert torch.equal(prior(z[1:], History()), whole[1:])
    assert prior(z[:, :, :0], history).shape == (2, LATENT, 0)


def test_new_weights_count_from_the_next_sound_on(prior):
    with torch.no_grad():
        before = prior(latents(), History())
        prior.said.bias += 0.5
        after = prior(latents(), History())
    assert float((after - before).abs().min()) > 1e-3


def test_gradients_reach_z_and_every_weight(prior):
    z = latents().requires_grad_()
    prior(z, History()).square().sum().backward()
    for tensor in (z, *prior.parameters()):
        assert tensor.grad is not None and float(tensor.grad.abs().sum()) > 0
