"""The bound of the spectrogram VAE, term by term, against torch's own distributions."""

import pytest
import torch
from small_models import SPECTROGRAM, shaken
from torch.distributions import Independent, Laplace, MultivariateNormal, Normal, kl_divergence

from dgm_audio.families.vae.model import SpectrogramVAE


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = shaken(SpectrogramVAE(SPECTROGRAM), 0.05)
    rng = torch.Generator().manual_seed(1)
    mean, log_variance = torch.randn(20, 4, generator=rng), torch.randn(20, 4, generator=rng)
    model.fit_prior(mean, log_variance, torch.arange(20) % 2)
    return model


@torch.no_grad()
@pytest.mark.parametrize("scale", [0.0, 10.0])
def test_the_bound_is_likelihood_of_a_drawn_code_minus_divergence(model, scale):
    model.log_scale += scale  # beyond 3 it is cut
    rng = torch.Generator().manual_seed(2)
    x = 0.3 * torch.randn(3, 1, 4096, generator=rng).clamp(-1, 1)
    labels = torch.tensor([1, 0, 1])
    found = model.elbo(x, {"class": labels}, rng=torch.Generator().manual_seed(3))

    mean, log_variance = model.posterior(x, {"class": labels})
    posterior = Normal(mean, log_variance.exp().sqrt())
    noise = torch.empty_like(mean).normal_(generator=torch.Generator().manual_seed(3))
    code = posterior.mean + posterior.stddev * noise
    expected = model.head.controls(model.frames(code, {"class": labels})).log_magnitude()
    width = model.log_scale.clamp(-3, 3).exp()[:, None].expand_as(expected)
    likelihood = Independent(Laplace(expected, width), 2).log_prob(model.log_magnitude(x))
    drawn = MultivariateNormal(
        posterior.mean, covariance_matrix=torch.diag_embed(posterior.variance)
    )
    prior = MultivariateNormal(model.prior_mean[labels], scale_tril=model.prior_scale[labels])
    wanted = likelihood - kl_divergence(drawn, prior)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-2)
    assert float((kl_divergence(drawn, prior)).min()) > 1
