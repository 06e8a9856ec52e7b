"""Linear prediction against a solver, against itself, and against its own past."""

import numpy as np
import pytest
import torch
from scipy.linalg import solve_toeplitz

from dgm_audio.errors import InputError
from dgm_audio.signal.prediction import BackwardPrediction


def noise(*shape: int) -> torch.Tensor:
    """Coloured noise (..., T)."""
    white = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return 0.02 * white.cumsum(-1).sin()


def test_the_coefficients_solve_the_normal_equations():
    predictor, x = BackwardPrediction(32, 256, 64), noise(1, 400)
    now = 320  # coefficients of samples 64 to 319
    window = np.sin(np.pi / 2 * (np.arange(256) + 0.5) / 256) ** 2
    seen = window * x[0, now - 256 : now].double().numpy()
    r = np.correlate(seen, seen, "full")[255 : 255 + 33]
    r[0] = r[0] * (1 + 1e-4) + 1e-8
    a = solve_toeplitz(r[:32], r[1:])
    for t in (now, now + 63):
        wanted = 0.998 * (a @ x[0, t - 32 : t].double().numpy()[::-1])
        assert float(predictor(x).mean[0, t]) == pytest.approx(wanted, rel=1e-5)


def test_what_rings_is_foreseen_and_noise_is_not():
    t = torch.arange(6000.0)
    ringing = sum(0.1 * torch.sin(f * t) for f in (0.11, 0.31, 0.83, 2.1))
    white = 0.1 * torch.randn(6000, generator=torch.Generator().manual_seed(0))
    x = torch.stack([torch.as_tensor(ringing), white])
    prediction = BackwardPrediction()(x)
    error = (x - prediction.mean)[:, 3000:].square().mean(1) / x[:, 3000:].square().mean(1)
    assert 10 * float(error[0].log10()) < -30
    assert 10 * float(error[1].log10()) > -1
    late = (x - prediction.mean).abs()[:, -2000:].mean(1)
    spread = prediction.spread[:, -2000:, :2].mean((1, 2))
    torch.testing.assert_close(spread, late, rtol=0.1, atol=5e-5)


def test_the_third_spread_is_the_largest_long_one_and_falls_slowly():
    x = 10 * noise(2, 8000)
    x[:, 3000:] *= 1e-3
    _, far, most = (BackwardPrediction(16, 64, 16)(x).spread.double() - 3e-5).unbind(-1)
    release = (1 - 2**-14) ** torch.arange(8000.0).double()
    largest = (far / release).cummax(1).values * release
    torch.testing.assert_close(most, largest, rtol=1e-5, atol=1e-8)
    assert float((most / far)[:, -1].min()) > 100


def test_a_sample_and_what_follows_it_do_not_change_earlier_predictions():
    x = noise(1, 700)
    other = torch.cat([x[:, :300], -x[:, 300:]], dim=1)
    prediction, changed = BackwardPrediction()(x), BackwardPrediction()(other)
    assert torch.equal(prediction.mean[:, :301], changed.mean[:, :301])
    assert torch.equal(prediction.spread[:, :301], changed.spread[:, :301])
    assert not torch.equal(prediction.mean[:, 301], changed.mean[:, 301])


def test_step_by_step_and_alone_is_as_all_at_once():
    x = noise(3, 500)
    prediction, alone = BackwardPrediction()(x), BackwardPrediction()(x[1:2])
    assert torch.equal(alone.mean[0], prediction.mean[1])
    steps = BackwardPrediction().start(3)
    for t in range(500):
        now = steps.predict()
        assert torch.equal(now.mean, prediction.mean[:, t])
        assert torch.equal(now.spread, prediction.spread[:, t])
        steps.update(x[:, t])


def test_silence_full_scale_and_an_order_of_zero_stay_finite():
    x = torch.stack([torch.zeros(1000), torch.ones(1000), -torch.ones(1000).cumprod(0)])
    x[2, ::2] *= -1
    for order in (0, 128):
        prediction = BackwardPrediction(order)(x)
        assert bool(prediction.mean.isfinite().all())
        assert float(prediction.mean.abs().max()) <= 1
        assert float(prediction.spread.min()) > 0
    assert not BackwardPrediction(0)(x).mean.any()


def test_the_window_and_the_hop_grow_with_the_order():
    assert BackwardPrediction.of_order(64) == BackwardPrediction(64, window=1024, hop=64)
    assert BackwardPrediction.of_order(128) == BackwardPrediction(128, window=2048, hop=128)
    assert BackwardPrediction.of_order(0) == BackwardPrediction(0)


@pytest.mark.parametrize("sizes", [(-16, 64, 8), (24, 64, 8), (128, 64, 8), (16, 64, 0)])
def test_sizes_that_are_not_allowed_are_refused(sizes):
    with pytest.raises(InputError, match="multiple of 16"):
        BackwardPrediction(*sizes)
