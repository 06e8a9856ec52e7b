"""The collapse alarm: a generator without a likelihood that makes the same few sounds is stopped.

A discriminator sees one batch at a time, and a generator that found one sound which it takes for
real may play nothing else. The validation metric notices late; how much sounds of one class differ
says it at once. The alarm rings when the `diversity` that the judge measures stays below
`COLLAPSED` for `PATIENCE` evaluations of the game in a row. Before the game begins a model is still
learning to play at all, so that its sounds may well be alike.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dgm_audio.errors import TrainingError
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_fabric import Fabric

    from dgm_audio.objective import Task
    from dgm_audio.training.run_folder import RunFolder
    from dgm_audio.training.state import Progress

COLLAPSED = 0.2
"""Share of the real clips' variety under which a generator has collapsed; working ones have 1."""
PATIENCE = 2


@runtime_checkable
class MeasuresDiversity(Protocol):
    """A judge that also knows how different a model's sounds are (see `evaluation.diversity`)."""

    def diversity(self, model: AudioGenerator) -> float:
        """0 for a model that ignores its latent, 1 for one as varied as real sound."""
        ...


def alarm_for(task: Task, judge: object) -> Callable[[AudioGenerator], float] | None:
    """What measures the diversity of a task's snapshots; None if the task is not watched.

    A line on standard error says so if a task should be watched, but the judge cannot measure it.
    """
    if not task.watched:
        return None
    if isinstance(judge, MeasuresDiversity):
        return judge.diversity
    print("the judge measures no diversity: a collapse will not be noticed", file=sys.stderr)
    return None


def note_diversity(at: Progress, diversity: float, in_game: bool) -> None:
    """Write into the progress what an evaluation found."""
    at.diversity = diversity
    at.collapsed = at.collapsed + 1 if in_game and diversity < COLLAPSED else 0


def stop_if_collapsed(fabric: Fabric, at: Progress, run: RunFolder | None) -> None:
    """End the run, on all ranks together, if the alarm rings.

    Args:
        fabric: of the ranks; the first one knows the diversity.
        at: progress of the run.
        run: the run folder, on rank 0.

    Raises:
        TrainingError: if the generator has collapsed.
    """
    rings = run is not None and at.collapsed >= PATIENCE
    words = fabric.broadcast(_words(at, run.model_path) if run and rings else "")
    if words:
        raise TrainingError(words)


def _words(at: Progress, model: Path) -> str:
    """What has happened, what is kept, and what to try."""
    kept = f"the best model (step {at.best_step}) is in {model}"
    return (
        f"the generator has collapsed to so few sounds that those of one class differ by "
        f"{at.diversity:.2f} of what real ones do (a run ends below {COLLAPSED} at {PATIENCE} "
        f"evaluations in a row); {'no model is kept' if at.best is None else kept}; try another "
        "seed, a trained model to start from, or more and more varied recordings"
    )
