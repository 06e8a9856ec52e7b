"""Long work in the background, with status lines."""

import threading
import time

import gradio as gr
import pytest
from dgm_audio._demo.background import in_background
from dgm_audio._demo.studio import Stop, Stopped

STATUS = gr.HTML()


def test_status_lines_arrive_and_the_result_is_returned():
    seen = []

    def work(report):
        report("halfway")
        time.sleep(0.3)
        return 7

    def visit():
        result = yield from in_background(work, Stop(), STATUS)
        seen.append(result)

    updates = [one[STATUS] for one in visit()]
    assert seen == [7]
    assert any("halfway" in str(one) for one in updates)


def test_exceptions_of_the_work_are_raised():
    def work(report):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_background(work, Stop(), STATUS))


def test_quick_work_does_not_wait_for_the_clock():
    start = time.perf_counter()
    list(in_background(lambda report: None, Stop(), STATUS))
    assert time.perf_counter() - start < 0.2


def test_a_visitor_who_leaves_ends_the_work_without_waiting():
    stop, ended = Stop(), threading.Event()

    def work(report):
        try:
            while True:
                time.sleep(0.5)
                report("still at it")
        except Stopped:
            ended.set()
            raise

    visit = in_background(work, stop, STATUS)
    next(visit)
    start = time.perf_counter()
    visit.close()
    assert time.perf_counter() - start < 0.1
    assert stop.pressed
    assert ended.wait(5)


def test_stop_ends_it_at_its_next_status_line():
    stop, done = Stop(), []
    stop.pressed = True

    def work(report):
        report("the first word")
        done.append("more")

    with pytest.raises(Stopped):
        list(in_background(work, stop, STATUS))
    assert not done
