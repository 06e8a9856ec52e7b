"""Codes and latents are exact inverses, and the codes are what the decoder sees."""

import pytest
import torch
from small_stream import small_stream
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio.capabilities import HasCodes
from dgm_audio.errors import InputError
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae.model import SpectrogramVAE

SIZES = {"sample_rate": 8000, "length": 4096, "n_fft": 256, "hop": 128, "width": 16, "latent": 4}


@pytest.fixture(params=["classes", "none"])
def one_shots(request):
    """With a prior that differs from class to class."""
    torch.manual_seed(0)
    classes = ("a", "b", "c") if request.param == "classes" else ()
    model = SpectrogramVAE(SpectrogramConfig(**SIZES, blocks=(1, 1, 1), classes=classes)).eval()
    mean = torch.randn(60, 4) @ torch.randn(4, 4)
    labels = torch.arange(60) % 3
    model.fit_prior(mean + labels[:, None], torch.full((60, 4), -3.0), labels)
    return model


def test_codes_of_one_shots_invert_and_follow_the_formula(one_shots):
    condition = {"class": ["c", "a"]} if one_shots.config.classes else {}
    z = one_shots.noise(2, seed=1)
    h = one_shots.codes(z, condition)
    torch.testing.assert_close(one_shots.latents(h, condition), z, atol=1e-5, rtol=1e-5)
    for item, label in enumerate([2, 0] if condition else [0, 0]):
        scale, mean = one_shots.prior_scale[label], one_shots.prior_mean[label]
        expected = mean[:, None] + scale @ z[item]
        torch.testing.assert_close(h[item], expected, atol=1e-5, rtol=1e-5)


def test_codes_of_streams_invert_and_follow_the_past():
    model = small_stream()
    torch.nn.init.normal_(model.prior.said.weight)
    z = model.noise(2, length=2560, seed=1)
    with torch.no_grad():
        h = model.codes(z)
        assert h.shape == z.shape and not torch.allclose(h, z, atol=0.1)
        torch.testing.assert_close(model.latents(h), z, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(model.codes(z[:, :, :4]), h[:, :, :4], atol=1e-5, rtol=1e-5)


def test_wrong_codes_are_refused(one_shots):
    z = one_shots.noise(2, seed=1)
    for model, good, names in ((one_shots, z, "kick"), (small_stream(), torch.zeros(1, 3, 5), "a")):
        for method in (model.codes, model.latents):
            for wrong in (good[:, :-1], good[0], good * torch.nan, good.long(), None):
                with pytest.raises(InputError, match="z "):
                    method(wrong)
            with pytest.raises(InputError, match="condition"):
                method(good, {"klass": names})


def test_who_has_codes(one_shots):
    assert isinstance(one_shots, HasCodes) and isinstance(small_stream(), HasCodes)
    for other in (ToyFlow(ToyFlowConfig()), ToyFactor(ToyFactorConfig())):
        assert not isinstance(other, HasCodes)
