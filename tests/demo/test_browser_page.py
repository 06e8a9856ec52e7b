"""The page in a browser: first load, every tab of every kind of model, phone, dark, keyboard."""

import io
from urllib.parse import urlsplit

import pytest
from demo_client import Client, sample_inputs
from PIL import Image, ImageStat

SLOW = "drums-wavenet"
TABS = ("sample", "morph", "map", "transform", "keyboard", "compare", "learn")
PHONE = {"viewport": {"width": 390, "height": 844}}
WIDTH = "document.scrollingElement.scrollWidth"


def open_tab(page, name):
    """By its button, which lies in a menu where the page is narrow."""
    button = page.locator(f"#dgm-tab-{name}-button:visible")
    if not button.count():
        page.locator(".overflow-menu > button").click()
        button = page.locator(".overflow-dropdown button", has_text=name.capitalize())
    button.first.click()
    shown = "id => getComputedStyle(document.getElementById(id)).display !== 'none'"
    page.wait_for_function(shown, arg=f"dgm-tab-{name}")


def choose(page, name):
    """Ask for another model."""
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=name, exact=True).click()


def pick(page, name):
    """Another model."""
    before = page.locator("#dgm-facts").inner_text()
    choose(page, name)
    page.wait_for_function(
        "before => document.querySelector('#dgm-facts').innerText !== before", arg=before
    )


@pytest.mark.fault(34)
def test_first_load(visit, server):
    page = visit()
    assert page.title() == "dgm_audio"
    assert page.locator("#dgm-model input").input_value() == "drums-vae"
    facts = page.locator("#dgm-facts").inner_text()
    assert "44.1 kHz mono" in facts and "64 numbers per clip" in facts and "on cpu" in facts
    assert page.locator("#dgm-generate").is_visible()
    assert "No sound yet" in page.locator("#dgm-dock").inner_text()
    hosts = {urlsplit(url).netloc for url in page.watched.requests if url.startswith("http")}
    assert hosts == {urlsplit(server.url).netloc}


@pytest.mark.parametrize("model", ["drums-vae", "vocoder-flow", "drums-wavenet", "notes-gan"])
def test_every_tab_opens_with_models_of_every_kind(visit, model):
    page = visit()
    if model != "drums-vae":
        pick(page, model)
    for name in TABS:
        open_tab(page, name)
        assert page.locator(f"#dgm-tab-{name}").inner_text().strip()
    if model == "vocoder-flow":
        open_tab(page, "sample")
        assert "cannot sample without one" in page.locator("#dgm-tab-sample").inner_text()
        assert not page.locator("#dgm-generate").is_visible()
        pick(page, "drums-vae")
        page.locator("#dgm-generate").wait_for()


def test_of_two_quick_picks_the_last_holds(visit, server):
    page = visit()
    with Client(server.url) as first:  # while the model is at work both picks wait
        answers = first.begin("generate", *sample_inputs(SLOW, 8, 8, 10.0))
        choose(page, "notes-gan")
        choose(page, "music-vae")
        first.press_stop()
        answers.close()
    page.locator("#dgm-facts", has_text="numbers per 1024 samples").wait_for()
    page.wait_for_timeout(1000)  # so that an answer that comes too late is seen, too
    assert "numbers per 1024 samples" in page.locator("#dgm-facts").inner_text()
    assert page.locator("#dgm-model input").input_value() == "music-vae"
    assert page.locator("#dgm-controls select").count() == 0
    page.locator("#dgm-generate").click()
    page.wait_for_function("dgm.state.current && dgm.state.current.model === 'music-vae'")


def test_a_phone_shows_all_without_scrolling_sideways(visit):
    page = visit(**PHONE)
    assert page.locator("#dgm-dock").is_visible()
    page.locator("#dgm-generate").click()
    page.locator(".dgm-card").nth(7).wait_for()
    for name in TABS:
        open_tab(page, name)
        assert page.evaluate(WIDTH) <= 390, name
    box = page.locator("#dgm-play").bounding_box()
    assert 0 <= box["x"] and box["y"] + box["height"] <= 844


def test_dark_is_dark(visit):
    def brightness(query):
        with Image.open(io.BytesIO(visit(query).screenshot())) as picture:
            return ImageStat.Stat(picture.convert("L")).median[0]

    assert brightness("?__theme=dark") < 60 < 195 < brightness("?__theme=light")


def test_it_works_by_the_keyboard_alone(visit):
    page = visit()
    focus = """() => { const one = document.activeElement, style = getComputedStyle(one);
        return [one.id, style.outlineStyle !== 'none' || style.boxShadow !== 'none']; }"""
    for _ in range(60):
        page.keyboard.press("Tab")
        where, visible = page.evaluate(focus)
        if where == "dgm-generate":
            break
    assert (where, visible) == ("dgm-generate", True)
    page.keyboard.press("Enter")
    page.locator(".dgm-card").nth(7).wait_for()
    page.wait_for_function("dgm.state.played.length > 0")


def test_keys(visit):
    page = visit()
    page.locator("#dgm-facts").click()
    page.keyboard.press("g")
    page.locator(".dgm-card").nth(7).wait_for()
    page.wait_for_function("dgm.position() === null")
    played = page.evaluate("dgm.state.played.length")
    page.keyboard.press(" ")
    page.wait_for_function("n => dgm.state.played.length === n + 1", arg=played)
    page.keyboard.press("?")
    page.locator("#dgm-keys-sheet").wait_for()
    page.keyboard.press("Escape")
    page.locator("#dgm-keys-sheet").wait_for(state="hidden")
