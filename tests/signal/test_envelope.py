"""The envelope of a mel: it makes sound white, at the level that it says."""

import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from dgm_audio.signal._envelope_loops import predict
from dgm_audio.signal.envelope import HOP, MelEnvelope, levinson
from dgm_audio.signal.mel import LogMel, MelSpec

SPEC = MelSpec(16000)


def coloured(length: int) -> torch.Tensor:
    """Noise through two resonances (1, T)."""
    white = torch.randn(length, generator=torch.Generator().manual_seed(0)).numpy()
    shaped = lfilter([0.02], [1, -1.6, 0.9], lfilter([1], [1, 0.9, 0.6], white))
    return torch.from_numpy(shaped)[None]


def test_levinson_solves_the_normal_equations():
    r = torch.tensor([[1.0, 0.7, 0.3, 0.2], [2.0, -1.0, 0.5, 0.1]], dtype=torch.float64)
    a, error = levinson(r)
    for row in range(2):
        expected = torch.from_numpy(solve_toeplitz(r[row, :3].numpy(), r[row, 1:].numpy()))
        torch.testing.assert_close(a[row], expected)
        torch.testing.assert_close(error[row], r[row, 0] - expected @ r[row, 1:])


def test_what_the_filter_leaves_is_white_and_as_loud_as_it_says():
    x = coloured(16384)
    envelope = MelEnvelope(SPEC, 32)
    a, level = envelope(LogMel(SPEC)(x.float()), 0, 16384 // HOP)
    u = x - torch.from_numpy(predict(x.numpy(), a.numpy(), HOP))
    inside = slice(2048, 14000)
    spectrum = torch.fft.rfft(u[0, inside].view(8, -1) * torch.hann_window(1494)).abs().square()
    bands = spectrum.mean(0)[8:].unfold(0, 64, 64).mean(1)
    flatness = float(bands.log().mean().exp() / bands.mean())
    before = torch.fft.rfft(x[0, inside].view(8, -1) * torch.hann_window(1494)).abs().square()
    loud = before.mean(0)[8:].unfold(0, 64, 64).mean(1)
    assert flatness > 0.95 > 0.5 > float(loud.log().mean().exp() / loud.mean())
    expected = level.repeat_interleave(HOP, dim=1)[:, inside]
    assert 0.85 < float((u[:, inside] / expected).square().mean().sqrt()) < 1.15


def test_parts_of_a_sound_have_the_filters_of_the_whole():
    mel, envelope = LogMel(SPEC)(coloured(8192).float()), MelEnvelope(SPEC, 16)
    a, level = envelope(mel, 0, 128)
    part, loud = envelope(mel, 37, 50)
    torch.testing.assert_close(part, a[:, 37:87])
    torch.testing.assert_close(loud, level[:, 37:87])


def test_silence_has_a_quiet_envelope():
    a, level = MelEnvelope(SPEC, 16)(LogMel(SPEC)(torch.zeros(1, 4096)), 0, 64)
    assert bool(a.isfinite().all())
    assert float(level.max()) < 1e-4
