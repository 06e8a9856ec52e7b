"""The picture shows what a log says, where it says it."""

import json

import numpy as np
import pytest

from dgm_audio import drawing
from dgm_audio.errors import TrainingError
from dgm_audio.release import curve
from dgm_audio.release.curve import (
    Evaluation,
    Measure,
    curve_picture,
    read_evaluations,
    read_measure,
    run_curve,
)


def write_log(folder, *records):
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"step": step, "seconds": s} | rest) for step, s, rest in records]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def judged(step, seconds, metric):
    return step, seconds, {"validation_metric": metric}


RUN = [
    judged(10, 60.0, 0.5),
    (12, 70.0, {"loss": 1.0}),
    judged(20, 120.0, 0.1),
    judged(30, 240, 0.3),
]


def place_of_the_best(page):
    """Centre of the ring inside the plot, in pixels from its upper left corner."""
    left, top = curve.plot_corner()
    pixels = np.asarray(page).astype(int)[top:, left:]
    near = np.abs(pixels - drawing.BRIGHT_LINE).sum(2) < 30
    rows, columns = np.nonzero(near)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def test_the_best_point_is_marked_where_it_is(tmp_path):
    picture = run_curve(write_log(tmp_path, *RUN))
    x, y = place_of_the_best(picture)
    assert x == pytest.approx(120 / 240 * (curve._WIDTH - 1), abs=1.5)
    low, high = 0.1 - 0.4 * curve._BELOW, 0.5 + 0.4 * curve._ABOVE
    assert y == pytest.approx((high - 0.1) / (high - low) * (curve._HEIGHT - 1), abs=1.5)


def test_the_mark_moves_with_the_best_point():
    early = [Evaluation(1, 60.0, 0.1), Evaluation(2, 120.0, 0.5)]
    late = [Evaluation(1, 60.0, 0.5), Evaluation(2, 120.0, 0.1)]
    places = [place_of_the_best(curve_picture(points))[0] for points in (early, late)]
    assert places == pytest.approx([(curve._WIDTH - 1) / 2, curve._WIDTH - 1], abs=1.5)


def test_of_equal_values_the_last_is_the_model_that_was_kept():
    same = [Evaluation(step, 60.0 * step, 0.2) for step in (1, 2)]
    assert place_of_the_best(curve_picture(same))[0] == pytest.approx(curve._WIDTH - 1, abs=1.5)


def test_the_line_goes_from_point_to_point():
    page = curve_picture([Evaluation(1, 60.0, 0.9), Evaluation(2, 120.0, 0.1)])
    left, top = curve.plot_corner()
    column = np.asarray(page).astype(int)[top:, left + round(0.75 * (curve._WIDTH - 1))]
    row = np.abs(column - drawing.LINE).sum(1).argmin()
    low, high = 0.1 - 0.8 * curve._BELOW, 0.9 + 0.8 * curve._ABOVE
    assert row == pytest.approx((high - 0.5) / (high - low) * (curve._HEIGHT - 1), abs=3)


def test_floor_and_start_are_lines_at_their_values_and_the_metric_is_named(tmp_path):
    before = {"metric_name": "bits per sample", "floor_name": "noise", "floor_metric": 0.9}
    before |= {"start_name": "drums-vae", "start_metric": -0.1}
    log = write_log(tmp_path, (1, 1.0, before), *RUN) / "log.jsonl"
    measure = read_measure(log)
    assert measure == Measure("bits per sample", ("noise", 0.9), ("drums-vae", -0.1))
    assert len(read_evaluations(log)) == 3
    page, plain = run_curve(tmp_path), curve_picture(read_evaluations(log))
    assert page.size == plain.size
    left, top = curve.plot_corner()
    pixels = np.asarray(page).astype(int)[top : top + curve._HEIGHT, left]
    found = np.flatnonzero(np.abs(pixels - drawing.QUIET).sum(1) < 30)
    low, high = -0.1 - 1.0 * curve._BELOW, 0.9 + 1.0 * curve._ABOVE
    wanted = [(high - value) / (high - low) * (curve._HEIGHT - 1) for value in (0.9, -0.1)]
    assert found == pytest.approx(wanted, abs=1.5)


def test_a_log_that_names_no_metric_is_drawn_without_lines(tmp_path):
    log = write_log(tmp_path, *RUN) / "log.jsonl"
    assert read_measure(log) == Measure("validation metric")
    assert run_curve(tmp_path).tobytes() == curve_picture(read_evaluations(log)).tobytes()


def test_what_a_resumed_run_did_twice_counts_once(tmp_path):
    again = [judged(20, 119.0, 0.2), judged(30, 180.0, 0.4)]
    found = read_evaluations(
        write_log(tmp_path, *RUN, (15, 100.0, {"loss": 1.0}), *again) / "log.jsonl"
    )
    assert [(one.step, one.metric) for one in found] == [(10, 0.5), (20, 0.2), (30, 0.4)]
    found = read_evaluations(write_log(tmp_path, *RUN, judged(30, 250, 0.2)) / "log.jsonl")
    assert [(one.step, one.metric) for one in found] == [(10, 0.5), (20, 0.1), (30, 0.2)]


def test_a_run_without_evaluations_has_no_curve(tmp_path):
    assert run_curve(tmp_path) is None
    assert run_curve(write_log(tmp_path, (1, 2.0, {"loss": 1.0}))) is None
    assert run_curve(write_log(tmp_path, judged(1, 2.0, float("nan")))) is None
    with pytest.raises(TrainingError, match="none of 0 evaluations"):
        curve_picture([])


@pytest.mark.parametrize(
    "metrics", [[0.0], [3.0, float("nan"), 2.0], [-1e-9, 1e-9], [1e6, 1.0], [5.0, 5.0]]
)
def test_every_range_of_values_can_be_drawn(metrics):
    points = [Evaluation(step, 7.0 * step, metric) for step, metric in enumerate(metrics)]
    assert curve_picture(points).mode == "RGB"


@pytest.mark.parametrize(
    "line", ["{", "[1]", '{"seconds": 1}', '{"step": 9, "validation_metric": 1}']
)
def test_a_damaged_line_is_named(tmp_path, line):
    log = write_log(tmp_path, judged(1, 2.0, 0.5)) / "log.jsonl"
    log.write_text(log.read_text() + line + "\n")
    with pytest.raises(TrainingError, match=r"log\.jsonl: line 2 is no record"):
        run_curve(tmp_path)
