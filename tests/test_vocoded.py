"""A spectrogram model and a vocoder make one generator, which keeps the contract of all others."""

import math

import pytest
import torch
from vocoders import SMALL, SPEC, ToyMels, ToyMelsConfig, ToyVocoder, ToyVocoderConfig

from dgm_audio.checkpoint import save_model
from dgm_audio.errors import DgmAudioError, InputError
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.interpolation import slerp
from dgm_audio.registry import get_family
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec
from dgm_audio.testing import CHECKS, check_generator
from dgm_audio.vocoded import Vocoded, mel_spec_of

PARTS = [name for name in CHECKS if name != "save_and_load"]  # the parts are saved, not the whole


@pytest.mark.parametrize("hop", [256, None])
def test_it_conforms(hop):
    model = Vocoded(ToyMels(ToyMelsConfig(hop=hop)), ToyVocoder())
    results = {result.name: result for result in check_generator(model, only=PARTS)}
    assert results["gradients"].outcome == "passed"  # of both parts
    assert results["stream"].outcome == "passed"


def test_its_sound_has_the_mel_of_the_spectrogram_model():
    mels = ToyMels(ToyMelsConfig(mel=SPEC, codes=64, hop=4096, length=16384))
    vocoder = GriffinLim()
    model = Vocoded(mels, vocoder)
    z = model.noise(2, seed=0)
    x = model.decode(z, {"class": "low"})
    wanted = mels.decode_mel(z, {"class": torch.tensor([0, 0])}, length=x.shape[2])
    error = (vocoder.mel(x) - wanted)[..., 2:-2].abs().mean() * 20 / math.log(10)
    other = (vocoder.mel(x.flip(0)) - wanted)[..., 2:-2].abs().mean() * 20 / math.log(10)
    assert error < 2.5 < 4.5 < other


def test_conditions_reach_the_part_that_knows_them():
    mels, vocoder = ToyMels(), ToyVocoder()
    vocoder.condition = ConditionSpec({**vocoder.condition.fields, "room": Classes(("dry", "wet"))})
    seen = []
    decode = vocoder._decode
    vocoder._decode = lambda z, c, length: seen.append(c) or decode(z, c, length)
    model = Vocoded(mels, vocoder)
    assert list(model.condition.fields) == ["class", "room"]
    model.sample(2, condition={"class": "high", "room": ["dry", "wet"]}, seed=0)
    assert sorted(seen[0]) == ["mel", "room"] and seen[0]["room"].tolist() == [0, 1]
    low = model.sample(1, condition={"class": "low"}, seed=0)
    high = model.sample(1, condition={"class": "high"}, seed=0)
    assert high.square().mean() > 2 * low.square().mean()


def test_the_noise_is_white_and_knows_nothing_of_the_neighbours():
    model = Vocoded(ToyMels(ToyMelsConfig(hop=None, length=2**15, codes=16)), ToyVocoder())
    z = model.noise(3, seed=1) * torch.tensor([1.0, 0.01, 100.0])[:, None, None]
    noise = model.vocoder_noise(z, 2**15)
    assert noise.shape == (3, 1, 2**15)
    assert torch.allclose(noise.std(2), torch.ones(3, 1), atol=0.02)  # whatever the norm of z
    assert (noise.pow(4).mean(2) - 3).abs().max() < 0.2  # as a Gaussian has it
    spectrum = torch.fft.rfft(noise[0, 0]).abs().square() / 2**15
    bands = spectrum[1:].reshape(16, -1).mean(1)
    assert (bands - 1).abs().max() < 0.15
    assert torch.allclose(noise[1:2], model.vocoder_noise(z[1:2], 2**15), atol=1e-6)
    assert torch.allclose(model.vocoder_noise(z, 5000), noise[..., :5000], atol=1e-6)


def test_the_noise_turns_with_the_latent():
    model = Vocoded(ToyMels(ToyMelsConfig(hop=None, length=2**15, codes=16)), ToyVocoder())
    z = model.noise(2, seed=1)
    z = z / z.norm(dim=1, keepdim=True)
    middle = slerp(z[:1], z[1:], 0.5)
    a, b, c = model.vocoder_noise(torch.cat([z[:1], middle, z[1:]]), 2**15)[:, 0]
    cosine = float((z[0] * z[1]).sum())
    assert float((a * c).mean()) == pytest.approx(cosine, abs=0.03)
    half = math.cos(math.acos(cosine) / 2)
    assert float((a * b).mean()) == pytest.approx(half, abs=0.03)
    assert torch.allclose(b, (a + c) / (2 * half), atol=1e-4)  # the great circle of the noises


def test_the_noise_belongs_to_its_latent_frame():
    model = Vocoded(ToyMels(ToyMelsConfig(hop=256)), ToyVocoder())
    z = model.noise(1, length=1000, seed=1)
    other = z.clone()
    other[:, :, 2] *= -1
    changed = model.vocoder_noise(z, 1000) != model.vocoder_noise(other, 1000)
    assert changed[0, 0].nonzero().flatten().tolist() == list(range(512, 768))


def test_temperatures_are_two():
    parts = ToyMels(), ToyVocoder()
    model, calm = Vocoded(*parts), Vocoded(*parts, temperature=0.5)
    z = model.noise(1, seed=0)
    n = model.audio.length
    assert torch.allclose(calm.vocoder_noise(z, n), 0.5 * model.vocoder_noise(z, n))
    assert torch.allclose(model.vocoder_noise(0.1 * z, n), model.vocoder_noise(z, n), atol=1e-5)
    still = model.vocoder_noise(0 * z, n)
    assert still.std() == pytest.approx(1, abs=0.1)  # temperature 0 is typical, not silent
    with pytest.raises(InputError, match="temperature is -1"):
        Vocoded(*parts, temperature=-1)


def test_parts_that_do_not_fit_are_both_named():
    mels, other = ToyMels(), ToyVocoder(ToyVocoderConfig(mel=SPEC))
    with pytest.raises(InputError) as caught:
        Vocoded(mels, other)
    text = str(caught.value)
    assert "ToyMels" in text and "toy-vocoder" in text and "\n" not in text
    assert str(SMALL) in text and str(SPEC) in text
    mels = ToyMels()
    mels.audio = AudioSpec(8000, 1, 2048)
    with pytest.raises(InputError, match=r"16000 Hz.*8000 Hz"):
        Vocoded(mels, ToyVocoder())
    vocoder = ToyVocoder()
    clash = {**vocoder.condition.fields, "class": Classes(("a",))}
    vocoder.condition = ConditionSpec(clash)
    with pytest.raises(InputError, match="both have a condition 'class'"):
        Vocoded(ToyMels(), vocoder)


def test_what_is_no_part_is_refused():
    vae = get_family("vae")
    config = vae.config_class(sample_rate=16000, length=2048, n_fft=64, hop=32, width=16, latent=4)
    shot = vae(config)
    assert isinstance(shot, AudioGenerator)
    with pytest.raises(InputError, match="vae is no vocoder"):
        Vocoded(ToyMels(), shot)
    with pytest.raises(InputError, match="makes no mels"):
        Vocoded(shot, ToyVocoder())
    wavenet = get_family("autoregressive")
    small = {"width": 8, "skip": 8, "cycles": 1, "depth": 2, "predictor": 0}
    with pytest.raises(InputError, match="no vocoder"):
        mel_spec_of(wavenet(wavenet.config_class(**small)))
    assert mel_spec_of(wavenet(wavenet.config_class(**small, mel=SMALL))) == SMALL
    assert mel_spec_of(GriffinLim(GriffinLimConfig(SMALL))) == SMALL


def test_a_wavenet_is_a_vocoder_too():
    wavenet = get_family("autoregressive")
    small = {"width": 8, "skip": 8, "cycles": 1, "depth": 2, "predictor": 0}
    vocoder = wavenet(wavenet.config_class(**small, mel=SMALL, clock=False))
    model = Vocoded(ToyMels(), vocoder)
    assert model.audio.levels == vocoder.audio.levels
    x = model.sample(2, seed=0, condition={"class": "low"})
    assert x.shape == (2, 1, 2048) and x.std() > 0


def test_griffin_lim_stands_in_and_says_so():
    with pytest.warns(UserWarning, match="no vocoder: Griffin-Lim stands in") as caught:
        model = Vocoded(ToyMels())
    assert len(caught) == 1 and isinstance(model.vocoder, GriffinLim)
    assert mel_spec_of(model.vocoder) == SMALL
    x = model.sample(2, seed=0, condition={"class": "low"})
    assert torch.equal(x, model.sample(2, seed=0, condition={"class": "low"}))


def test_a_wrong_mel_is_named():
    mels = ToyMels()
    mels.decode_mel = lambda z, condition, *, length: torch.zeros(len(z), 20, 3)
    with pytest.raises(InputError, match=r"\(1, 20, 3\).*expected \(1, 20, 33\)"):
        Vocoded(mels, ToyVocoder()).sample(1, seed=0)


def test_it_is_saved_as_its_parts(tmp_path):
    with pytest.raises(DgmAudioError, match="makes no mels"):
        save_model(Vocoded(ToyMels(), ToyVocoder()), tmp_path / "whole")
    assert not (tmp_path / "whole").exists()
