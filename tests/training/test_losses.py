import numpy as np
import torch

from dgm_audio.training.augment import augment
from dgm_audio.training.losses import SpectralEnergyDistance


def noise(seed, gain=1.0):
    rng = torch.Generator().manual_seed(seed)
    return gain * 0.1 * torch.randn(8, 8192, generator=rng)


def test_the_energy_distance_prefers_noise_for_noise_and_the_plain_distance_does_not():
    """A smooth rendering of the same power beats noise under d; under the energy distance not."""
    energy = SpectralEnergyDistance((512,))
    target = noise(0)
    renderings = noise(1), noise(2)
    impulse = torch.zeros(8, 8192)
    impulse[:, ::128] = 0.1 * 128**0.5  # flat, noiseless spectrum of the same power
    distance = energy.distances[0]
    real = distance.features(target)
    level = real[0].mean(dim=(1, 2), keepdim=True)

    def plain(x):
        return float(distance.between(distance.features(x), real, level))

    assert plain(impulse) < plain(renderings[0])
    assert float(energy(target, *renderings)) < float(energy(target, impulse, impulse))


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
