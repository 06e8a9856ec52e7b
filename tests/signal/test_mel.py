"""The mel front end: equal to librosa's, and physics."""

import numpy as np
import pytest
import torch

from dgm_audio.runtime.kernels.compiled import let_numba_cache
from dgm_audio.signal.mel import LogMel, MelSpec

let_numba_cache("librosa")
import librosa  # noqa: E402

SPECS = [
    MelSpec(22050),
    MelSpec(44100, n_fft=2048, hop=512, n_mels=128, f_min=20.0, f_max=22050.0),
    MelSpec(16000, n_fft=400, hop=160, n_mels=40, f_min=50.0, f_max=7600.0),
]


def sound(rate, seconds=0.5):
    rng = np.random.default_rng(0)
    t = np.arange(int(rate * seconds)) / rate
    chirp = np.sin(2 * np.pi * (100 + 3000 * t) * t) * np.exp(-3 * t)
    return (0.5 * chirp + 0.05 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.mark.parametrize("spec", SPECS)
def test_equals_librosa(spec):
    """Within 1e-4 in natural log: float32 rounding of two FFTs is all that differs."""
    x = sound(spec.sample_rate)
    mel = librosa.feature.melspectrogram(
        y=x,
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop,
        n_mels=spec.n_mels,
        fmin=spec.f_min,
        fmax=spec.f_max,
        power=1.0,
        pad_mode="constant",
    )
    expected = torch.from_numpy(np.log(np.maximum(mel, spec.floor)))
    torch.testing.assert_close(LogMel(spec)(torch.from_numpy(x)), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("length", [1, 255, 256, 257, 22050])
def test_frame_law_and_leading_dimensions(length):
    spec = SPECS[0]
    out = LogMel(spec)(torch.zeros(2, 3, length))
    assert out.shape == (2, 3, spec.n_mels, 1 + length // spec.hop)


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000, 7000])
def test_a_tone_lands_in_its_band(hertz):
    spec = SPECS[0]
    tone = torch.sin(2 * torch.pi * hertz * torch.arange(22050) / 22050)
    found = int(LogMel(spec)(tone)[:, 40].argmax())
    centres = librosa.mel_frequencies(spec.n_mels + 2, fmin=spec.f_min, fmax=spec.f_max)[1:-1]
    assert abs(found - int(np.abs(centres - hertz).argmin())) <= 1


def test_ten_decibels_are_ten_decibels():
    x = torch.from_numpy(sound(22050))
    mel = LogMel(SPECS[0])
    loud = mel(x) > np.log(1e-3)
    difference = (mel(x) - mel(x * 10**-0.5))[loud]
    torch.testing.assert_close(difference, torch.full_like(difference, np.log(10) / 2))


def test_silence_is_the_floor_with_finite_gradients():
    x = torch.zeros(4096, requires_grad=True)
    mel = LogMel(SPECS[0])(x)
    torch.testing.assert_close(mel, torch.full_like(mel, np.log(1e-5)))
    mel.sum().backward()
    assert bool(x.grad.isfinite().all())


def test_nothing_is_stored_in_checkpoints():
    assert list(LogMel(SPECS[0]).state_dict()) == []
