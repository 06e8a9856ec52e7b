"""How often, and by how many sounds, a run judges its model: a tenth of any budget at most.

A budget of time is kept by the clock: before the first step it is measured what a judgement costs,
a judge that is too slow judges by fewer sounds, and a judgement that would go beyond the share is
put off. The time of the last one is set aside: the steps end early enough. It is made even where a
single sound and the writing of the model take more than a tenth, as in a minute on a slow machine.

With a budget of steps the clock decides nothing, since such a run must be the same on a slow
machine and on a fast one. There judgements come after fixed shares of the steps, as many as make a
tenth if hearing a sample in judging it takes about as long as learning from it.
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
"""Judgements of a run, if they are cheap; and so many are made by fewer sounds if they are not."""
JUDGE, PICTURES = 0.4, 0.2
"""Shares of the seconds of a judgement for the metric, and for sounds and pictures of a log; the
rest is for what cannot be chosen: making a snapshot and writing it."""


@runtime_checkable
class Scalable(Protocol):
    """A judge that knows how much it does, and can do less (see `evaluation.ValidationMetric`)."""

    def sounds(self, model: AudioGenerator) -> int:
        """How many sounds such a model is judged by."""
        ...

    def seconds_per_sound(self, model: AudioGenerator) -> float:
        """What one of them costs, measured on a few."""
        ...

    def take(self, count: int) -> None:
        """Judge by about so many from now on."""
        ...


@dataclass
class Pace:
    """Says when a run judges its model.

    Args:
        budget: of the run.
        judge: the run's; one that is no `Scalable` is always used as it is.
        most: judgements at most.
    """

    budget: Budget
    judge: object
    most: int = USUAL

    @property
    def seconds(self) -> float | None:
        """What a judgement may cost if there are to be a few; None in a budget of steps."""
        return None if self.budget.seconds is None else SHARE * self.budget.seconds / FEWEST

    def share(self, at: Progress) -> float:
        """Used share of the budget, 0 to 1, but for the time that the last judgement takes."""
        return self.budget.progress(at.step, at.seconds, at.judgement)

    def planned(self, at: Progress, share: float) -> bool:
        """Whether the next of the planned judgements is reached; the last one is at the end."""
        return share >= (at.evaluations + 1) / self.most

    def affordable(self, at: Progress, share: float) -> bool:
        """Whether there is time to judge now and at the end; at the end there always is."""
        if share >= 1 or self.budget.seconds is None:
            return True
        now, elapsed = at.judging + at.judgement, at.seconds + at.judgement
        return now <= SHARE * elapsed and now + at.judgement <= SHARE * self.budget.seconds

    def begin(self, at: Progress, task: Task, average: nn.Module, clips: ClipSet) -> None:
        """Find out what a judgement costs, or go on as in the earlier part of the run.

        Args:
            at: progress, which takes it down.
            task: that makes a snapshot of the average.
            average: of the weights.
            clips: the training clips.
        """
        if self.seconds is None:
            return
        if at.judgement:
            if at.sounds and isinstance(self.judge, Scalable):
                self.judge.take(at.sounds)
            return
        began = time.monotonic()
        model = cast(AudioGenerator, deepcopy(average).eval())
        task.settle(model, clips)
        model = task.snapshot(model, clips)
        at.judgement = time.monotonic() - began
        if isinstance(self.judge, Scalable):
            self._measure(self.judge, model, at)
        at.judging = time.monotonic() - began

    def _measure(self, judge: Scalable, model: AudioGenerator, at: Progress) -> None:
        """Choose by how many sounds a model is judged, by what one of them costs."""
        usual, each = judge.sounds(model), judge.seconds_per_sound(model)
        assert self.seconds is not None
        judge.take(min(usual, max(1, int((JUDGE * self.seconds - at.judgement) / each))))
        at.sounds = judge.sounds(model)
        at.judgement += each * at.sounds
        if at.sounds < usual:
            print(
                f"validation uses {at.sounds} of {usual} sounds, so that it takes no more than a "
                f"tenth of {self.budget}",
                file=sys.stderr,
            )

    def judged(self, at: Progress, seconds: float, first: bool) -> dict[str, float]:
        """Take down what a judgement has cost; before the first one it was only guessed.

        Returns:
            What the log says of it: its seconds, and what share of the time all of them took.
        """
        at.judging += seconds
        at.judgement = seconds if first else max(at.judgement, seconds)
        share = at.judging / max(at.seconds, 1e-9)
        return {"judging_seconds": round(seconds, 2), "judging_share": round(share, 4)}


def judgements(budget: Budget, judged: int, learned: int) -> int:
    """How often a model is judged at most over a budget.

    Args:
        budget: of the run.
        judged: samples that are heard in a judgement.
        learned: samples that are learned from in a step.

    >>> judgements(Budget.parse("3m"), judged=256, learned=16)
    20
    >>> [judgements(Budget(steps=steps), judged=256, learned=16) for steps in (8, 640, 20000)]
    [1, 4, 20]
    """
    if budget.steps is None:
        return USUAL
    return max(1, min(USUAL, int(SHARE * budget.steps * learned / max(1, judged))))
