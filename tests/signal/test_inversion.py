"""Spectrogram inversion through time: it continues the past, at the level of the magnitudes."""

import math

import pytest
import torch

from dgm_audio.signal.inversion import Inversion

N, H = 256, 64
WINDOW = torch.hann_window(N, dtype=torch.float64)


def tones(*pitches: float, hops: int = 60) -> torch.Tensor:
    """Sounds (B, T) of one tone each."""
    t = torch.arange(H * hops).double() / 16000
    return 0.3 * torch.stack([torch.sin(2 * math.pi * pitch * t) for pitch in pitches])


def magnitudes_of(x: torch.Tensor, ahead: int) -> torch.Tensor:
    """Of the frames that end with each hop, and `ahead` more (B, L, F)."""
    padded = torch.nn.functional.pad(x, (N - H, ahead * H))
    return torch.fft.rfft(padded.unfold(1, N, H) * WINDOW).abs()


def continued(x: torch.Tensor, known: int, ahead: int = 4, iterations: int = 8) -> torch.Tensor:
    """Sounds (B, T) whose first hops are given, and the others predicted."""
    inversion, made = Inversion(len(x), N, H, ahead, iterations), []
    magnitudes = magnitudes_of(x, ahead)
    for hop, part in enumerate(x.split(H, dim=1)):
        spectra = inversion.predict(magnitudes[:, hop : hop + ahead + 1])
        found = inversion.weighted(spectra, spectra.new_ones(1, 1, 1, dtype=torch.float64)[0])
        made.append(part if hop < known else found)
        inversion.update(made[-1])
    return torch.cat(made, dim=1)


def test_a_tone_goes_on_in_phase():
    x = tones(500, 1700)
    made = continued(x, known=10)
    error = (made - x)[:, 10 * H : 50 * H].square().mean(1) / x.square().mean(1)
    assert float(error.max()) < 0.05


def test_from_nothing_it_finds_sound_of_the_right_spectrum():
    x = tones(500, 1700)
    made = continued(x, known=0)
    wanted, found = (magnitudes_of(sound, 0)[:, 10:50] for sound in (x, made))
    assert float((found - wanted).square().sum() / wanted.square().sum()) < 0.02


def test_silence_is_continued_as_silence():
    assert not continued(torch.zeros(1, H * 20).double(), known=0).any()


def test_a_sound_does_not_depend_on_its_neighbours():
    both = continued(tones(500, 1700), known=5)
    assert torch.equal(both[1:], continued(tones(1700), known=5))


def test_weights_scale_the_bins():
    inversion = Inversion(1, N, H, 3, 4)
    spectra = inversion.predict(magnitudes_of(tones(500), 3)[:, 20:24])
    half = inversion.weighted(spectra, torch.full((1, 1, N // 2 + 1), 0.5, dtype=torch.float64))
    whole = inversion.weighted(spectra, torch.ones(1, 1, N // 2 + 1, dtype=torch.float64))
    torch.testing.assert_close(2 * half, whole)
    assert half.shape == (1, H)
    bins = torch.zeros(1, 1, N // 2 + 1, dtype=torch.float64)
    bins[..., :4] = 1  # all of the tone lies in bins 6 to 10
    assert float(inversion.weighted(spectra, bins).abs().max()) < 0.1 * float(whole.abs().max())


@pytest.mark.parametrize("count", [1, 3, 10])
def test_an_update_of_several_hops_is_that_of_each(count):
    x = tones(500)[:, : count * H]
    once, each = Inversion(1, N, H, 3, 2), Inversion(1, N, H, 3, 2)
    once.update(x)
    for part in x.split(H, dim=1):
        each.update(part)
    assert torch.equal(once.past, each.past) and once.future.shape == each.future.shape


def started(n_fft: int, hop: int, ahead: int, batch: int = 1) -> tuple[Inversion, torch.Tensor]:
    """An inversion whose past is noise, and magnitudes for it."""
    rng = torch.Generator().manual_seed(0)
    inversion = Inversion(batch, n_fft, hop, ahead, 5)
    inversion.update(0.1 * torch.randn(batch, n_fft, generator=rng, dtype=torch.float64))
    magnitudes = torch.rand(batch, ahead + 1, n_fft // 2 + 1, generator=rng, dtype=torch.float64)
    return inversion, magnitudes


@pytest.mark.parametrize("sizes", [(256, 64, 4), (128, 16, 20), (512, 256, 0), (2048, 512, 7)])
def test_the_loops_compute_what_torch_computes(sizes):
    """Before chaos: five iterations make 1e-16 into less than 1e-9."""
    inversion, magnitudes = started(*sizes, batch=2)
    expected, future = inversion.predict_in_torch(inversion.past, inversion.future, magnitudes)
    spectra = inversion.predict(magnitudes)
    torch.testing.assert_close(spectra, expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(inversion.future, future, rtol=0, atol=1e-8)
    weights = torch.rand(2, 1, magnitudes.shape[2], dtype=torch.float64)
    found = inversion.weighted(spectra, weights)
    torch.testing.assert_close(found, inversion.weighted_in_torch(spectra, weights))


def test_the_loops_have_the_values_without_gradients_and_the_gradients_of_torch():
    found = []
    weights = torch.rand(1, 1, N // 2 + 1, dtype=torch.float64)
    for way in ("plain", "loops", "torch"):
        inversion, magnitudes = started(N, H, 4)
        if way == "torch":
            inversion.tables = None
        hop = inversion.weighted(
            inversion.predict(magnitudes.requires_grad_(way != "plain")), weights
        )
        if way != "plain":
            hop.square().sum().backward()
        found.append((hop.detach(), magnitudes.grad))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[1][1], found[2][1], rtol=1e-6, atol=1e-9)
    assert float(found[1][1].abs().max()) > 1e-3


def test_frames_of_any_length_are_followed():
    """Where it is no power of two torch transforms them."""
    inversion, magnitudes = started(240, 40, 3)
    spectra = inversion.predict(magnitudes)
    torch.testing.assert_close(spectra.abs(), magnitudes[:, :4], rtol=1e-6, atol=1e-6)
