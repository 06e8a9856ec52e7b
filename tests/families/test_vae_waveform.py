"""The VAE of long recordings: its contract, its bound, its axes and its sizes."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from small_models import shaken
from torch.distributions import Laplace, Normal

from dgm_audio.errors import ConfigError
from dgm_audio.families.vae_stream.model import StreamConfig, StreamVAE
from dgm_audio.nn.causal import History
from dgm_audio.testing import check_generator

SMALL = StreamConfig(
    sample_rate=8000, length=2048, n_fft=512, hop=128, width=16, latent=4, prior=8, decoder=(2, 1)
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return shaken(StreamVAE(SMALL), 0.1)


def sound(model: StreamVAE) -> torch.Tensor:
    return 0.2 * torch.randn(2, 2, 2048, generator=torch.Generator().manual_seed(1)).clamp(-3, 3)


def test_it_keeps_the_contract(model):
    assert check_generator(model)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"n_fft": 640}, "config.hop is 128"),
        ({"hop": 256}, "four times or more"),
        ({"n_fft": 2048, "hop": 200}, "config.hop is 200"),
        ({"n_fft": 1536, "hop": 192}, "multiple of 128"),
        ({"encoder": (1,)}, "config.encoder"),
        ({"decoder": (1, 65)}, "config.decoder"),
        ({"encoder": (-1, 2)}, "config.encoder"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_by_name(change, word):
    with pytest.raises(ConfigError, match=word) as error:
        StreamVAE(replace(SMALL, **change))
    assert "\n" not in str(error.value)


@torch.no_grad()
def test_the_bound_is_what_its_formula_says(model):
    """E_q [log p(u | h) + log p(h) - log q(h | x)], by densities that torch knows."""
    x = sound(model)
    model.log_scale.copy_(torch.linspace(-1, 1, len(model.log_scale)))
    torch.manual_seed(3)
    found = model.elbo(x)
    torch.manual_seed(3)
    mean, log_variance = model.posterior(model.padded(x))
    posterior = Normal(mean, (0.5 * log_variance).exp())
    code = mean + posterior.stddev * torch.randn_like(mean)
    levels, made = (
        model.levels(model.padded(x)),
        model.levels(model.decode_clipped(code, History())),
    )
    density = Laplace(made, model.log_scale.exp()).log_prob(levels).sum((1, 2, 3))
    prior = Normal(0.0, 1.0).log_prob(model.latents(code)).sum((1, 2))
    prior = prior + spread_of(model, code)
    expected = density + prior - posterior.log_prob(code).sum((1, 2))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-2)


def spread_of(model: StreamVAE, code: torch.Tensor) -> torch.Tensor:
    """log |det dz / dh| of codes (B, D, L), by differences: each z_l leans on its own h_l alone."""
    step, moved = 1e-2, code.double()
    exact = deepcopy(model).double()
    total = torch.zeros(len(code), dtype=torch.float64)
    for frame in range(code.shape[2]):
        for channel in range(code.shape[1]):
            ahead = moved.clone()
            ahead[:, channel, frame] += step
            change = exact.latents(ahead) - exact.latents(moved)
            total += (change[:, channel, frame] / step).abs().log()
    return total.float()


@torch.no_grad()
def test_what_is_decoded_hears_no_future(model):
    z = model.noise(1, seed=0)
    changed = z.clone()
    changed[:, :, 5:] += 1
    same = 5 * model.hop
    one, other = model.decode(z), model.decode(changed)
    torch.testing.assert_close(one[..., :same], other[..., :same], atol=1e-6, rtol=0)
    assert not torch.allclose(one[..., same:], other[..., same:], atol=1e-3)


@torch.no_grad()
def test_blocks_of_a_long_sound_are_what_decode_makes(model):
    z = model.noise(1, seed=0, length=300 * model.hop)
    blocks = list(model.decode_blocks(z, length=300 * model.hop - 7))
    assert len(blocks) > 1 and blocks[-1].shape[2] % model.hop
    whole = model.decode(z, length=300 * model.hop - 7)
    torch.testing.assert_close(torch.cat(blocks, dim=2), whole, atol=1e-6, rtol=0)


@torch.no_grad()
def test_axes_are_ordered_by_variance_and_can_be_gone_back(model):
    rng = torch.Generator().manual_seed(2)
    apart = torch.tensor([0.1, 3.0, 1.0, 0.3])
    turn = torch.linalg.qr(torch.randn(4, 4, generator=rng)).Q
    mean = torch.randn(5000, 4, generator=rng) * apart @ turn + 2
    model.order_axes(mean, torch.full_like(mean, -2.0))
    torch.testing.assert_close(model.spread, apart.sort(descending=True).values, rtol=0.05, atol=0)
    assert bool((model.certainty.diff() < 0).all())
    assert float((model.axes[0] @ turn[1]).abs()) == pytest.approx(1, abs=1e-2)
    code = mean[:20].T[None]
    coordinates = model.axes_of(code)
    torch.testing.assert_close(model.code_of(coordinates), code, atol=1e-4, rtol=1e-4)
    many = model.axes_of(mean.T[None])[0]
    torch.testing.assert_close(torch.cov(many), torch.eye(4), atol=1e-2, rtol=0)
