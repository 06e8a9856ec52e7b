"""The VAE of long recordings: its contract, its bound, its axes and its sizes."""

from dataclasses import replace

import pytest
import torch
from small_models import shaken

from dgm_audio.errors import ConfigError
from dgm_audio.families.vae.waveform import StreamConfig, StreamVAE
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
def test_the_bound_counts_the_prior(model):
    """The same draws under another prior: the bound moves by the difference of log p(h)."""
    torch.manual_seed(3)
    before = model.elbo(sound(model))
    torch.manual_seed(3)
    again = model.elbo(sound(model))
    model.prior.said.bias += 1.0
    torch.manual_seed(3)
    after = model.elbo(sound(model))
    assert torch.equal(before, again)
    assert float((after - before).abs().min()) > 1


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
    along = model.axes_of(code)
    torch.testing.assert_close(model.code_of(along), code, atol=1e-4, rtol=1e-4)
    many = model.axes_of(mean.T[None])[0]
    torch.testing.assert_close(torch.cov(many), torch.eye(4), atol=1e-2, rtol=0)
