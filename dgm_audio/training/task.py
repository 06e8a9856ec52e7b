"""What the training loop asks of a family: a `Task`, found by the family's name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from torch import Tensor, nn

from dgm_audio.errors import UnknownModelError
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

TASKS = {"vae": "dgm_audio.training.vae:VAETask"}


@dataclass
class Losses:
    """What one pass over a batch gives.

    Args:
        terms: named loss terms that carry gradients; their sum is minimised.
        report: further named numbers for the log.
        real: real audio (N, T) for the discriminator, if the family has one.
        fake: generated audio (M, T), with its graph.
        labels: class indices of real (N,), or None.
        fake_labels: class indices of fake (M,), or None.
    """

    terms: dict[str, Tensor]
    report: dict[str, float] = field(default_factory=dict)
    real: Tensor | None = None
    fake: Tensor | None = None
    labels: Tensor | None = None
    fake_labels: Tensor | None = None


class Objective(nn.Module, ABC):
    """Holds the generator; one forward per batch, so that data parallelism can wrap it."""

    generator: AudioGenerator

    @abstractmethod
    def forward(self, x: Tensor, labels: Tensor, progress: float) -> Losses:
        """Losses of audio (B, C, T) with class indices (B,) at a point of the budget (0 to 1)."""


class Task(ABC):
    """A family's training: its model for the data, its objective, its discriminator.

    Attributes:
        objective: the named losses, holding the generator.
        discriminator: for the adversarial phase, or None.
        adversarial_start: share of the budget after which the discriminator takes part.
    """

    objective: Objective
    discriminator: nn.Module | None = None
    adversarial_start: float = 1.0

    @abstractmethod
    def __init__(self, clips: ClipSet, mixed: bool) -> None:
        """Choose the model's size by looking at the training clips.

        Args:
            clips: the training clips.
            mixed: run the networks in bfloat16.
        """

    def settle(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Make a snapshot of the generator ready to be judged and saved (fit a prior, ...)."""
        return None


def get_task(family: str) -> type[Task]:
    """The training task of a family.

    Raises:
        UnknownModelError: if there is none; the message names those that there are.
    """
    if family not in TASKS:
        raise UnknownModelError(f"family is {family!r}; families to train: {', '.join(TASKS)}")
    module, name = TASKS[family].split(":")
    return getattr(import_module(module), name)
