"""The metric by which training keeps its best model: bits per sample, held-out loss, or the MMD."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from dgm_audio._renamed import old_names
from dgm_audio.evaluation.diversity import diversity
from dgm_audio.evaluation.likelihood import MAX_MARKOV_LEVELS, baseline_bits, mean_bits
from dgm_audio.evaluation.reference import (
    MIN_CLIPS,
    VALIDATION_SEED,
    Reference,
    quick_distance,
)
from dgm_audio.evaluation.sampling import proportional_labels
from dgm_audio.evaluation.shaped_noise import ShapedNoise
from dgm_audio.generator import AudioGenerator, HasLogProb
from dgm_audio.objective import HasHeldoutLoss

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet, Splits

MAX_SCORED = 128
"""Clips that likelihood is measured on: enough to tell snapshots apart, few enough to be quick."""

MIN_DRAWN = 256
"""Sounds of a model that are compared, at least: with fewer, chance decides between snapshots."""

MAX_SECONDS = 600
"""Sound that is drawn beyond the number of validation clips: long clips need not be so many."""

MAX_COMPARED = 512
"""Clips, and sounds, that are compared at most: more takes minutes every time."""

LONG = 1.0
"""A timing of so many seconds or more is not repeated: a start-up cost hardly matters there."""


class ValidationMetric:
    """The metric of a model on the validation clips; lower is better.

    Bits per sample of a model with a likelihood, the loss of one whose loss tells (see
    `HasHeldoutLoss`), or else the MMD of its sounds.

    Test and unseen clips are never used: they report on the model that this metric chose. With
    fewer than 8 validation clips the training clips stand in; a line on standard error says so.

    Args:
        splits: the clips.
    """

    def __init__(self, splits: Splits) -> None:
        clips = _validation_clips(splits)
        self.where = "validation" if clips is splits.validation else "training"
        seconds = clips.audio.shape[2] / clips.sample_rate
        few = max(MIN_CLIPS, min(MAX_SCORED, int(MAX_SECONDS / seconds)))
        self.training = _some(splits.train, few)
        self.compared = _some(clips, MAX_COMPARED)
        self.scored = _some(clips, MAX_SCORED)
        self._count: int | None = None

    @cached_property
    def reference(self) -> Reference:
        """The clips that sounds are compared with."""
        return Reference(self.compared)

    def __call__(self, model: AudioGenerator) -> float:
        """Loss or bits per sample of a model that has them, or else its MMD; lower is better."""
        return self._metric(model, self.sounds(model))

    def _metric(self, model: AudioGenerator, count: int) -> float:
        if isinstance(model, HasLogProb):
            return mean_bits(model, _some(self.scored, count))
        if isinstance(model, HasHeldoutLoss):
            return model.heldout_loss(_some(self.scored, count))
        return quick_distance(model, self.reference, n=count)

    def sounds(self, model: AudioGenerator) -> int:
        """How many validation clips are scored, or sounds of the model drawn."""
        scored = isinstance(model, HasLogProb | HasHeldoutLoss)
        usual = len(self.scored) if scored else max(len(self.reference), self._drawn())
        fewest = 1 if scored else min(MIN_CLIPS, usual)
        return usual if self._count is None else max(fewest, min(usual, self._count))

    def _drawn(self) -> int:
        seconds = self.reference.audio.shape[2] / self.reference.sample_rate
        return min(MIN_DRAWN, int(MAX_SECONDS / seconds))

    def seconds_per_sound(self, model: AudioGenerator) -> float:
        """Seconds that each of them takes: the better of two timings, unless the first was long."""
        scored = isinstance(model, HasLogProb | HasHeldoutLoss)
        count = 1 if scored else 2  # a distance has no fewer
        first, second = _seconds(self._metric, model, count), 0.0
        if first < LONG:
            second = _seconds(self._metric, model, count)
        return min(first, second or first) / count

    def take(self, count: int) -> None:
        """Use about so many sounds from now on, to save time; never too few to mean anything."""
        self._count = count

    def name(self, model: AudioGenerator) -> str:
        """The metric of such a model, in words."""
        if isinstance(model, HasLogProb):
            return f"bits per sample of {self.where} recordings"
        if isinstance(model, HasHeldoutLoss):
            return f"loss on {self.where} recordings"
        return f"MMD to {self.where} recordings"

    def floor(self, model: AudioGenerator) -> tuple[str, float]:
        """A baseline that has learned nothing: its name and metric; takes a sixth of an evaluation.

        For a likelihood it is an order-1 Markov chain, or a uniform density; else noise with the
        mean spectrum of each class.
        """
        if isinstance(model, HasLogProb):
            levels = model.audio.levels
            counted = levels is not None and levels <= MAX_MARKOV_LEVELS
            name = "a Markov chain" if counted else "a uniform density"
            scored = _some(self.scored, self.sounds(model))
            return name, baseline_bits(model, self.training, scored)
        if isinstance(model, HasHeldoutLoss):
            scored = _some(self.scored, self.sounds(model))
            return "a Gaussian", model.heldout_floor(scored)
        training, count = self.training, min(len(self.reference), len(self.training))
        labels = proportional_labels(self.reference.labels, max(MIN_CLIPS, count))
        shaped = ShapedNoise(
            training.audio,
            torch.from_numpy(training.labels).long(),
            len(training.classes),
            training.sample_rate,
        )
        return "shaped noise", self.reference.distance(shaped.draw(labels, seed=VALIDATION_SEED))

    def diversity(self, model: AudioGenerator) -> float:
        """How much a model's sounds of one class differ, against the clips' (see `diversity`)."""
        return diversity(model, self.reference)


def validation_metric(splits: Splits) -> ValidationMetric:
    """The metric by which training keeps its best model (see `ValidationMetric`)."""
    return ValidationMetric(splits)


def validation_bits(splits: Splits) -> Callable[[AudioGenerator], float]:
    """Bits per valid sample of the validation clips, for models with a likelihood only.

    The clips are chosen as `validation_metric` does; of more than 128 every so many-th is taken.
    """
    scored = _some(_validation_clips(splits), MAX_SCORED)
    return lambda model: mean_bits(model, scored)


def _validation_clips(splits: Splits) -> ClipSet:
    clips = splits.validation
    if len(clips) < MIN_CLIPS:
        print(
            f"only {len(clips)} validation clips: the {len(splits.train)} training clips choose "
            "the best model instead",
            file=sys.stderr,
        )
        clips = splits.train
    return clips


def _seconds(call: Callable[..., float], *arguments: object) -> float:
    began = time.monotonic()
    call(*arguments)
    return time.monotonic() - began


def _some(clips: ClipSet, most: int) -> ClipSet:
    """At most so many of the clips, evenly spread over their order."""
    if len(clips) <= most:
        return clips
    return clips.subset(np.linspace(0, len(clips) - 1, most).round().astype(int))


__getattr__ = old_names(__name__)
