"""One step of the adversarial phase: the discriminator's inputs, whoever learns from it."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from dgm_audio.nn.conditional_augmentation import N_PARAMETERS
from dgm_audio.nn.discriminator import SpectrogramDiscriminator
from dgm_audio.objective import Losses
from dgm_audio.training.steps import OptimisedModule, adversarial_step


class Given(nn.Module):
    """An objective whose real and new sounds are given."""

    classes: tuple[torch.Tensor | None, torch.Tensor | None] = None, None

    def __init__(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        super().__init__()
        self.real, self.fake = real, nn.Parameter(fake)

    def forward(self, x, labels, progress, pitch=None) -> Losses:
        real, fake = self.classes
        return Losses({}, real=self.real, fake=1 * self.fake, labels=real, fake_labels=fake)


def still(module: nn.Module) -> OptimisedModule:
    """A module whose optimizer does not move it."""
    return OptimisedModule(module, torch.optim.SGD(module.parameters(), lr=0.0))


def scores_of(real: torch.Tensor, fake: torch.Tensor) -> list[torch.Tensor]:
    """Scores of the first critic in the discriminator's step, then in the generator's."""
    torch.manual_seed(0)
    critics = SpectrogramDiscriminator(8000, 0, 4, (256,), few=True).eval()
    critics.augmentation.forward = lambda x: (x, torch.zeros(len(x), N_PARAMETERS))
    scores = []
    critics.register_forward_hook(lambda *passed: scores.append(passed[-1][0].score.detach()))
    labels, fabric = torch.zeros(len(real), dtype=torch.long), Fabric(accelerator="cpu", devices=1)
    adversarial_step(fabric, still(Given(real, fake)), still(critics), real[:, None], labels, 1.0)
    return scores


@pytest.mark.parametrize(
    ("real", "fake"), [(1, 1), (2, 2), (3, 3), (5, 5), (6, 6), (8, 8), (4, 6), (3, 6)]
)
def test_a_new_sound_has_one_score_in_both_steps_and_beside_new_ones_only(real, fake):
    rng = torch.Generator().manual_seed(0)
    x, y = (0.1 * torch.randn(count, 2048, generator=rng) for count in (real, fake))
    critics, generators = scores_of(x, y)
    torch.testing.assert_close(critics[real:], generators)
    other, _ = scores_of(3 * x, y)
    torch.testing.assert_close(other[real:], generators)
    assert not torch.allclose(other[:real], critics[:real])


@pytest.mark.parametrize("known", [False, True])
def test_the_discriminator_gets_the_classes_of_real_and_new_sounds(known):
    real, fake = torch.tensor([0, 1, 2]), torch.tensor([2, 2, 0])
    given, critics = [], SpectrogramDiscriminator(8000, 3 if known else 0, 4, (256,))
    critics.register_forward_pre_hook(lambda module, inputs: given.append(inputs[1]))
    objective = Given(0.1 * torch.randn(3, 2048), 0.1 * torch.randn(3, 2048))
    objective.classes = (real, fake) if known else (None, None)
    fabric, x = Fabric(accelerator="cpu", devices=1), objective.real[:, None]
    adversarial_step(fabric, still(objective), still(critics), x, real, 1.0)
    if not known:
        assert given == [None, None]
    else:
        assert [labels.tolist() for labels in given] == [[0, 1, 2, 2, 2, 0], [2, 2, 0]]
