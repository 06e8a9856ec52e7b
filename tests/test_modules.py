"""A generator is a module: it is called, exported, and wrapped by what torch has for modules."""

from dataclasses import replace

import pytest
import torch
from families.small_models import SPECTROGRAM, shaken
from small_stream import small_stream

from dgm_audio.errors import InputError
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.families.gan.model import SpectrogramGAN
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.fingerprint import example_condition

EXPORTED = {
    "vae": lambda: SpectrogramVAE(replace(SPECTROGRAM, pitches=(40.0, 80.0))),
    "gan": lambda: SpectrogramGAN(SPECTROGRAM),
    "vae-stream": small_stream,
}


def example(model):
    """Two latents, a condition and a length."""
    length = model.audio.length if model.latent.hop is None else max(model.latent.hop, 256)
    return model.noise(2, length=length, seed=0), example_condition(model, 2, length), length


def test_calling_a_model_is_decoding():
    model = shaken(SpectrogramGAN(SPECTROGRAM), 0.05)
    z, condition, _ = example(model)
    with torch.no_grad():
        assert torch.equal(model(z, condition, length=500), model.decode(z, condition, length=500))
        assert torch.equal(torch.nn.DataParallel(model)(z), model.decode(z))


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_model_makes_the_sounds_of_decode(name):
    torch.manual_seed(0)
    model = shaken(EXPORTED[name](), 0.02)
    z, condition, length = example(model)
    other = model.noise(2, length=length, seed=1)
    flipped = {key: value.flip(0) for key, value in condition.items()}
    with torch.no_grad():  # where compiled loops would serve
        graph = torch.export.export(model, (z, condition), {"length": length}, strict=False)
        made = graph.module()(other, flipped, length=length)
        expected = model.decode(other, flipped, length=length)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)


def test_what_cannot_be_exported_says_so_in_one_line():
    model = WaveNet(WaveNetConfig(width=16, skip=16, depth=2, cycles=1)).eval()
    z, condition, length = example(model)
    with pytest.raises(InputError, match="'autoregressive' cannot be exported"):
        torch.export.export(model, (z, condition), {"length": length}, strict=False)


def test_vmap_is_refused_and_told_what_to_do_instead():
    model = SpectrogramGAN(SPECTROGRAM).eval()
    z, *_ = example(model)
    with pytest.raises(InputError, match=r"call decode\(z\) with z \(B, D, L\) instead"):
        torch.func.vmap(lambda one: model.decode(one[None])[0])(z)
