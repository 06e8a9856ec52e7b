"""Linear prediction as a baseline: known entropies, masses that sum to one, no look-ahead."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from dgm_audio.errors import InputError
from dgm_audio.evaluation import linear_predictor
from dgm_audio.evaluation.linear_predictor import Codec, LinearPredictor, Pcm
from dgm_audio.signal.differential import DifferentialMuLaw
from dgm_audio.signal.prediction import BackwardPrediction, Prediction

SHORT = BackwardPrediction(16, 1024, 64)
SIGMA = 0.02


def noise(length, seed=0):
    return np.random.default_rng(seed).standard_normal(length) * SIGMA


def resonance(length, seed=0):
    """A resonance of AR(2), whose entropy rate is that of the noise which drives it."""
    return lfilter([1], [1, -2 * 0.97 * math.cos(0.4), 0.97**2], noise(length, seed))


def gaussian_bits(sigma, bits):
    """Entropy of rounded Gaussian noise: of the density, less the bits of a step."""
    return math.log2(sigma * math.sqrt(2 * math.pi * math.e)) + bits - 1


def after_start(predictor, x, start=1500):
    """Bits per sample of sound (T,), once the predictor knows it."""
    x = torch.from_numpy(np.asarray(x)).float()[None]
    return float(predictor.bits(x)[0, start:].mean())


class Hindsight(BackwardPrediction):
    """The mutant: it looks one sample ahead."""

    def __call__(self, x):
        mean, spread = super().__call__(x)
        return Prediction(torch.roll(x, -1, 1) * 0.5 + mean * 0.5, spread)


class Silence(BackwardPrediction):
    """The mutant: it knows only how loud the sound was."""

    def __call__(self, x):
        return BackwardPrediction(0)(x)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_white_noise_needs_its_entropy_and_no_less(bits):
    found = after_start(LinearPredictor(Pcm(bits), SHORT), noise(12000))
    entropy = gaussian_bits(SIGMA, bits)
    assert entropy - 0.01 < found < entropy + 0.1  # a logistic, of a scale that 32 samples tell


@pytest.mark.parametrize("bits", [12, 16])
def test_a_resonance_needs_little_more_than_its_entropy_rate(bits):
    x = resonance(12000)
    rate, marginal = gaussian_bits(SIGMA, bits), gaussian_bits(float(x.std()), bits)
    found = after_start(LinearPredictor(Pcm(bits), SHORT), x)
    assert rate - 0.01 < found < rate + 0.12 and marginal > rate + 2
    blind = after_start(LinearPredictor(Pcm(bits), Silence(16, 1024, 64)), x)
    assert blind > rate + 1.5


def test_a_tone_is_known_but_for_its_rounding():
    tone = 0.5 * np.sin(0.05 * np.arange(8000))
    assert after_start(LinearPredictor(Pcm(8)), tone) < 2.5


@pytest.mark.parametrize("codec", [Pcm(6), DifferentialMuLaw(63), DifferentialMuLaw(63, 0.0)])
@pytest.mark.parametrize("place", [0, 1, 400])
def test_the_masses_of_all_symbols_sum_to_one(codec, place):
    predictor = LinearPredictor(codec, SHORT)
    past = codec.encode(torch.from_numpy(resonance(place + 1)).float() * 3)
    levels = len(codec.values())
    ends = past.expand(levels, -1).clone()
    ends[:, place] = torch.arange(levels)
    assert float(torch.exp2(-predictor.symbol_bits(ends)[:, place]).sum()) == pytest.approx(1)


def test_the_masses_of_16_bits_sum_to_one():
    """Over all 65536 levels of the one sample that there is."""
    bits = LinearPredictor(Pcm(16), BackwardPrediction(0, 16, 16)).symbol_bits(
        torch.arange(65536)[:, None]
    )
    assert float(torch.exp2(-bits).sum()) == pytest.approx(1)


def looks_ahead(prediction):
    """Whether bits of the past change with the future."""
    predictor = LinearPredictor(DifferentialMuLaw(), prediction)
    x = torch.from_numpy(resonance(900)).float()[None]
    other = x.clone()
    other[:, 600:] = torch.from_numpy(noise(300, seed=1)).float()
    bits, others = predictor.bits(x), predictor.bits(other)
    return not torch.equal(bits[:, :600], others[:, :600]) or torch.equal(bits, others)


def test_the_future_changes_nothing():
    assert not looks_ahead(SHORT)


def test_a_predictor_that_looks_ahead_is_caught():
    assert looks_ahead(Hindsight(16, 1024, 64))
    codec, place = DifferentialMuLaw(63), 30
    past = codec.encode(torch.from_numpy(resonance(place + 2)).float() * 3).repeat(63, 1)
    past[:, place] = torch.arange(63)
    bits = LinearPredictor(codec, Hindsight(16, 1024, 64)).symbol_bits(past)[:, place]
    assert abs(float(torch.exp2(-bits).sum()) - 1) > 0.01  # what peeps is no distribution


def test_what_nothing_foresees_costs_a_bounded_number_of_bits():
    x = torch.zeros(1, 6000)
    x[:, 5000:] = 0.9 * (-1.0) ** torch.arange(1000)
    bits = LinearPredictor(Pcm(16), SHORT).bits(x)[0]
    assert float(bits[5000]) == pytest.approx(26) and float(bits.max()) < 26.01
    assert float(bits[4000:5000].mean()) < 1.5  # silence itself costs little
    assert float(bits[5500:].mean()) < 10  # and what follows is soon foreseen


def test_scales_are_those_of_logistics_around_the_prediction():
    """Two errors known by hand: at the first sample the prediction is 0, the errors 0.01."""
    x, step = torch.tensor([[0.125]]), 2 / 256
    scale = 0.6 * (0.01 + 3e-5)
    edge = [1 / (1 + math.exp(-(0.125 + side * step) / scale)) for side in (-0.5, 0.5)]
    mass = (1 - linear_predictor.UNIFORM) * (edge[1] - edge[0]) + linear_predictor.UNIFORM / 256
    assert float(LinearPredictor(Pcm(8)).bits(x)) == pytest.approx(-math.log2(mass), rel=1e-5)


def test_sounds_are_followed_each_by_itself():
    predictor = LinearPredictor(DifferentialMuLaw(), SHORT)
    x = torch.from_numpy(np.stack([resonance(700), noise(700, seed=2)])).float()
    both, alone = predictor.bits(x), predictor.bits(x[1:])
    assert torch.equal(both[1:], alone) and both.dtype == torch.float64 and both.shape == (2, 700)


def test_symbols_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"\(3,\); expected \(B, T\)"):
        LinearPredictor(Pcm(8)).symbol_bits(torch.zeros(3, dtype=torch.long))


def test_samples_beyond_full_scale_take_the_outermost_level():
    codec = Pcm(8)
    assert isinstance(codec, Codec) and isinstance(DifferentialMuLaw(), Codec)
    assert codec.encode(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
    assert torch.equal(codec.encode(codec.values()), torch.arange(256))
