"""Detection of mode collapse: a run ends if its generator makes the same few sounds.

A discriminator sees one batch at a time, so a generator that fools it with one sound may make
nothing else. The validation metric shows that late; the diversity of sounds of one class shows it
at once. A generator has collapsed when the metric's `diversity` stays below `COLLAPSED` for
`PATIENCE` evaluations of the adversarial phase in a row. Before that phase a model may not make
sound at all yet, and its outputs may well be alike.
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
    """A validation metric that also measures diversity (see `evaluation.diversity`)."""

    def diversity(self, model: AudioGenerator) -> float:
        """0 for a model that ignores its latent, 1 for one as varied as real sound."""
        ...


def alarm_for(task: Task, metric: object) -> Callable[[AudioGenerator], float] | None:
    """The function that measures the diversity of snapshots; None if the task is not watched.

    A line on standard error says so if a task should be watched, but the metric cannot measure it.
    """
    if not task.watched:
        return None
    if isinstance(metric, MeasuresDiversity):
        return metric.diversity
    print(
        "the validation metric measures no diversity: a collapse will not be noticed",
        file=sys.stderr,
    )
    return None


def note_diversity(at: Progress, diversity: float, adversarial: bool) -> None:
    """Record the diversity that an evaluation found, in the adversarial phase or before."""
    at.diversity = diversity
    at.collapsed = at.collapsed + 1 if adversarial and diversity < COLLAPSED else 0


def stop_if_collapsed(fabric: Fabric, at: Progress, run: RunFolder | None) -> None:
    """End the run, on all ranks together, if the generator has collapsed.

    Args:
        fabric: of the ranks; the first one knows the diversity.
        at: progress of the run.
        run: the run folder, on rank 0.

    Raises:
        TrainingError: if the generator has collapsed.
    """
    collapsed = run is not None and at.collapsed >= PATIENCE
    message = fabric.broadcast(_message(at, run.model_path) if run and collapsed else "")
    if message:
        raise TrainingError(message)


def _message(at: Progress, model: Path) -> str:
    """An error message: the collapse, the model that is kept, and advice."""
    kept = f"the best model (step {at.best_step}) is in {model}"
    return (
        f"the generator has collapsed to so few sounds that those of one class differ by "
        f"{at.diversity:.2f} of what real ones do (a run ends below {COLLAPSED} at {PATIENCE} "
        f"evaluations in a row); {'no model is kept' if at.best is None else kept}; try another "
        "seed, a trained model to start from, or more and more varied recordings"
    )
