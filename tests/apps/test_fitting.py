"""Latents by descent, for any model whose decode passes gradients."""

from dataclasses import dataclass

import pytest
import torch
from small_stream import small_stream
from torch import Tensor, nn
from toys import ToyFactor, ToyFactorConfig
from vocoders import ToyMels, ToyVocoder

import dgm_audio
from dgm_audio.apps.inversion import error_db
from dgm_audio.errors import InputError
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, ConditionSpec, LatentSpec, Scalar
from dgm_audio.vocoded import Vocoded


@dataclass(frozen=True)
class TonesConfig:
    pass


class Tones(AudioGenerator):
    """Falling tones of levels exp(z_0) and exp(z_1), which a gain scales: its inverse is known."""

    family = "tones"
    config_class = TonesConfig

    def __init__(self) -> None:
        super().__init__()
        self.audio = AudioSpec(8000, 1, 2048, 2048)
        self.latent = LatentSpec(2)
        self.condition = ConditionSpec({"gain": Scalar(0.1, 2.0, "times", 1.0)})
        self.level = nn.Parameter(torch.tensor(0.1))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        t = torch.arange(length) / 8000
        both = torch.stack([torch.sin(2 * torch.pi * f * t) for f in (440.0, 1500.0)])
        made = z.exp().mT @ both * (-6 * t).exp() * self.level
        return made * condition["gain"][:, None, None]


def test_descent_finds_the_latents_and_leaves_the_model_alone():
    model, wanted = Tones().eval(), torch.tensor([[0.6, -0.8], [-0.4, 0.5]])[:, :, None]
    gains = {"gain": [0.5, 1.5]}
    with torch.no_grad():
        x = model.decode(wanted, gains)
    z, error = dgm_audio.fit_latent(model, x, gains, steps=20)
    assert z.shape == (2, 2, 1) and error.shape == (2,) and not z.requires_grad
    # three quarters of the way in 20 steps from zero; the prior's pull is what is left
    assert float((z - wanted).abs().max()) < 0.15
    before = error_db(x[:1], model.decode(0 * wanted, gains)[:1].detach(), 8000)
    assert float(error[0]) < 0.3 * before
    alone = dgm_audio.fit_latent(model, x[1:], {"gain": 1.5}, steps=20)
    assert torch.equal(alone.z, z[1:]), "each sound is fitted by itself"
    assert model.level.grad is None


def test_it_serves_stereo_streams_and_models_without_an_encoder_too():
    stream = small_stream()
    x = stream.sample(1, seconds=0.1, seed=0)
    assert dgm_audio.fit_latent(stream, x, steps=2).z.shape == (1, 3, 4)
    mels = Vocoded(ToyMels(), ToyVocoder())
    x = mels.sample(1, seconds=0.064, seed=1)
    start = mels.noise(1, length=x.shape[2], seed=2)
    near, far = (dgm_audio.fit_latent(mels, x, steps=n, start=start) for n in (6, 1))
    assert float(near.error_db) < float(far.error_db)


def test_what_cannot_be_fitted_is_refused_in_one_line():
    wavenet = WaveNet(WaveNetConfig(width=16, skip=16, depth=2, cycles=1)).eval()
    with pytest.raises(InputError, match=r"'autoregressive'.*nothing can be fitted .*; encode "):
        dgm_audio.fit_latent(wavenet, torch.zeros(1, 1, 200))
    factor = ToyFactor(ToyFactorConfig()).eval()
    with pytest.raises(InputError, match="x has 24 samples; a fit needs at least 128"):
        dgm_audio.fit_latent(factor, torch.zeros(1, 1, 24))
    silence = torch.zeros(1, 1, 2048)
    with pytest.raises(InputError, match="steps is 0"):
        dgm_audio.fit_latent(Tones(), silence, steps=0)
    with pytest.raises(InputError, match="start has shape"):
        dgm_audio.fit_latent(Tones(), silence, start=torch.zeros(2, 2, 1))
