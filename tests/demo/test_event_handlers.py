"""Event handlers: errors in one line, reference ids, Stop, progress."""

import html
import logging
import re
from types import SimpleNamespace

import pytest
from dgm_audio._demo import event_handlers
from dgm_audio._demo.event_handlers import (
    STOPS,
    StopRegistry,
    error_line,
    handler,
    status_line,
    with_progress,
)
from dgm_audio._demo.studio import Stopped

from dgm_audio.errors import AudioFileError

VISITOR = SimpleNamespace(session_hash="one")
OTHER = SimpleNamespace(session_hash="two")
STATUS = "the status"


def last_line(work, *inputs, visitor=VISITOR):
    """The last status line of a handler, and the updates before it."""
    *before, last = handler(STATUS)(work)(visitor, *inputs)
    text = last[STATUS]
    assert text.count("<p") == 1 and "\n" not in text
    return html.unescape(re.sub("<[^>]*>", "", text)), before


def test_updates_pass():
    def work(stop, name, count):
        for index in range(count):
            yield {"sound": f"{name}{index}"}

    assert list(handler(STATUS)(work)(VISITOR, "a", 2)) == [{"sound": "a0"}, {"sound": "a1"}]


def test_wrong_input_shows_the_error_message(caplog):
    def work(stop):
        yield {"sound": 1}
        raise AudioFileError("no <audio>:\n it is a text")

    line, before = last_line(work)
    assert line == "No <audio>: it is a text" and before == [{"sound": 1}]
    assert not caplog.records and not STOPS._running


def test_an_unexpected_error_has_a_reference_id_in_the_log(caplog):
    def work(stop):
        raise ZeroDivisionError("secret things")
        yield

    with caplog.at_level(logging.ERROR, "dgm_audio.demo"):
        line, _ = last_line(work)
    (record,) = caplog.records
    reference = re.search(r"\(reference ([0-9a-f]{8})\)", line).group(1)
    assert reference in record.message and record.exc_info[0] is ZeroDivisionError
    assert "secret" not in line and not STOPS._running


def test_stop_ends_what_the_visitor_has_at_work_and_nothing_else():
    def work(stop):
        while True:
            stop.check()
            yield {}

    mine, others = (handler(STATUS)(work)(visitor) for visitor in (VISITOR, OTHER))
    assert next(mine) == next(others) == {}
    assert STOPS.press(VISITOR) == 1
    assert list(mine) == [{STATUS: status_line("Stopped.")}]
    assert next(others) == {} and STOPS.press(VISITOR) == 0
    others.close()  # its visitor has left
    assert not STOPS._running


def test_stopped_by_itself_is_no_error():
    def work(stop):
        raise Stopped
        yield

    assert last_line(work)[0] == "Stopped."


def test_stops_are_counted_per_visitor():
    stops = StopRegistry()
    first, second = stops.begin(VISITOR), stops.begin(VISITOR)
    stops.end(VISITOR, first)
    assert stops.press(VISITOR) == 1 and second.pressed and not first.pressed
    assert stops.press(None) == 0


def test_lines_are_html_that_shows_what_it_was_given():
    assert status_line("") == ""
    assert "&lt;b&gt;" in status_line("<b>") and 'role="status"' in status_line("x")
    assert "&lt;b&gt;" in error_line("<b>") and 'role="alert"' in error_line("x")


def test_progress_shows_the_count_and_the_time_left(monkeypatch):
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(event_handlers.time, "perf_counter", lambda: next(clock))
    lines = [re.sub("<[^>]*>", "", line) for _, line in with_progress("abc", "Making")]
    assert lines == [
        "Making: 0 of 3 sounds",
        "Making: 1 of 3 sounds, 20 s left",
        "Making: 2 of 3 sounds, 10 s left",
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_few_steps(count):
    assert len(list(with_progress("a" * count, "Making"))) == count
