"""The Sample tab in a browser: sounds that sound, seeds, Stop, the link."""

import hashlib

import httpx
import pytest
from test_browser_page import open_tab

FIRST_KEY = "dgm.state.current && dgm.state.current.key"
SECONDS = "#dgm-tab-sample input[type=number][aria-label*=Seconds]"


def generate(page, cards=8):
    """The keys of the sounds that appear."""
    before = page.evaluate(FIRST_KEY)
    page.locator("#dgm-generate").click()
    page.wait_for_function(f"before => ({FIRST_KEY}) !== before", arg=before)
    page.locator(".dgm-note", has_text=f"{cards} sounds of seed").wait_for()
    assert page.locator(".dgm-card").count() == cards
    return keys(page)


def keys(page):
    return page.locator(".dgm-card img").evaluate_all(
        "all => all.map(one => one.src.match(/[0-9a-f]{40}/)[0])"
    )


def sha256(server, key):
    answer = httpx.get(f"{server.url}sounds/{key}.wav?bits=16").raise_for_status()
    return hashlib.sha256(answer.content).hexdigest()


def test_generate_makes_eight_sounds_that_sound(visit):
    page = visit()
    first = generate(page)
    assert len(set(first)) == 8
    dock = page.locator("#dgm-dock").inner_text()
    assert "drums-vae" in dock and "dBFS" in dock and "LUFS" in dock and "copy seed" in dock
    page.locator(".dgm-card").nth(3).click()
    page.wait_for_function("dgm.loudness() > 0.001", polling=10)
    assert page.evaluate("dgm.state.played.at(-1)") == first[3]
    page.wait_for_function("document.querySelector('.dgm-mel').naturalWidth > 200")
    second = generate(page)
    assert not set(first) & set(second)


def test_a_seed_that_is_kept_gives_the_same_sounds(visit, server):
    page = visit()
    first = generate(page)
    before = [sha256(server, key) for key in first]
    page.locator("#dgm-tab-sample").get_by_label("keep").check()
    played = page.evaluate("dgm.state.played.length")
    page.locator("#dgm-generate").click()
    page.wait_for_function("n => dgm.state.played.length > n", arg=played)
    page.locator(".dgm-note", has_text="8 sounds of seed").wait_for()
    assert keys(page) == first and [sha256(server, key) for key in first] == before


def test_a_link_makes_the_same_bytes_for_somebody_else(visit, server):
    page = visit()
    key = generate(page)[0]
    link = page.evaluate("dgm.share(dgm.state.current)")
    assert link.startswith(f"{server.url}?r=") and len(link) < 2900
    before = sha256(server, key)
    other = visit(link.removeprefix(server.url))
    other.wait_for_function(FIRST_KEY)
    assert other.evaluate(FIRST_KEY) == key and sha256(server, key) == before
    assert "This is the sound of the link." in other.locator("#dgm-status").inner_text()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("%21%21", "is no JSON"),
        ("e30", "expected exactly model, weights"),
        ("A" * 4000, "at most 2000 are allowed"),
    ],
)
def test_a_damaged_link_is_one_sentence(visit, link, words):
    page = visit(f"?r={link}", ready="#dgm-status .dgm-problem")
    assert words in page.locator("#dgm-status").inner_text()
    page.locator("#dgm-generate").click()  # and the page serves
    page.locator(".dgm-card").nth(7).wait_for()
    assert "44.1 kHz mono" in page.locator("#dgm-facts").inner_text()
    open_tab(page, "morph")
    page.locator("#dgm-tab-morph .dgm-note", has_text="All 81 sounds are decoded.").wait_for()


def test_what_is_kept_stays_in_the_dock(visit):
    page = visit()
    generate(page)
    page.locator("#dgm-keep").click()
    page.locator("#dgm-send-a").click()
    assert page.evaluate("[dgm.state.kept.length, !!dgm.state.ends.a]") == [1, True]
    generate(page)
    played = page.evaluate("dgm.state.played.length")
    page.locator(".dgm-chip button").first.click()
    page.wait_for_function("n => dgm.state.played.length > n", arg=played)
    page.locator(".dgm-chip button").nth(1).click()
    assert page.locator(".dgm-chip").count() == 0


def test_a_download_has_its_recipe_inside(visit, tmp_path):
    from dgm_audio.io import read_provenance

    page = visit()
    generate(page)
    with page.expect_download() as started:
        page.locator("#dgm-dock a", has_text="24").click()
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    assert path.name.startswith("drums-vae_seed") and path.suffix == ".wav"
    assert read_provenance(path).to_json() == page.evaluate("dgm.state.current.recipe")
