"""More visitors than may wait, and one who reloads the page."""

import random

import pytest
from conftest import visits
from demo_soak import CROWD, QUEUE, crowd
from test_browser_page import pick
from visitors import Visitor

SLOW = "drums-wavenet"


@pytest.mark.fault(32)
def test_of_64_visitors_32_or_more_get_their_own_sounds_and_the_rest_are_told(server, figure):
    found = crowd(server, random.Random(1))
    figure("visitors", CROWD)
    figure("served", found["served"])
    figure("told that the page is busy", found["busy"])
    assert found["served"] + found["busy"] == CROWD
    assert found["served"] == found["different_sounds"] >= QUEUE
    with Visitor(server.url) as visitor:
        assert visitor.generate("drums-vae", 1).ok
    assert server.tracebacks()[0] == []


@pytest.mark.fault(32)
def test_who_reloads_the_page_in_the_middle_gets_a_page_that_works(browser, server):
    """What Gradio complains of is the page that was left."""
    with visits(browser, server.url, forgiven=("aborted", "errored out", "Connection")) as visit:
        page = visit()
        pick(page, SLOW)
        page.locator("#dgm-generate").click()
        page.locator("#dgm-tab-sample .dgm-note", has_text="Making").wait_for()
        page.reload()
        page.locator("#dgm-facts .dgm-badge").first.wait_for()
        pick(page, "drums-gan")
        page.locator("#dgm-generate").click()
        page.locator(".dgm-card").nth(7).wait_for()
        assert "Making" not in page.locator("#dgm-tab-sample").inner_text()
