"""The filter bank: nothing is lost, energy is kept, and every tone lands in its band."""

import math

import numpy as np
import pytest
import torch

from dgm_audio.errors import InputError
from dgm_audio.signal.pqmf import PQMF, prototype, search

SIZES = [(2, 32), (4, 64), (8, 128), (16, 256), (16, 96), (16, 320), (6, 96)]


def noise(bank, frames=512):
    """White noise with silence of the filters' length at both ends."""
    length = bank.bands * frames
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 1, length, generator=rng)
    x[..., : bank.taps] = x[..., -bank.taps :] = 0
    return x


def snr(x, y):
    return 10 * math.log10(float(x.square().sum() / (x - y).square().sum()))


@pytest.mark.parametrize(("bands", "taps"), SIZES)
def test_reconstruction_is_better_than_80_db(bands, taps):
    """The bank is exact, so float32 rounding is all that is left: more than 110 dB."""
    bank = PQMF(bands, taps)
    x = noise(bank)
    y = bank.analysis(x)
    assert y.shape == (2, bands, x.shape[-1] // bands)
    assert snr(x, bank.synthesis(y)) > 110


@pytest.mark.parametrize(("bands", "taps"), SIZES)
def test_energy_is_kept(bands, taps):
    bank = PQMF(bands, taps)
    x = noise(bank)
    assert float(bank.analysis(x).square().sum() / x.square().sum()) == pytest.approx(1, abs=1e-5)


def test_synthesis_is_the_transpose_of_analysis():
    """<A x, y> = <x, A' y>, ends included."""
    bank = PQMF(4)
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(1, 1, 256, generator=rng), torch.randn(1, 4, 64, generator=rng)
    left, right = (bank.analysis(x) * y).sum(), (x * bank.synthesis(y)).sum()
    torch.testing.assert_close(left, right)


@pytest.mark.parametrize("band", range(16))
def test_a_tone_lands_in_its_band(band):
    bank = PQMF(16)
    t = torch.arange(16 * 512)
    tone = torch.sin(torch.pi / 16 * (band + 0.5) * t)[None, None]
    level = bank.analysis(tone)[..., 32:-32].square().mean(-1)[0]
    assert int(level.argmax()) == band
    others = torch.cat([level[: max(0, band - 1)], level[band + 2 :]])
    assert float(10 * torch.log10(others.max() / level[band])) < -60


def test_there_is_no_delay():
    """A click comes out of every band in the frame in which it went in."""
    bank = PQMF(8)
    x = torch.zeros(1, 1, 8 * 101)
    x[..., 8 * 50 + 4] = 1
    energy = bank.analysis(x).square().sum(1)[0]
    centre = float((energy * torch.arange(101)).sum() / energy.sum())
    assert abs(centre - 50) < 0.6


def test_prototype_is_a_symmetric_lowpass():
    p = prototype(16, 256)
    np.testing.assert_allclose(p, p[::-1], atol=1e-12)
    response = np.abs(np.fft.rfft(p, 1 << 15))
    decibels = 20 * np.log10(np.maximum(response / response[0], 1e-9))
    frequency = np.linspace(0, 1, len(response))
    assert decibels[frequency > 1 / 16].max() < -55
    assert decibels[np.argmin(abs(frequency - 1 / 32))] == pytest.approx(-3, abs=0.2)


def test_gradients_and_precision():
    bank = PQMF(4).double()
    x = torch.randn(1, 1, 64, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: bank.synthesis(bank.analysis(v)), x)
    assert list(bank.state_dict()) == []


@pytest.mark.parametrize("sizes", [(3, 48), (0, 0), (4, 60), (4, 16), (4, 96)])
def test_sizes_that_do_not_fit(sizes):
    with pytest.raises(InputError, match="bands must be even"):
        PQMF(*sizes)


def test_wrong_shapes():
    bank = PQMF(4)
    for shape in [(1, 1, 63), (1, 2, 64), (64,), (1, 1, 0)]:
        with pytest.raises(InputError, match="T a multiple of 4"):
            bank.analysis(torch.zeros(shape))
    with pytest.raises(InputError, match=r"expected \(B, 4, L\)"):
        bank.synthesis(torch.zeros(1, 3, 8))


def test_the_prototype_that_is_kept_is_one_that_a_search_finds():
    """Of 64 bands: to the 0.2 % by which libraries of linear algebra lead it elsewhere."""
    kept, found = prototype(64, 1024), search(64, 1024)
    assert float(np.abs(kept - found).max()) < 2e-3 * float(found.max())
    assert np.array_equal(kept, kept[::-1])
    early, late = kept.reshape(8, 2, 64)[:, 0], kept.reshape(8, 2, 64)[:, 1]
    for lag in range(8):
        sums = (early[: 8 - lag] * early[lag:] + late[: 8 - lag] * late[lag:]).sum(0)
        np.testing.assert_allclose(sums, (lag == 0) / 64, atol=1e-10)
