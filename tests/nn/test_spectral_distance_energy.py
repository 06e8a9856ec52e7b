import numpy as np
import pytest
import torch

from dgm_audio.data.augment import _speed, augment
from dgm_audio.nn.spectral_distance import SpectralDistance, SpectralEnergyDistance


def noise(seed, gain=1.0):
    rng = torch.Generator().manual_seed(seed)
    return gain * 0.1 * torch.randn(8, 8192, generator=rng)


def test_the_energy_distance_prefers_noise_for_noise_and_the_plain_distance_does_not():
    """Under d the smooth median spectrum beats true noise; under the energy distance it loses."""
    distance = SpectralDistance(512)
    target, one, two = (distance.features(noise(seed)) for seed in range(3))
    level = distance.level_of(target)
    median = target[0].median() * torch.ones_like(target[0])
    smooth = median, median.log()

    def plain(a, b):
        return float(distance.between(a, b, level).mean())

    assert plain(smooth, target) < 0.8 * plain(one, target)
    energy = plain(one, target) / 2 + plain(two, target) / 2 - plain(one, two) / 2
    assert energy < 0.8 * plain(smooth, target)
    own = float(SpectralEnergyDistance([512])(noise(0), noise(1), noise(2)))
    assert own == pytest.approx(energy)


def test_the_energy_distance_of_the_sound_itself_is_zero():
    target = noise(3)
    assert float(SpectralEnergyDistance()(target, target, target)) == 0


def test_a_wrong_level_costs():
    energy = SpectralEnergyDistance()
    right = energy(noise(0), noise(1), noise(2))
    assert float(energy(noise(0), noise(1, 3.0), noise(2, 3.0))) > 2 * float(right)


def test_augmentation_keeps_peak_length_and_pitch_within_a_semitone():
    t = torch.arange(16384) / 16000
    x = (0.5 * torch.sin(2 * np.pi * 1000 * t)).expand(32, 1, -1)
    y = augment(x, torch.Generator().manual_seed(0))
    assert y.shape == x.shape
    torch.testing.assert_close(y.abs().amax((1, 2)), x.abs().amax((1, 2)), rtol=1e-4, atol=1e-4)
    peak = torch.fft.rfft(y[:, 0] * torch.hann_window(16384)).abs().argmax(1) * 16000 / 16384
    assert float(peak.min()) > 930 and float(peak.max()) < 1070
    assert float(peak.std()) > 5  # and it does change something


def test_augmentation_is_a_function_of_the_generator():
    x = noise(5)[:, None]
    first, second, other = (augment(x, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_changed_speed_is_exact_for_slow_waves():
    """Cubic interpolation of 20 samples a period: good to a thousandth, linear is not."""
    time = torch.arange(2000.0)
    x = torch.sin(2 * torch.pi * time / 20).expand(2, 1, -1)
    found = _speed(x, torch.tensor([1.03, 0.97]))[:, 0, 2:1900]
    for row, factor in enumerate((1.03, 0.97)):
        wanted = torch.sin(2 * torch.pi * factor * time[2:1900] / 20)
        assert float((found[row] - wanted).abs().max()) < 3e-3
