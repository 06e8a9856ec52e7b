"""A visitor who reloads the page in the middle of work."""

import pytest
from conftest import visits
from test_browser_page import pick

SLOW = "drums-wavenet"


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
