"""The pad in a browser: a drag by the pointer and steps by the arrows play other sounds."""

from statistics import median

import pytest
from test_browser_page import open_tab


@pytest.fixture
def pad(visit):
    """The page, with all sounds of the pad decoded, and the pad's place."""
    page = visit()
    open_tab(page, "morph")
    page.locator("#dgm-tab-morph .dgm-note", has_text="All 81 sounds are decoded.").wait_for()
    board = page.locator("#dgm-morph .dgm-board")
    board.scroll_into_view_if_needed()
    return page, board


def played(page):
    return page.evaluate("dgm.state.played")


def test_a_drag_plays_one_sound_after_the_other(pad):
    page, board = pad
    box = board.bounding_box()
    before = len(played(page))
    for step in range(7):
        share = 0.1 + 0.06 * step
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.3 * box["height"])
        if step == 0:
            page.mouse.down()
        page.wait_for_timeout(120)
    sequence = played(page)[before:]
    assert len(set(sequence)) >= 3
    page.wait_for_function("dgm.loudness() > 0.001", polling=10)
    page.mouse.up()
    page.wait_for_function("dgm.state.current && dgm.state.current.call === 'morph'")


_WATCH = """() => {
  window.delays = [];
  let moved = 0;
  window.addEventListener("pointermove", () => { moved = performance.now(); }, true);
  dgm.on("play", () => window.delays.push(performance.now() - moved));
}"""


def test_a_decoded_place_sounds_within_a_tenth_of_a_second(pad):
    page, board = pad
    box = board.bounding_box()
    page.evaluate(_WATCH)
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    for step in range(1, 25):
        across, down = step % 9 / 9, step // 9 / 4
        page.mouse.move(box["x"] + 9 + across * box["width"], box["y"] + 9 + down * box["height"])
        page.wait_for_timeout(120)  # as fast as the pad may change its sound
    page.mouse.up()
    delays = page.evaluate("delays")
    assert len(delays) >= 20
    assert median(delays) < 100, sorted(delays)


def test_arrows_and_digits_play(pad):
    page, board = pad
    board.focus()
    for key in ("Home", "ArrowRight", "ArrowDown", "1", "4"):
        before = len(played(page))
        page.keyboard.press(key)
        page.wait_for_function("n => dgm.state.played.length > n", arg=before)
        page.wait_for_timeout(100)
    last = played(page)[-5:]
    assert len(set(last)) == 5
