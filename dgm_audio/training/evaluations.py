"""The schedule of a run's evaluations on validation clips: at most a tenth of any budget.

A budget of time is kept by the clock: the cost of an evaluation is measured before the first step,
a slow validation metric uses fewer sounds, and an evaluation that would go beyond the share is put
off. The time of the last one is reserved: the steps end early enough. It is made even where a
single sound and the writing of the model take more than a tenth, as in a minute on a slow machine.

With a budget of steps the clock decides nothing, since such a run must be the same on a slow
machine and on a fast one. There evaluations come after fixed shares of the steps, as many as make a
tenth if evaluating a sample takes about as long as training on it.
"""

from __future__ import annotations

import sys
import time
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from torch import nn

from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Task
from dgm_audio.training.schedule import Budget
from dgm_audio.training.state import Progress

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

SHARE = 0.1
USUAL, FEWEST = 20, 3
"""Evaluations of a run, if they are cheap; and the number below which they use fewer sounds."""
METRIC_SHARE, LOG_SHARE = 0.4, 0.2
"""Shares of the seconds of an evaluation for the metric, and for sounds and pictures of a log; the
rest is for making a snapshot and writing it."""


@runtime_checkable
class Scalable(Protocol):
    """A validation metric that can use fewer sounds (see `dgm_audio.evaluation`)."""

    def sounds(self, model: AudioGenerator) -> int:
        """The number of sounds on which such a model is evaluated."""
        ...

    def seconds_per_sound(self, model: AudioGenerator) -> float:
        """Seconds per sound, measured on a few."""
        ...

    def take(self, count: int) -> None:
        """Use about `count` sounds from now on."""
        ...


@dataclass
class Pace:
    """When a run evaluates its model.

    Args:
        budget: of the run.
        metric: the validation metric; one that is no `Scalable` is always used as it is.
        most: evaluations at most.
    """

    budget: Budget
    metric: object
    most: int = USUAL

    @property
    def seconds(self) -> float | None:
        """Most seconds of an evaluation, for FEWEST of them; None in a budget of steps."""
        return None if self.budget.seconds is None else SHARE * self.budget.seconds / FEWEST

    def share(self, at: Progress) -> float:
        """Used share of the budget, 0 to 1, without the time reserved for the last evaluation."""
        return self.budget.progress(at.step, at.seconds, at.judgement)

    def planned(self, at: Progress, share: float) -> bool:
        """Whether the next of the planned evaluations is reached; the last one is at the end."""
        return share >= (at.evaluations + 1) / self.most

    def affordable(self, at: Progress, share: float) -> bool:
        """Whether there is time to evaluate now and at the end; at the end there always is."""
        if share >= 1 or self.budget.seconds is None:
            return True
        now, elapsed = at.judging + at.judgement, at.seconds + at.judgement
        return now <= SHARE * elapsed and now + at.judgement <= SHARE * self.budget.seconds

    def begin(self, at: Progress, task: Task, average: nn.Module, clips: ClipSet) -> None:
        """Measure the cost of an evaluation, or take that of the earlier part of the run.

        Args:
            at: progress, in which the cost is recorded.
            task: that makes a snapshot of the average.
            average: of the weights.
            clips: the training clips.
        """
        if self.seconds is None:
            return
        if at.judgement:
            if at.sounds and isinstance(self.metric, Scalable):
                self.metric.take(at.sounds)
            return
        began = time.monotonic()
        model = cast(AudioGenerator, deepcopy(average).eval())
        task.fit_prior(model, clips)
        model = task.snapshot(model, clips)
        at.judgement = time.monotonic() - began
        if isinstance(self.metric, Scalable):
            self._measure(self.metric, model, at)
        at.judging = time.monotonic() - began

    def _measure(self, metric: Scalable, model: AudioGenerator, at: Progress) -> None:
        """Choose the number of sounds of an evaluation by the seconds per sound."""
        usual, each = metric.sounds(model), metric.seconds_per_sound(model)
        assert self.seconds is not None
        metric.take(min(usual, max(1, int((METRIC_SHARE * self.seconds - at.judgement) / each))))
        at.sounds = metric.sounds(model)
        at.judgement += each * at.sounds
        if at.sounds < usual:
            print(
                f"validation uses {at.sounds} of {usual} sounds, so that it takes no more than a "
                f"tenth of {self.budget}",
                file=sys.stderr,
            )

    def record(self, at: Progress, seconds: float, first: bool) -> dict[str, float]:
        """Record the cost of an evaluation; before the first one it was an estimate.

        Returns:
            Entries of the log: its seconds, and the share of the time that all of them took.
        """
        at.judging += seconds
        at.judgement = seconds if first else max(at.judgement, seconds)
        share = at.judging / max(at.seconds, 1e-9)
        return {"judging_seconds": round(seconds, 2), "judging_share": round(share, 4)}


def evaluation_count(budget: Budget, evaluated: int, trained: int) -> int:
    """The most evaluations of a model over a budget.

    Args:
        budget: of the run.
        evaluated: audio samples per evaluation.
        trained: audio samples per training step.

    >>> evaluation_count(Budget.parse("3m"), evaluated=256, trained=16)
    20
    >>> [evaluation_count(Budget(steps=steps), 256, 16) for steps in (8, 640, 20000)]
    [1, 4, 20]
    """
    if budget.steps is None:
        return USUAL
    return max(1, min(USUAL, int(SHARE * budget.steps * trained / max(1, evaluated))))
