"""The shipped vocoder on a voice that it was not trained on: exact, in parts, clear, no tones."""

import math
from pathlib import Path

import pytest
import torch

from dgm_audio.evaluation.likelihood import bits_of
from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig
from dgm_audio.io import read_audio
from dgm_audio.resynthesis import mel_error_db, resynthesise
from dgm_audio.shipped import load

SPEECH = Path(__file__).parents[1] / "sounds" / "june.flac"


@pytest.fixture(scope="module")
def model():
    return load("vocoder-flow", device="cpu").requires_grad_(False)


@pytest.fixture(scope="module")
def speech():
    x, rate = read_audio(SPEECH)
    assert rate == 16000
    return x[:, :24000]


def lines(x: torch.Tensor) -> torch.Tensor:
    """Amplitudes in dB below full scale of the lines in a spectrum of a second (16000,)."""
    window = torch.hann_window(16000, dtype=torch.float64)
    amplitudes = torch.fft.rfft(x.double() * window).abs() * 2 / window.sum()
    return 20 * amplitudes.clamp_min(1e-12).log10()


def test_speech_comes_back(model, speech):
    """To 18 bits; within 1e-4 of full scale even if it was never rounded."""
    x = speech[None]
    given = {"mel": model.mel(x)}
    z = model.encode(x, given)
    assert torch.equal(model.decode(z, given), x)
    rng = torch.Generator().manual_seed(0)
    x = (x + 1e-5 * torch.randn(x.shape, generator=rng)).clamp(-1, 1)
    again = model.decode(model.encode(x, given), given)
    assert float((again - x).abs().max()) < 1e-4


def test_its_latents_are_about_standard_normal(model, speech):
    z = model.encode(speech[None], {"mel": model.mel(speech[None])})
    assert 0.7 < float(z.std()) < 1.4
    assert abs(float(z.mean())) < 0.1


def test_blocks_are_the_whole(model, speech):
    given, z = {"mel": model.mel(speech[None])}, model.noise(1, length=24000, seed=0)
    blocks = list(model.decode_blocks(0.3 * z, given))
    assert len(blocks) > 1
    whole = model.decode(0.3 * z, given)
    assert float((torch.cat(blocks, dim=2) - whole).abs().max()) <= 1e-5


def test_it_is_clearer_than_griffin_lim_is(model, speech):
    """By the spectrum of what it makes, at its own temperature; the level is the recording's."""
    peers = [GriffinLim(GriffinLimConfig(model.config.mel, magnitudes="least-squares")), model]
    sounds = [torch.cat(list(resynthesise(peer, speech)), dim=2)[:, 0] for peer in peers]
    window = torch.hann_window(1024)
    wanted, other, made = (
        torch.stft(x, 1024, 256, window=window, return_complex=True).abs().sqrt()
        for x in (speech, *sounds)
    )
    assert float((made - wanted).square().sum()) < 0.8 * float((other - wanted).square().sum())
    assert mel_error_db(model, speech, sounds[1]) < 1.5
    assert 20 * abs(math.log10(float(sounds[1].std() / speech.std()))) < 0.5


def test_bits_are_fewer_than_those_of_white_noise_of_its_level(model, speech):
    bits = float(bits_of(model, speech[None], {"mel": model.mel(speech[None])}))
    hops = speech[:, : 24000 // 256 * 256].unflatten(1, (-1, 256)).square().mean(2).sqrt()
    white = (hops.clamp_min(2**-16) * math.sqrt(2 * math.pi * math.e)).log2().mean() + 15
    assert bits < float(white) - 1.5


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
def test_silence_gives_no_tone(model, temperature):
    z = temperature * model.noise(1, length=16000, seed=0)
    made = model.decode(z, {"mel": model.mel(torch.zeros(1, 1, 16000))})[0, 0]
    assert float(lines(made).max()) < -70


@pytest.mark.parametrize("pitch", [440.0, 1234.5])
def test_a_tone_gives_no_line_at_multiples_of_the_hops_rate(model, pitch):
    """But where the tone and its skirt are: within 300 Hz of it."""
    t = torch.arange(32000) / 16000
    x = 0.1 * torch.sin(2 * math.pi * pitch * t)[None, None]
    made = model.decode(torch.zeros(1, 1, 32000), {"mel": model.mel(x)})[0, 0, 8000:24000]
    hops = torch.arange(1, 128) * (16000 / 256)
    hops = hops[(hops - pitch).abs() > 300].round().long()
    assert float(lines(made)[hops].max()) < -70
