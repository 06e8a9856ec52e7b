"""Stop in the middle of slow work, and a page whose queue is full."""

import time

import pytest
from conftest import visits
from demo_client import Answer, Client, Server, sample_inputs
from test_browser_page import pick

SLOW = "drums-wavenet"
LONG = 20.0
"""Seconds of sounds that are still at work when a slow machine's browser gets to press Stop."""


@pytest.fixture
def stop(server, visit):
    with Client(server.url) as client:  # compile the sampler, during which no server answers
        assert client.generate(SLOW, 0).ok
    page = visit()
    pick(page, SLOW)
    return page, page.locator("#dgm-tab-sample").get_by_role("button", name="Stop")


@pytest.mark.fault(32)
def test_stop_ends_the_work_and_frees_the_model(stop):
    page, button = stop
    seconds = page.locator("#dgm-tab-sample").get_by_label("Seconds")
    usual = seconds.input_value()
    seconds.fill(str(LONG))
    page.locator("#dgm-generate").click()
    page.locator("#dgm-tab-sample .dgm-note", has_text="Making").wait_for()
    pressed = time.monotonic()
    with page.expect_response("**/cancel"):
        button.click()
    page.locator("#dgm-tab-sample .dgm-note", has_text="Stopped.").wait_for()
    assert time.monotonic() - pressed < 5
    assert page.locator(".dgm-card").count() < 8
    seconds.fill(usual)
    page.get_by_label("number input for How many").fill("1")
    page.locator("#dgm-generate").click()
    page.locator("#dgm-tab-sample .dgm-note", has_text="1 sound of seed").wait_for()
    assert time.monotonic() - pressed < 20


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A demo where one may wait."""
    with Server(tmp_path_factory.mktemp("busy") / "log.txt", queue=1) as server:
        yield server


@pytest.mark.fault(32)
def test_a_full_queue_says_that_the_page_is_busy(busy, browser):
    with visits(browser, busy.url, forgiven=("503",)) as visit:
        page = visit()
        with Client(busy.url) as first, Client(busy.url) as second:
            answers = first.begin("generate", *sample_inputs(SLOW, 0, 8, LONG))
            assert second.join("generate", *sample_inputs("drums-vae", 0)).is_success  # it waits
            page.locator("#dgm-generate").click()
            page.get_by_text("busy").first.wait_for()
            first.press_stop()
            assert Answer(200, list(second.messages())).ok
            answers.close()
        page.locator("#dgm-generate").click()
        page.locator(".dgm-card").nth(7).wait_for()
