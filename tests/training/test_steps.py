"""One step of both players: what the discriminator hears, whoever learns from it."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from dgm_audio.nn.discriminator import SpectrogramDiscriminator
from dgm_audio.nn.told import TOLD
from dgm_audio.training.steps import Player, adversarial_step
from dgm_audio.training.task import Losses


class Given(nn.Module):
    """An objective whose real and new sounds are given."""

    def __init__(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        super().__init__()
        self.real, self.fake = real, nn.Parameter(fake)

    def forward(self, x, labels, progress, pitch=None) -> Losses:
        return Losses(terms={}, real=self.real, fake=1 * self.fake)


def still(module: nn.Module) -> Player:
    """A player that does not move."""
    return Player(module, torch.optim.SGD(module.parameters(), lr=0.0))


def heard(real: torch.Tensor, fake: torch.Tensor) -> list[torch.Tensor]:
    """Scores of the first critic in the discriminator's step, then in the generator's."""
    torch.manual_seed(0)
    critics = SpectrogramDiscriminator(8000, 0, 4, (256,), few=True).eval()
    critics.augmentation.forward = lambda x: (x, torch.zeros(len(x), TOLD))
    scores = []
    critics.register_forward_hook(lambda *passed: scores.append(passed[-1][0].score.detach()))
    labels, fabric = torch.zeros(len(real), dtype=torch.long), Fabric(accelerator="cpu", devices=1)
    adversarial_step(fabric, still(Given(real, fake)), still(critics), real[:, None], labels, 1.0)
    return scores


@pytest.mark.parametrize(
    ("real", "fake"), [(1, 1), (2, 2), (3, 3), (5, 5), (6, 6), (8, 8), (4, 6), (3, 6)]
)
def test_a_new_sound_is_heard_alike_in_both_steps_and_beside_new_ones_only(real, fake):
    rng = torch.Generator().manual_seed(0)
    x, y = (0.1 * torch.randn(count, 2048, generator=rng) for count in (real, fake))
    critics, generators = heard(x, y)
    torch.testing.assert_close(critics[real:], generators)
    other, _ = heard(3 * x, y)
    torch.testing.assert_close(other[real:], generators)
    assert not torch.allclose(other[:real], critics[:real])
