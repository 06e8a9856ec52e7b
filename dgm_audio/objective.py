"""The training contract: a family's `Task`, its `Objective` and the `Losses` of a batch."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from dgm_audio._renamed import old_names, warn_renamed
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet


@dataclass
class Losses:
    """The losses of one batch, and audio for the discriminator.

    Args:
        terms: named loss terms that carry gradients; their sum is minimised.
        report: further named numbers for the log.
        real: real audio (N, T) for the discriminator, if the family has one.
        fake: generated audio (M, T), with its graph.
        labels: class indices of real (N,), or None.
        fake_labels: class indices of fake (M,), or None.
        paired: number of the first of fake that reconstruct the first of real, one by one.
    """

    terms: dict[str, Tensor]
    report: dict[str, float] = field(default_factory=dict)
    real: Tensor | None = None
    fake: Tensor | None = None
    labels: Tensor | None = None
    fake_labels: Tensor | None = None
    paired: int = 0


class Objective(nn.Module, ABC):
    """Holds the generator; one forward per batch, so that data parallelism can wrap it.

    Attributes:
        generator: the model that is trained.
        adversarial_start: share of the budget after which the task's discriminator takes part.
        adversarial_end: share after which it no longer does.
        rows: of the training clips that the batch of this step holds, set by the loop.
        mixed: whether networks run in bfloat16; to be read at every pass, since the loop turns it
            off after a step that is finite in float32 only.
    """

    generator: AudioGenerator
    rows: np.ndarray
    mixed: bool = False
    adversarial_start: float = 1.0
    adversarial_end: float = 1.0

    @abstractmethod
    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Losses of audio (B, C, T) at a point of the budget.

        Args:
            x: the sounds.
            labels: class indices (B,).
            progress: used share of the budget, 0 to 1.
            pitch: MIDI numbers (B,) of notes, whose halves are pairs of one group each.
        """


class Task(ABC):
    """A family's training: its model for the data, its objective, its discriminator.

    Attributes:
        objective: the named losses, holding the generator.
        discriminator: for the adversarial phase, or None.
        penalised: whether the discriminator has a gradient penalty at real sounds.
        watched: whether a run ends when the generator collapses to few sounds.
        horizon: memory of the average of the weights, as a share of the budget.
        batch: default number of clips per step.
        rate: default peak learning rate of a new model.
        highest_rate: highest default sample rate in Hz, or None.
        whole: whether the family is trained on whole recordings, not on sounds cut out of them.
        represented: whether the objective keeps what it learns from of all clips, and needs the
            rows of a step only; the audio of a batch is then empty (B, C, 0).
        contains: name of the model that a new one contains (a vocoder), unless another is given to
            start from; empty if none.
        transcribed: whether the family learns from transcripts where the recordings have them.
        crop: samples of a clip per training step, or None for all.
        purpose: a verb phrase, of a family whose models make no new sounds by themselves.
    """

    objective: Objective
    discriminator: nn.Module | None = None
    penalised: bool = False
    watched: bool = False
    horizon: float = 0.02
    batch: int = 16
    rate: float = 1e-3
    highest_rate: int | None = None
    whole: bool = False
    represented: bool = False
    contains: str = ""
    transcribed: bool = False
    crop: int | None = None
    purpose: str = ""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "settle" in vars(cls):  # of a plugin that was written for the version before
            warn_renamed(f"{cls.__name__}.settle", f"{cls.__name__}.fit_prior")
            cls.fit_prior = vars(cls)["settle"]

    @classmethod
    def clips_of(cls, start: AudioGenerator) -> tuple[int | None, float | None]:
        """Rate in Hz and seconds of the clips that a start wants; None: as the folder suggests."""
        return None, None

    @abstractmethod
    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        """Choose the model's size by looking at the training clips.

        Args:
            clips: the training clips.
            mixed: run the networks in bfloat16.
            start: a trained model to go on from, past the phases that a new model needs.
        """

    def sounds(self, clips: ClipSet, rows: np.ndarray, seed: int) -> Tensor:
        """The audio (B, C, T) of a step: by default the clips of the given rows."""
        return clips.tensor(rows)

    def rate_factor(self, progress: float) -> float:
        """Factor on the learning rate at a point of the budget."""
        return cosine_rate(progress)

    def fit_prior(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Fit what is not trained by gradients (a prior, ...), before evaluation and saving."""
        return None

    def snapshot(self, average: AudioGenerator, clips: ClipSet) -> AudioGenerator:
        """The model to evaluate and keep: by default the average of the weights."""
        return average


@runtime_checkable
class HasHeldoutLoss(Protocol):
    """A model whose training loss on recordings tells how well it has learned them."""

    def heldout_loss(self, clips: ClipSet) -> float:
        """The loss on recordings that were not trained on; lower is better."""
        ...

    def heldout_floor(self, clips: ClipSet) -> float:
        """The loss of a model that has learned nothing but mean and deviation."""
        ...


def take_weights(model: AudioGenerator, start: AudioGenerator) -> list[str]:
    """Copy the weights that fit; a line on standard error names those that start anew.

    A model of other classes keeps all but what depends on them.

    Returns:
        The names of those that start anew.

    Raises:
        InputError: if less than half of the weights fit.
    """
    own, theirs = model.state_dict(), start.state_dict()
    fits = {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}
    anew = [key for key in own if key not in fits]
    share = sum(v.numel() for v in fits.values()) / sum(v.numel() for v in own.values())
    if share < 0.5:
        raise InputError(
            f"only {share:.0%} of the weights of the model to start from fit this data; "
            "its family, clip length and sample rate must be the same"
        )
    if anew:
        print(f"not in the model to start from: {', '.join(anew)}", file=sys.stderr)
    model.load_state_dict(fits, strict=False)
    return anew


def cosine_rate(progress: float, warmup: float = 0.02, floor: float = 0.02) -> float:
    """Factor on the learning rate: linear warm-up over `warmup`, then half a cosine to `floor`.

    >>> [round(cosine_rate(p), 2) for p in (0.0, 0.02, 0.51, 1.0)]
    [0.02, 1.0, 0.51, 0.02]
    """
    if progress < warmup:
        return max(floor, progress / warmup)
    along = (progress - warmup) / (1 - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * along))


def ramp(progress: float, start: float, end: float) -> float:
    """0 before `start`, 1 after `end`, linear between.

    >>> ramp(0.25, 0.0, 0.5)
    0.5
    """
    return min(1.0, max(0.0, (progress - start) / max(end - start, 1e-9)))


__getattr__ = old_names(__name__)
