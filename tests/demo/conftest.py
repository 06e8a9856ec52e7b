"""The demo's modules; a demo in a process of its own; a browser."""

import asyncio
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from dgm_audio.cli.demo import demo_package
from dgm_audio.provenance import Provenance

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))  # of demo_load
demo_package()

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1280, "height": 1000}
FACTS = "#dgm-facts .dgm-badge"
OPTIONS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")


def recipe_of(seed=0, **parameters):
    """A recipe of no model."""
    return Provenance("toy", "0" * 64, "1.0", "sample", {"seed": seed, "index": 0, **parameters})


def noise(seconds=0.1, rate=8000, seed=0):
    """(1, T)."""
    rng = torch.Generator().manual_seed(seed)
    return 0.2 * torch.rand(1, int(seconds * rate), generator=rng) - 0.1


def page_with(studio, build):
    """A page of one tab only, what `build(page)` gave, and the page's events by name."""
    import gradio as gr
    from dgm_audio._demo.page_context import PageContext

    async def built():  # without a running loop Gradio would make one, and leave it open
        with gr.Blocks(analytics_enabled=False) as blocks:
            page = PageContext(studio, gr.Dropdown(), gr.HTML(), gr.HTML())
            made = build(page)
        return page, made, {one.fn.__name__: one for one in blocks.fns.values() if one.fn}

    return asyncio.run(built())


@pytest.fixture
def sound_cache(tmp_path):
    from dgm_audio._demo.sound_cache import SoundCache

    return SoundCache(tmp_path / "sounds")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    from demo_client import Server

    with Server(tmp_path_factory.mktemp("demo") / "log.txt") as server:
        yield server


@pytest.fixture
def client(server):
    from demo_client import Client

    with Client(server.url) as client:
        yield client


@pytest.fixture(scope="module")  # playwright's event loop, while it is open, allows no asyncio.run
def browser():
    reason = "playwright is not installed; it comes with dgm_audio[test]"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=list(OPTIONS))
        yield browser
        browser.close()


class Watched:
    """A page in a context of its own, and all that it complained of and asked for."""

    def __init__(self, browser, url, **options):
        self.complaints, self.requests = [], []
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 1000}, **options}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = url

    def _console(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def visit(self, query, ready):
        """The page, when there is something at the place `ready`."""
        self.page.goto(self.url + query)
        self.page.locator(ready).wait_for()
        return self.page


@pytest.fixture
def visit(browser, server):
    """`visit(query, **context options)` -> Page; in the end it must have complained of nothing."""
    with visits(browser, server.url) as visit:
        yield visit


@contextmanager
def visits(browser, url, forgiven=("no such complaint",)):
    """`visit`, for a demo at another address; `forgiven` are words of complaints that may come."""
    opened = []

    def visit(query="", ready=FACTS, **options):
        opened.append(Watched(browser, url, **options))
        page = opened[-1].visit(query, ready)
        page.watched = opened[-1]
        return page

    try:
        yield visit
    finally:
        for one in opened:
            one.context.close()
    complaints = [text for one in opened for text in one.complaints]
    assert [text for text in complaints if not any(words in text for words in forgiven)] == []
