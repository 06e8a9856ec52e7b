"""Long work beside the page."""

import threading
import time

import gradio as gr
import pytest
from dgm_audio._demo.background import in_background
from dgm_audio._demo.studio import Stop, Stopped

STATUS = gr.HTML()


def test_its_lines_come_and_its_result_is_returned():
    seen = []

    def work(tell):
        tell("halfway")
        time.sleep(0.3)
        return 7

    def visit():
        result = yield from in_background(work, Stop(), STATUS)
        seen.append(result)

    updates = [one[STATUS] for one in visit()]
    assert seen == [7]
    assert any("halfway" in str(one) for one in updates)


def test_what_it_raises_is_raised():
    def work(tell):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_background(work, Stop(), STATUS))


def test_quick_work_does_not_wait_for_the_clock():
    start = time.perf_counter()
    list(in_background(lambda tell: None, Stop(), STATUS))
    assert time.perf_counter() - start < 0.2


def test_who_leaves_holds_nobody_up_and_ends_the_work():
    stop, ended = Stop(), threading.Event()

    def work(tell):
        try:
            while True:
                time.sleep(0.5)
                tell("still at it")
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


def test_stop_ends_it_at_its_next_word():
    stop, said = Stop(), []
    stop.pressed = True

    def work(tell):
        tell("the first word")
        said.append("more")

    with pytest.raises(Stopped):
        list(in_background(work, stop, STATUS))
    assert not said
