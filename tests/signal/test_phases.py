"""Phases: a held tone's advance, bins that belong together, and the two ways to compute them."""

import pytest
import torch

from dgm_audio.signal.phases import follow, follow_in_torch, partials

N_FFT, HOP = 2048, 512
OVERLAP = N_FFT // HOP


def magnitudes(kind: str) -> torch.Tensor:
    """(2, 40, 129) of peaks everywhere, or of few, or of levels that are equal."""
    rng = torch.Generator().manual_seed(0)
    drawn = torch.randn(2, 40, 129, generator=rng)
    if kind == "smooth":
        drawn = torch.nn.functional.avg_pool1d(drawn, 15, stride=1, padding=7)
    return (drawn.round() if kind == "equal" else 3 * drawn).exp()


@pytest.mark.parametrize("kind", ["random", "smooth", "equal"])
def test_compiled_and_in_torch_are_the_same(kind):
    magnitude, start = magnitudes(kind), torch.rand(2, 129, dtype=torch.float64)
    before = start.clone()
    found, last = follow(magnitude, OVERLAP, start)
    expected, expected_last = follow_in_torch(magnitude, OVERLAP, start)
    assert torch.equal(start, before)
    torch.testing.assert_close(last, expected_last, atol=1e-9, rtol=0)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    other, _ = follow(magnitude.flip(-1), OVERLAP, start)
    assert float((other - expected).abs().max()) > 0.1


def test_blocks_go_on_where_the_last_one_ended():
    magnitude = magnitudes("random")
    whole, last = follow(magnitude, OVERLAP)
    phase, parts = None, []
    for block in magnitude.split(7, dim=1):
        part, phase = follow(block, OVERLAP, phase)
        parts.append(part)
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert phase is not None and torch.equal(phase, last)


@pytest.mark.parametrize("cycles", [0.0123, 0.05, 0.3101])
def test_the_phase_of_a_stationary_sine_advances_by_its_frequency(cycles):
    """In turns per hop; the parabola misses the peak of a Hann window by 0.02 bins at most."""
    t = torch.arange(20 * HOP + N_FFT, dtype=torch.float64)
    frames = torch.sin(2 * torch.pi * cycles * t).unfold(0, N_FFT, HOP)
    spectrum = torch.fft.rfft(frames * torch.hann_window(N_FFT, dtype=torch.float64))
    turns, _ = follow(spectrum.abs().float()[None], OVERLAP)
    peak = round(cycles * N_FFT)
    advance = (turns[0, 1:, peak] - turns[0, :-1, peak]).double()
    error = (advance - cycles * HOP + 0.5) % 1 - 0.5
    assert float(error.abs().max()) < 0.02 / OVERLAP


def test_bins_belong_to_the_nearest_peak_and_share_its_phase():
    magnitude = torch.full((1, 1, 16), 0.1)
    magnitude[..., 3], magnitude[..., 9] = 1.0, 2.0
    magnitude[..., 0] = 0.05  # the first bin is no peak
    magnitude[..., 1:3] = torch.tensor([0.2, 0.5])
    magnitude[..., 4:9] = torch.tensor([0.5, 0.2, 0.1, 0.2, 0.5])
    magnitude[..., 10:] = torch.tensor([0.5, 0.4, 0.3, 0.2, 0.15, 0.1])
    nearest, _ = partials(magnitude)
    assert nearest[0, 0].tolist() == [3] * 7 + [9] * 9
    turns, _ = follow(magnitude, OVERLAP)
    assert len(turns[0, 0, :7].unique()) == len(turns[0, 0, 7:].unique()) == 1
    assert float(turns[0, 0, 3]) == pytest.approx(3 / OVERLAP, abs=0.01)
    assert float(turns[0, 0, 9]) == pytest.approx(9 / OVERLAP % 1, abs=0.01)
