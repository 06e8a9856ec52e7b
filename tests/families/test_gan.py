"""The spectrogram GAN: its contract, and inversion by optimisation."""

import pytest
import torch
from small_models import SPECTROGRAM, shaken

from dgm_audio.families.gan.model import SpectrogramGAN
from dgm_audio.inversion import PRIOR_WEIGHT, invert
from dgm_audio.nn.spectral_distance import WINDOWS, SpectralDistance
from dgm_audio.testing import check_generator


def gan(amount: float = 0.1) -> SpectrogramGAN:
    """A small model that is not silent."""
    torch.manual_seed(0)
    return shaken(SpectrogramGAN(SPECTROGRAM), amount)


def tone(codes: torch.Tensor) -> torch.Tensor:
    """A decoder whose inverse is known: falling tones of levels exp(z_0) and exp(z_1)."""
    t = torch.arange(4096) / 8000
    low, high = (torch.sin(2 * torch.pi * f * t) * (-6 * t).exp() for f in (440.0, 1500.0))
    return 0.1 * (codes[:, :1].exp() * low + codes[:, 1:].exp() * high)


def test_it_keeps_the_contract():
    check_generator(gan())


def test_inversion_finds_the_latent_of_a_sound():
    """Three quarters of the way in 20 steps; the prior's pull is what is left."""
    wanted = torch.tensor([[0.6, -0.8], [-0.4, 0.5]])
    found = invert(tone, tone(wanted), torch.zeros(2, 2))
    assert float((found - wanted).abs().max()) < 0.25 * float(wanted.abs().min()) + 0.05


def test_inversion_is_deterministic_and_items_do_not_touch():
    wanted = torch.tensor([[0.6, -0.8], [-0.4, 0.5]])
    both = invert(tone, tone(wanted), torch.zeros(2, 2), steps=5)
    assert torch.equal(both, invert(tone, tone(wanted), torch.zeros(2, 2), steps=5))
    alone = invert(tone, tone(wanted[1:]), torch.zeros(1, 2), steps=5)
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-3)


def test_without_steps_the_start_stays():
    start = torch.tensor([[0.3, 0.1]])
    assert torch.equal(invert(tone, tone(start + 1), start, steps=0), start)


def test_a_start_that_no_step_improves_stays():
    """One step of 0.1 goes far beyond the sound, which lies 0.01 away."""
    start = torch.full((1, 2), 0.01)
    assert torch.equal(invert(tone, tone(0 * start), start, steps=1), start)


def test_what_a_sound_does_not_say_is_drawn_towards_zero():
    start = torch.tensor([[0.5, -0.5]])
    found = invert(lambda codes: tone(0 * codes), tone(0 * start), start)
    assert float(found.abs().max()) < 0.1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_encoding_is_better_than_the_encoders_guess_and_works_without_gradients(mode):
    model = gan(0.2)  # whose guess is no good

    def cost(z):
        total = PRIOR_WEIGHT * z.square().mean(dim=(1, 2))
        for distance in map(SpectralDistance, WINDOWS):
            made, wanted = (distance.features(audio[:, 0]) for audio in (model.decode(z), x))
            near = distance.between(made, wanted, distance.level_of(wanted))
            total = total + near / len(WINDOWS)
        return total

    with mode():
        x = model.sample(2, seed=3)
        z = model.encode(x)
        labels = torch.zeros(2, dtype=torch.long)
        guess = model.latent_of_code(model.posterior(x)[0], labels)[:, :, None]
        assert bool((cost(z) < cost(guess) - 0.01).all())
    assert z.shape == (2, 4, 1) and not z.requires_grad
    assert all(weight.grad is None for weight in model.parameters())
