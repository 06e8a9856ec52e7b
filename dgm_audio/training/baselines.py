"""Baselines of a run: a floor, and the model that it started from.

They are computed before the first evaluation, with the same metric, and are a line of the log,
beside the name of the metric: a curve or a verdict needs nothing but the log.
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
    """A validation metric, lower is better, with a name and a floor that models should beat."""

    def __call__(self, model: AudioGenerator) -> float:
        """The metric of a model."""
        ...

    def name(self, model: AudioGenerator) -> str:
        """The metric of such a model, in words."""
        ...

    def floor(self, model: AudioGenerator) -> tuple[str, float]:
        """The name of a trivial baseline, and its metric."""
        ...


def metric_name(metric: object, model: AudioGenerator) -> str:
    """The name of a validation metric."""
    return metric.name(model) if isinstance(metric, KnowsFloor) else UNNAMED


def baselines(
    metric: Callable[[AudioGenerator], float],
    model: AudioGenerator,
    start: AudioGenerator | None,
    start_name: str | None,
) -> dict[str, str | float]:
    """The log's record of the baselines of a run.

    A start that cannot be evaluated on these clips (it has other classes, or another length) is
    left out, and a line on standard error says so.

    Args:
        metric: of the run; one that `KnowsFloor` gives a floor.
        model: as new, of the family that is trained.
        start: the trained model that the run goes on from.
        start_name: its name.
    """
    found: dict[str, str | float] = {NAME: metric_name(metric, model)}
    if isinstance(metric, KnowsFloor):
        found[FLOOR_NAME], found[FLOOR] = metric.floor(model)
    if start is not None:
        try:
            found |= {START_NAME: start_name or "the start", START: metric(start)}
        except InputError as error:
            print(f"the model to start from is not evaluated: {error}", file=sys.stderr)

    return found
