"""What a VAE learns from: codes that are drawn from the posterior, not its mean."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from dgm_audio.families.gan.model import SpectrogramGAN
from dgm_audio.families.gan.training import GANObjective
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.spectrogram_training import KL_WEIGHT
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.families.vae.training import VAEObjective

SMALL = SpectrogramConfig(8000, 4096, n_fft=256, hop=128, width=16, latent=4, blocks=(1, 1, 1))
MEAN, DEVIATION = 2.0, 0.5


def certain(objective, count):
    """The objective, whose posterior is N(MEAN, DEVIATION^2) whatever it hears."""
    moments = torch.full((count, 4), MEAN), torch.full((count, 4), 2 * math.log(DEVIATION))
    objective.generator.posterior = lambda x, condition: moments
    return objective


@pytest.fixture(params=["vae", "gan"])
def objective(request):
    torch.manual_seed(0)
    if request.param == "vae":
        return VAEObjective(SpectrogramVAE(SMALL), False, 0.5)
    return GANObjective(SpectrogramGAN(SMALL), False, 0.5)


def test_codes_are_drawn_from_the_posterior(objective):
    code, kl = certain(objective, 5000).drawn_code(torch.zeros(5000, 1, 1), {})
    assert code.mean(0) == pytest.approx(torch.full((4,), MEAN), abs=0.05)
    assert code.std(0) == pytest.approx(torch.full((4,), DEVIATION), abs=0.05)
    again, _ = objective.drawn_code(torch.zeros(5000, 1, 1), {})
    assert not torch.equal(again, code)
    expected = 4 * kl_divergence(Normal(MEAN, DEVIATION), Normal(0.0, 1.0))
    assert float(kl) == pytest.approx(float(expected), rel=1e-5)


def test_what_is_decoded_and_paid_for_is_the_drawn_code(objective):
    """The terms of a step: the KL at its weight, and renderings of codes that were drawn."""
    decoded, original = [], objective.controls
    certain(objective, 8).controls = lambda code, known: (
        decoded.append(code) or original(code, known)
    )
    x, labels = 0.1 * torch.randn(8, 1, 4096), torch.zeros(8, dtype=torch.long)
    losses = objective(x, labels, 0.4)
    (code,) = decoded
    assert float((code - MEAN).std()) == pytest.approx(DEVIATION, rel=0.4)
    kl = 4 * kl_divergence(Normal(MEAN, DEVIATION), Normal(0.0, 1.0))
    assert float(losses.terms["kl"]) == pytest.approx(KL_WEIGHT * float(kl), rel=1e-4)
    assert losses.report["kl_nats"] == pytest.approx(float(kl), rel=1e-4)
