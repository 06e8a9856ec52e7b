"""Pictures of the web demo's tabs, for the documentation: docs/demo/<tab>.png.

    python docs/screenshots.py [TAB ...]

Starts the demo on this machine, fills each tab with sounds, and looks at it with Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from dgm_audio.cli.demo import demo_package

FOLDER = Path(__file__).parent / "demo"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WINDOW: ViewportSize = {"width": 1280, "height": 1120}
PHONE: ViewportSize = {"width": 390, "height": 844}
MAX_BYTES = 250_000
PATIENCE = 180_000
"""Milliseconds that a tab may take to be filled."""


def sample(page: Page) -> None:
    """Eight sounds of a seed."""
    page.locator("#dgm-tab-sample").get_by_label("keep").check()
    page.locator("#dgm-generate").click()
    page.locator(".dgm-note", has_text="8 sounds of seed").wait_for()
    page.locator("#dgm-tab-sample .dgm-card").nth(2).click()


def morph(page: Page) -> None:
    """All of the pad, and a place on it."""
    sample(page)
    _open(page, "morph")
    page.locator(".dgm-note", has_text="All 81 sounds are decoded.").wait_for()
    board = page.locator("#dgm-morph .dgm-board")
    board.click(position={"x": 150, "y": 120})
    page.wait_for_function("dgm.state.current && dgm.state.current.call === 'morph'")


def plane(page: Page) -> None:
    """A map."""
    sample(page)
    _open(page, "map")
    page.wait_for_function(
        "document.querySelectorAll('#dgm-tab-map .dgm-legend button').length > 2"
    )


def transform(page: Page) -> None:
    """A sound of another model as this one makes it, and the sliders that change it."""
    _pick(page, "drums-gan")
    sample(page)
    _pick(page, "drums-vae")
    _open(page, "transform")
    page.get_by_role("button", name="Take the sound in the dock").click()
    page.locator("#dgm-tab-transform .dgm-bars input[type=range]").first.wait_for()


def keyboard(page: Page) -> None:
    """Notes of a model that takes a pitch."""
    _pick(page, "notes-gan")
    page.locator("#dgm-generate").click()
    page.locator(".dgm-note", has_text="8 sounds of seed").wait_for()
    _open(page, "keyboard")
    page.wait_for_timeout(4000)


def compare(page: Page) -> None:
    """One seed through several models."""
    _open(page, "compare")
    page.locator("#dgm-tab-compare button", has_text="Compare").click()
    page.locator(".dgm-note", has_text="one seed").wait_for()


def learn(page: Page) -> None:
    """What the model does, and the lines that make the sound in the dock."""
    sample(page)
    _open(page, "learn")
    page.locator("#dgm-tab-learn .dgm-code-python").wait_for()


TABS: dict[str, Callable[[Page], None]] = {
    "sample": sample,
    "morph": morph,
    "map": plane,
    "transform": transform,
    "keyboard": keyboard,
    "compare": compare,
    "learn": learn,
}
SHOTS = [(name, name, "light", False) for name in TABS] + [
    ("sample-dark", "sample", "dark", False),
    ("morph-dark", "morph", "dark", False),
    ("morph-phone", "morph", "light", True),
]
"""Name of the picture, tab, colours, and whether it is that of a phone."""


def _pick(page: Page, model: str) -> None:
    page.get_by_role("combobox", name="Model").click()
    with page.expect_response("**/queue/join*"):
        page.get_by_role("option", name=model, exact=True).click()
    page.wait_for_timeout(2000)


def _open(page: Page, tab: str) -> None:
    button = page.locator(f"#dgm-tab-{tab}-button:visible")
    if not button.count():
        page.get_by_label("More tabs").click()
        button = page.locator(".overflow-dropdown button", has_text=tab.capitalize())
    button.first.click()
    page.wait_for_timeout(500)


def shoot(browser: Browser, url: str, name: str, tab: str, colours: str, phone: bool) -> None:
    """One picture, in at most 256 colours."""
    context = browser.new_context(viewport=PHONE if phone else WINDOW)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}?__theme={colours}")
    page.locator("#dgm-facts .dgm-badge").wait_for()
    TABS[tab](page)
    page.wait_for_timeout(2500)  # pictures load, what sounds comes to its end
    page.evaluate("window.scrollTo(0, 0)")
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB")
    context.close()
    path = FOLDER / f"{name}.png"
    for colour_count in (256, 128, 64, 32):
        picture.quantize(colour_count).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break
    print(f"{path.name}: {path.stat().st_size:,} bytes, {colour_count} colours")


def main(names: list[str]) -> int:
    """All pictures, or those whose names are given."""
    FOLDER.mkdir(exist_ok=True)
    server = demo_package("server")
    demo = server.Demo(server.Settings(port=None))
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        for shot in SHOTS:
            if not names or shot[0] in names:
                shoot(browser, demo.url, *shot)
        browser.close()
    demo.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
