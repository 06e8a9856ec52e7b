"""The validation metric of a run over time, read from its log, and a picture of it.

Where the log has them (see `dgm_audio.training.baselines`), a baseline that has learned nothing and
the model that training started from are lines across the picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from dgm_audio import drawing
from dgm_audio.drawing import BRIGHT_LINE, GAP, HEAD, LINE, QUIET, TEXT, write
from dgm_audio.errors import TrainingError
from dgm_audio.training.baselines import (
    FLOOR,
    FLOOR_NAME,
    METRIC,
    NAME,
    START,
    START_NAME,
    UNNAMED,
)
from dgm_audio.training.run_folder import LOG

_WIDTH, _HEIGHT = 900, 320
_LEFT, _TOP, _RIGHT, _BOTTOM = 82, 40, 30, 38
"""Room around the plot on its card."""
_ABOVE, _BELOW = 0.06, 0.16
"""So much of the range of values stays free above the worst and below the best, for its label."""
_MARGIN = 12
"""Pixels around the plot that a mark on its edge may reach into."""
_DASH = 6
_FINER = 4
"""Lines are drawn so many times as large, then reduced, so that their edges are smooth."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a run's model.

    Args:
        step: optimizer steps before it.
        seconds: of training before it.
        metric: validation metric, lower is better; it may not be finite.
    """

    step: int
    seconds: float
    metric: float


@dataclass(frozen=True)
class Measure:
    """The validation metric of a run, and what it is compared with.

    Args:
        name: of the metric.
        floor: (name, metric) of a baseline that has learned nothing, if it is known.
        start: (name, metric) of the model that training started from, if there was one.
    """

    name: str = UNNAMED
    floor: tuple[str, float] | None = None
    start: tuple[str, float] | None = None


def read_measure(log: Path) -> Measure:
    """What a run's log says of its metric; an unnamed one is the validation metric.

    Raises:
        TrainingError: if a line cannot be read; the message has its number.
    """
    for record in _records(log):
        if NAME in record:
            floor, start = (
                (str(record[name]), float(record[key])) if key in record else None
                for name, key in ((FLOOR_NAME, FLOOR), (START_NAME, START))
            )
            return Measure(str(record[NAME]), floor, start)
    return Measure()


def read_evaluations(log: Path) -> list[Evaluation]:
    """The evaluations in a run's log, in their order.

    A run that is resumed, or rolled back, takes up an earlier state: what it had logged beyond that
    state does not count.

    Raises:
        TrainingError: if a line cannot be read; the message has its number.
    """
    found: list[Evaluation] = []
    for record in _records(log):
        step = int(record["step"])
        while found and found[-1].step >= step:
            found.pop()
        if METRIC in record:
            found.append(Evaluation(step, float(record["seconds"]), float(record[METRIC])))
    return found


def _records(log: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; each has a step and seconds, and numbers where figures belong."""
    figures = ("step", "seconds", METRIC, FLOOR, START)
    for number, line in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            numbers = {key: float(record[key]) for key in figures if key in record}
            yield record | {"step": int(numbers["step"]), "seconds": numbers["seconds"]}
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"{log}: line {number} is no record with step and seconds ({error}); remove it"
            ) from error


def run_curve(run: Path) -> Image.Image | None:
    """The picture of a run folder's log; None if there is no log, or no finite metric in it.

    Raises:
        TrainingError: if the log is damaged.
    """
    log = run / LOG
    found = read_evaluations(log) if log.is_file() else []
    if not any(math.isfinite(one.metric) for one in found):
        return None
    return curve_picture(found, read_measure(log))


def curve_picture(evaluations: list[Evaluation], measure: Measure | None = None) -> Image.Image:
    """Draw the metric over the minutes of training, its lowest value marked.

    Args:
        evaluations: in the order of time; those whose metric is not finite are left out, and the
            second line of the page counts them.
        measure: names the metric; what it is measured against is drawn as dashed lines.

    Returns:
        An RGB picture.

    Raises:
        TrainingError: if no metric is finite.
    """
    shown = [one for one in evaluations if math.isfinite(one.metric)]
    if not shown:
        raise TrainingError(f"none of {len(evaluations)} evaluations has a finite metric to draw")
    best = min(reversed(shown), key=lambda one: one.metric)  # of equal ones training keeps the last
    end = max(shown[-1].seconds, 1.0) / 60
    measure = measure or Measure()
    marks = [mark for mark in (measure.floor, measure.start) if mark and math.isfinite(mark[1])]
    low, high = _range([one.metric for one in shown] + [value for _, value in marks])
    heading = f"{measure.name[:1].upper()}{measure.name[1:]} during training"
    page, draw = drawing.page(_size(), heading, _facts(evaluations, best))
    box = (GAP, HEAD, GAP + _LEFT + _WIDTH + _RIGHT - 1, HEAD + _TOP + _HEIGHT + _BOTTOM - 1)
    drawing.card(draw, box)
    left, top = plot = plot_corner()
    drawing.value_axis(draw, plot, (_WIDTH, _HEIGHT), low, high)
    drawing.time_axis(draw, (left, top + _HEIGHT), _WIDTH, end, "min")
    write(draw, (left, top - 12), "lower is better", 13, QUIET, anchor="lm")
    places = [
        (
            one.seconds / 60 / end * (_WIDTH - 1),
            (high - one.metric) / (high - low) * (_HEIGHT - 1),
        )
        for one in shown
    ]
    marked = places[shown.index(best)]
    around = (left - _MARGIN, top - _MARGIN, left + _WIDTH + _MARGIN, top + _HEIGHT + _MARGIN)
    for name, value in marks:
        _across(draw, (high - value) / (high - low) * (_HEIGHT - 1), f"{name} {value:.4g}")
    page.paste(_with_lines(page.crop(around), places, marked), around)
    _label(draw, marked, f"{best.metric:.4g}")
    return page


def plot_corner() -> tuple[int, int]:
    """The upper left corner of the plot on the page, in pixels."""
    return GAP + _LEFT, HEAD + _TOP


def _size() -> tuple[int, int]:
    return 2 * GAP + _LEFT + _WIDTH + _RIGHT, HEAD + _TOP + _HEIGHT + _BOTTOM + GAP


def _range(values: list[float]) -> tuple[float, float]:
    """What the value axis spans: all values with some air; never nothing."""
    low, high = min(values), max(values)
    spread = high - low or abs(low) or 1.0
    return low - _BELOW * spread, high + _ABOVE * spread


def _facts(evaluations: list[Evaluation], best: Evaluation) -> str:
    broken = sum(not math.isfinite(one.metric) for one in evaluations)
    text = f"best {best.metric:.4g} at step {best.step}, after {best.seconds / 60:.1f} min; "
    text += f"evaluations: {len(evaluations)}"
    return text + (f", {broken} of them not finite" if broken else "")


def _with_lines(
    plot: Image.Image, places: list[tuple[float, float]], best: tuple[float, float]
) -> Image.Image:
    """The plot and its margin with a line through the places, dots, and a ring around the best."""
    size = (plot.width * _FINER, plot.height * _FINER)
    large = plot.resize(size, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(large)
    scaled = [((x + _MARGIN + 0.5) * _FINER, (y + _MARGIN + 0.5) * _FINER) for x, y in places]
    if len(scaled) > 1:
        draw.line(scaled, fill=LINE, width=3 * _FINER, joint="curve")
    for x, y in scaled:
        draw.circle((x, y), 3.5 * _FINER, fill=LINE)
    x, y = scaled[places.index(best)]
    draw.circle((x, y), 4 * _FINER, fill=BRIGHT_LINE)
    draw.circle((x, y), 9 * _FINER, outline=BRIGHT_LINE, width=2 * _FINER)
    return large.resize(plot.size, Image.Resampling.BOX)


def _across(draw: ImageDraw.ImageDraw, depth: float, text: str) -> None:
    """A dashed line at a depth of the plot, with a few words above its right end."""
    left, top = plot_corner()
    for x in range(left, left + _WIDTH, 2 * _DASH):
        draw.line((x, top + depth, x + _DASH, top + depth), fill=QUIET)
    write(draw, (left + _WIDTH - 4, top + depth - 3), text, 13, QUIET, anchor="rs")


def _label(draw: ImageDraw.ImageDraw, best: tuple[float, float], text: str) -> None:
    """The best value below its ring, where no line can be, inside the plot's width."""
    (left, top), half = plot_corner(), drawing.font(16).getlength(text) / 2
    x = min(max(best[0], half), _WIDTH - half)
    write(draw, (left + x, top + best[1] + 13), text, 16, TEXT, anchor="ma")
