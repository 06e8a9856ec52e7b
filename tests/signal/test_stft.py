"""The STFT: an exact frame law, an exact inverse, and physics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.signal.stft import STFT

SIZES = [(1024, 256), (512, 128), (512, 256), (1024, 512), (96, 32), (64, 16)]


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
@pytest.mark.parametrize("frames", [1, 2, 3, 17])
def test_frame_law_and_inverse(n_fft, hop, frames):
    stft = STFT(n_fft, hop)
    x = noise(2, frames * hop)
    spectrum = stft(x)
    assert spectrum.shape == (2, n_fft // 2 + 1, frames)
    torch.testing.assert_close(stft.inverse(spectrum), x, atol=1e-4, rtol=1e-4)


@given(
    leading=st.lists(st.integers(1, 3), max_size=3),
    frames=st.integers(1, 9),
    size=st.sampled_from(SIZES),
)
@settings(max_examples=25, deadline=None)
def test_any_leading_dimensions(leading, frames, size):
    stft = STFT(*size)
    x = noise(*leading, frames * size[1])
    spectrum = stft(x)
    assert spectrum.shape == (*leading, size[0] // 2 + 1, frames)
    torch.testing.assert_close(stft.inverse(spectrum), x, atol=1e-4, rtol=1e-4)


def test_inverse_in_float64_is_exact():
    stft = STFT(1024, 256).double()
    x = noise(256 * 20).double()
    torch.testing.assert_close(stft.inverse(stft(x)), x, atol=1e-12, rtol=0)


def test_is_the_formula():
    """Against a plain DFT of one windowed frame in float64."""
    n_fft, hop, frame = 64, 16, 5
    x = noise(hop * 12).double()
    start = frame * hop - (n_fft - hop) // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    expected = np.fft.rfft(window * x.numpy()[start : start + n_fft])
    found = STFT(n_fft, hop).double()(x)[:, frame]
    np.testing.assert_allclose(found, expected, atol=5e-6)  # the window is kept in float32


@pytest.mark.parametrize("bin_", [3, 40, 200, 500])
def test_a_tone_lands_in_its_bin(bin_):
    stft = STFT(1024, 256)
    phase = 2 * torch.pi * bin_ / 1024 * torch.arange(256 * 32, dtype=torch.float64)
    tone = phase.cos().float()
    magnitude = stft(tone)[:, 16].abs()
    assert int(magnitude.argmax()) == bin_
    # A Hann window's sum is n_fft / 2, and half of a cosine's amplitude is at +f.
    assert float(magnitude[bin_]) == pytest.approx(1024 / 4, rel=1e-3)
    far = torch.cat([magnitude[: max(0, bin_ - 2)], magnitude[bin_ + 3 :]])
    assert float(far.max()) < 1e-2


def test_a_constant_is_in_the_lowest_bins():
    magnitude = STFT(512, 128)(torch.ones(128 * 20))[:, 10].abs()
    assert float(magnitude[0]) == pytest.approx(256, rel=1e-4)
    assert float(magnitude[2:].max()) < 1e-3


def test_parseval():
    """The energy of the frames is that of the signal times the sum of the squared window / hop."""
    n_fft, hop = 1024, 256
    x = torch.zeros(hop * 64)
    x[n_fft:-n_fft] = noise(hop * 64 - 2 * n_fft)
    spectrum = STFT(n_fft, hop)(x)
    both_sides = 2 * spectrum.abs().square().sum() - spectrum[[0, -1]].abs().square().sum()
    gain = n_fft * float(torch.hann_window(n_fft).square().sum()) / hop
    assert float(both_sides) == pytest.approx(gain * float(x.square().sum()), rel=1e-4)


def test_inverse_is_the_least_squares_one():
    """Of a spectrum that no signal has, it is the signal whose spectrum is closest."""
    stft = STFT(64, 16).double()
    target = torch.complex(noise(33, 12), noise(12, 33).T).to(torch.complex128)
    target[[0, -1]] = target[[0, -1]].real + 0j
    best = stft.inverse(target).requires_grad_()
    error = (stft(best) - target).abs().square()
    (2 * error.sum() - error[[0, -1]].sum()).backward()
    assert float(best.grad.abs().max()) < 1e-9


def test_gradients():
    stft = STFT(32, 8).double()
    x = noise(1, 40).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: torch.view_as_real(stft(v)), x)
    spectrum = torch.view_as_real(stft(x)).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: stft.inverse(torch.view_as_complex(v)), spectrum)


def test_wrong_sizes():
    for n_fft, hop in [(1023, 341), (1024, 0), (1024, 1024), (1024, 300)]:
        with pytest.raises(ValueError, match="do not fit"):
            STFT(n_fft, hop)
    with pytest.raises(ValueError, match="multiple of the hop"):
        STFT(64, 16)(torch.zeros(17))
