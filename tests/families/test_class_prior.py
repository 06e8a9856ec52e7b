"""Codes and latents of models whose prior is a Gaussian per class."""

from dataclasses import replace

import pytest
import torch
from small_models import SPECTROGRAM

from dgm_audio.errors import InputError
from dgm_audio.families.vae.model import SpectrogramVAE


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = SpectrogramVAE(replace(SPECTROGRAM, classes=("kick", "snare"), latent=3)).eval()
    made.prior_mean[:] = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.0, 5.0]])
    made.prior_scale[1] = torch.tensor([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.0, -1.0, 0.5]])
    return made


def test_codes_are_those_of_the_class_and_go_back(model):
    z = torch.tensor([[1.0, -1.0, 2.0]])[:, :, None]
    kick, snare = (model.codes(z, {"class": name}) for name in ("kick", "snare"))
    assert kick[0, :, 0].tolist() == [2.0, 1.0, 5.0]
    assert snare[0, :, 0].tolist() == [-1 + 2, 1 - 3, 5 + 1 + 1]
    both = model.codes(z.expand(2, -1, -1))
    assert torch.equal(both, torch.cat([kick, snare])), "classes in turn"
    back = model.latents(both, {"class": ["kick", "snare"]})
    torch.testing.assert_close(back, z.expand(2, -1, -1))


@pytest.mark.parametrize("wrong", [torch.full((1, 3, 1), torch.nan), torch.zeros(1, 2, 1), [0.0]])
def test_what_is_no_code_and_no_latent_is_refused(model, wrong):
    for method in (model.codes, model.latents):
        with pytest.raises(InputError):
            method(wrong)
    with pytest.raises(InputError, match="'tom'"):
        model.codes(torch.zeros(1, 3, 1), {"class": "tom"})


def test_a_class_with_few_clips_leans_on_all_of_them():
    """The covariance of a class by the formula, with weight 16 / (16 + n)."""
    model = SpectrogramVAE(replace(SPECTROGRAM, classes=("a", "b", "c"), latent=2))
    rng = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 4 + [1] * 12)
    mean, log_variance = torch.randn(16, 2, generator=rng), torch.randn(16, 2, generator=rng)
    mean[4:] *= 3
    model.fit_prior(mean, log_variance, labels)
    variance = log_variance.double().exp()
    centre = [mean[:4].double().mean(0), mean[4:].double().mean(0), mean.double().mean(0)]
    away = mean.double() - torch.stack([centre[label] for label in labels])
    pooled = away.T @ away / 16 + variance.mean(0).diag()
    own = away[:4].T @ away[:4] / 4 + variance[:4].mean(0).diag()
    expected = {0: 16 / 20 * pooled + 4 / 20 * own, 2: pooled}
    for index, covariance in expected.items():
        scale = model.prior_scale[index].double()
        torch.testing.assert_close(scale @ scale.T, covariance, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            model.prior_mean[index].double(), centre[index], atol=1e-6, rtol=0
        )
