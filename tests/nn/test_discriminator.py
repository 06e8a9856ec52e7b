"""Critics: conditional augmentation, the deviation within a batch, and the gradient penalty."""

import pytest
import torch

from dgm_audio.nn.conditional_augmentation import (
    DELAY,
    N_PARAMETERS,
    SHARE,
    TILT_DB,
    ConditionalAugmentation,
)
from dgm_audio.nn.discriminator import (
    SpectrogramDiscriminator,
    feature_distance,
    gradient_penalty,
    hinge_discriminator_loss,
)

SIZES = {"sample_rate": 8000, "classes": 2, "channels": 4, "windows": (256, 64)}


def sounds(count: int) -> torch.Tensor:
    return 0.1 * torch.randn(count, 4096, generator=torch.Generator().manual_seed(0))


def test_scores_are_of_patches_and_depend_on_the_class():
    torch.manual_seed(0)
    discriminator = SpectrogramDiscriminator(**SIZES)
    for critic in discriminator.critics:
        torch.nn.init.normal_(critic.embedding.weight)
    x = sounds(4)
    one = discriminator(x, torch.zeros(4, dtype=torch.long))
    other = discriminator(x, torch.ones(4, dtype=torch.long))
    assert [len(output.features) for output in one] == [4, 4]
    assert all(a.score.shape[0] == 4 and a.score.shape[1] > 1 for a in one)
    assert all(not torch.equal(a.score, b.score) for a, b in zip(one, other, strict=True))


def regularised(gain: float = 1.0, parameter: float = 0.0) -> SpectrogramDiscriminator:
    """Critics for few sounds, all of which are augmented alike."""
    torch.manual_seed(0)
    discriminator = SpectrogramDiscriminator(**SIZES, few=True).eval()
    given = parameter * torch.ones(N_PARAMETERS)
    discriminator.augmentation.forward = lambda x: (gain * x, given.expand(len(x), -1))

    return discriminator


@torch.no_grad()
def test_with_few_sounds_the_deviation_of_a_group_is_seen_and_of_no_other():
    critics, x = regularised(), sounds(8)
    score = critics(x, None, 4)[0].score
    alike = critics(x[:1].expand(4, -1), None, 4)[0].score
    assert float((score[0] - alike[0]).abs().max()) > 1e-3
    louder = critics(torch.cat([x[:4], 3 * x[4:]]), None, 4)[0].score
    torch.testing.assert_close(louder[:4], score[:4])
    alone = critics(x, None)[0].score
    torch.testing.assert_close(alone[0], critics(x[:1], None)[0].score[0])


@torch.no_grad()
def test_critics_score_the_augmented_sound_and_depend_on_the_parameters():
    x = sounds(4)
    plain = regularised()(x, None)[0].score
    for changed in (regularised(gain=2.0), regularised(parameter=1.0)):
        assert float((changed(x, None)[0].score - plain).abs().max()) > 1e-3


def test_a_layer_that_scores_few_sounds_has_norm_one():
    torch.manual_seed(0)
    for critic in SpectrogramDiscriminator(**SIZES, few=True).critics:
        with torch.no_grad():
            for _ in range(30):  # steps of the power iteration
                weight = critic.score.weight.flatten(1)
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=1e-3)


def test_the_penalty_is_that_of_finite_differences():
    """A score that is linear in its spectrogram with slope w per pixel: n w^2 per patch."""
    torch.manual_seed(0)
    x = sounds(2).requires_grad_()
    output = SpectrogramDiscriminator(8000, 0, 4, (256,))(x, None)[0]
    linear = output._replace(score=0.5 * output.spectrogram.sum((1, 2, 3))[:, None])
    pixels = output.spectrogram[0].numel()
    assert float(gradient_penalty([linear]).detach()) == pytest.approx(0.25 * pixels)


def test_the_penalty_reaches_the_weights():
    torch.manual_seed(0)
    discriminator = SpectrogramDiscriminator(**SIZES, few=True)
    x = sounds(4).requires_grad_()
    gradient_penalty(discriminator(x, torch.zeros(4, dtype=torch.long))).backward()
    weights = [weight for weight in discriminator.critics[0].parameters() if weight.ndim == 4]
    assert len(weights) > 4 and all(float(weight.grad.abs().sum()) > 0 for weight in weights)


def test_hinges_and_feature_distances():
    assert float(hinge_discriminator_loss(torch.tensor([2.0]), torch.tensor([-2.0]))) == 0
    assert float(hinge_discriminator_loss(torch.tensor([0.0]), torch.tensor([0.0]))) == 2
    a = [torch.ones(2, 3)]
    assert float(feature_distance(a, [1.5 * a[0]])) == pytest.approx(0.5)


def test_the_parameters_are_the_changes_that_are_made():
    """Gain, delay and tilt, each alone, on an impulse."""
    augmentation, x = ConditionalAugmentation(8000), torch.zeros(1, 4096)
    x[0, 100] = 1.0
    louder = augmentation.augmented(x, torch.tensor([[1.0, 0.0, 0.0]]))
    assert 20 * float(louder.abs().max().log10()) == pytest.approx(6.0, abs=0.01)
    later = augmentation.augmented(x, torch.tensor([[0.0, 0.0, 1.0]]))
    assert int(later.abs().argmax()) == 100 + DELAY * 8000
    tilted = torch.fft.rfft(augmentation.augmented(x, torch.tensor([[0.0, 1.0, 0.0]])))[0].abs()
    assert 20 * float((tilted[-1] / tilted[2]).log10()) == pytest.approx(TILT_DB, abs=0.3)
    torch.testing.assert_close(augmentation.augmented(x, torch.zeros(1, 3)), x, atol=1e-6, rtol=0)


def test_what_comes_later_leaves_silence():
    later = ConditionalAugmentation(8000).augmented(
        torch.ones(1, 4096), torch.tensor([[0.0, 0.0, 1.0]])
    )
    assert float(later[0, : int(DELAY * 8000)].abs().max()) < 1e-3


def test_parameters_are_unambiguous():
    """Gain and tilt go both ways; a delay in one direction only."""
    torch.manual_seed(0)
    _, parameters = ConditionalAugmentation(8000)(torch.zeros(1000, 64))
    assert parameters.amin(0) == pytest.approx([-1, -1, 0], abs=0.02)
    assert parameters.amax(0) == pytest.approx([1, 1, 1], abs=0.02)


def test_only_a_share_is_augmented_and_gradients_pass():

    torch.manual_seed(0)
    x = sounds(200).requires_grad_()
    changed, parameters = ConditionalAugmentation(8000)(x)
    share = float((parameters != 0).any(1).float().mean())
    assert share == pytest.approx(SHARE, abs=0.12)
    changed.square().sum().backward()
    assert bool((x.grad.abs().sum(1) > 0).all())
