"""Magnitudes that have the mel, phases that have the magnitudes."""

import math

import pytest
import torch
from torchaudio.functional import griffinlim
from vocoders import SPEC, voice

from dgm_audio.signal.griffin_lim import griffin_lim, linear_magnitudes
from dgm_audio.signal.mel import LogMel

FRONT = LogMel(SPEC)
DB = 20 / math.log(10)


@pytest.fixture(scope="module")
def sound():
    return voice(2.0)


def magnitudes(x):
    return torch.stft(
        x, SPEC.n_fft, SPEC.hop, window=FRONT.window, pad_mode="constant", return_complex=True
    ).abs()


def noise(x):
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def test_the_magnitudes_have_the_mel_and_are_none_below_zero(sound):
    mel = FRONT(sound)
    found = linear_magnitudes(mel.exp(), FRONT.filters)
    assert found.min() >= 0
    again = (FRONT.filters @ found).clamp_min(SPEC.floor).log()
    least_squares = (torch.linalg.pinv(FRONT.filters) @ mel.exp()).clamp_min(0)
    other = (FRONT.filters @ least_squares).clamp_min(SPEC.floor).log()
    assert (again - mel).abs().mean() * DB < 0.02
    assert (other - mel).abs().mean() * DB > 0.2  # what it is chosen over


def test_frames_are_solved_by_themselves(sound):
    mel = FRONT(sound).exp()
    part = linear_magnitudes(mel[..., 10:20], FRONT.filters)
    whole = linear_magnitudes(mel, FRONT.filters)[..., 10:20]
    assert torch.allclose(part, whole, atol=1e-6)


def test_bands_of_silence_stay_silent():
    mel = torch.zeros(1, SPEC.n_mels, 4)
    assert not linear_magnitudes(mel, FRONT.filters).any()
    x = griffin_lim(torch.zeros(1, 513, 4), torch.zeros(1, 1000), FRONT.window, SPEC.hop)
    assert not x.any()


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_it_comes_as_close_as_torchaudio(sound, momentum):
    """The peer pads its frames by reflection, begins with phases of zero and is a little unlike."""
    wanted = magnitudes(sound)

    def off(x):
        return float((magnitudes(x) - wanted).norm() / wanted.norm())

    start = noise(sound)
    options = {"iterations": 30, "momentum": momentum}
    found = griffin_lim(wanted, start, FRONT.window, SPEC.hop, **options)
    peer = griffinlim(
        wanted, FRONT.window, 1024, 256, 1024, 1.0, 30, momentum, sound.shape[1], False
    )
    assert found.shape == sound.shape
    assert off(found) < 1.1 * off(peer)
    first = griffin_lim(wanted, start, FRONT.window, SPEC.hop, iterations=1)
    assert off(found) < 0.6 * off(first)


def test_from_the_true_phases_it_stays_where_it_is(sound):
    x = griffin_lim(magnitudes(sound), sound, FRONT.window, SPEC.hop, iterations=5)
    assert torch.allclose(x, sound, atol=1e-5)


def test_what_is_known_leads_what_follows(sound):
    """With its first half held, the second half begins in phase with it."""
    half = sound.shape[1] // 2
    options = {"iterations": 60, "window": FRONT.window, "hop": SPEC.hop}
    led = griffin_lim(magnitudes(sound), noise(sound), known=sound[:, :half], **options)
    free = griffin_lim(magnitudes(sound), noise(sound), **options)

    def likeness(x):
        part = slice(half, half + 512)
        return float(torch.nn.functional.cosine_similarity(x[:, part], sound[:, part]))

    assert likeness(led) > 0.8 > abs(likeness(free)) + 0.1
