"""What a run is measured against: a floor, and the model that it started from.

They are found when the run is judged for the first time, by the same judge, and are a line of the
log, beside the name of the metric: a curve or a verdict needs nothing but the log.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

METRIC, NAME = "validation_metric", "metric_name"
FLOOR, FLOOR_NAME, START, START_NAME = "floor_metric", "floor_name", "start_metric", "start_name"
"""Keys of the log."""
UNNAMED = "validation metric"


@runtime_checkable
class KnowsFloor(Protocol):
    """A judge that names its metric, of which lower is better, and what no model should exceed."""

    def __call__(self, model: AudioGenerator) -> float:
        """The metric of a model."""
        ...

    def name(self, model: AudioGenerator) -> str:
        """The metric of such a model, in words."""
        ...

    def floor(self, model: AudioGenerator) -> tuple[str, float]:
        """In words what has learned next to nothing, and its metric."""
        ...


def metric_name(judge: object, model: AudioGenerator) -> str:
    """What the figures of a judge are called."""
    return judge.name(model) if isinstance(judge, KnowsFloor) else UNNAMED


def baselines(
    judge: Callable[[AudioGenerator], float],
    model: AudioGenerator,
    start: AudioGenerator | None,
    start_name: str | None,
) -> dict[str, str | float]:
    """The record of a log that says what a run is measured against.

    A start that cannot be judged by these clips (it has other classes, or another length) is left
    out, and a line on standard error says so.

    Args:
        judge: of the run; one that `KnowsFloor` gives a floor.
        model: as new, of the family that is trained.
        start: the trained model that the run goes on from.
        start_name: what it is called.
    """
    found: dict[str, str | float] = {NAME: metric_name(judge, model)}
    if isinstance(judge, KnowsFloor):
        found[FLOOR_NAME], found[FLOOR] = judge.floor(model)
    if start is not None:
        try:
            found |= {START_NAME: start_name or "the start", START: judge(start)}
        except InputError as error:
            print(f"the model to start from is not judged: {error}", file=sys.stderr)
    return found
