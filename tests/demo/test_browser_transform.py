"""Uploads in a browser: five bad files, each with an error sentence, then a good one."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image
from test_browser_page import open_tab

RATE = 44_100

BAD = {
    "empty.wav": "The file empty.wav is empty; allowed are",
    "text.wav": "The file text.wav is no audio file (it begins with b'no sound",
    "picture.wav": "The file picture.wav is no audio file (it begins with b'\\x89PNG",
    "cut.wav": "The file cut.wav is cut off: it states 44100 bytes of sound and holds",
    "long.wav": (
        "This file is 4 min 10 s long; the limit is 60 s. Trim it, or start the demo with "
        "--max-seconds 300."
    ),
}


def drum(path):
    """Half a second of a falling tone and a little noise."""
    t = np.arange(RATE // 2) / RATE
    noise = np.random.default_rng(0).standard_normal(len(t))
    x = np.exp(-8 * t) * np.sin(2 * np.pi * (60 + 100 * np.exp(-20 * t)) * t) + 0.01 * noise
    soundfile.write(path, 0.5 * x, RATE)
    return path


@pytest.fixture
def files(tmp_path):
    """The folder of all of them."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "PNG")
    (tmp_path / "picture.wav").write_bytes(picture.getvalue())
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("no sound at all " * 50)
    (tmp_path / "cut.wav").write_bytes(drum(tmp_path / "good.wav").read_bytes()[:3000])
    soundfile.write(tmp_path / "long.wav", np.zeros(250 * 8000), 8000)
    return tmp_path


def test_bad_files_give_an_error_and_the_next_good_one_works(visit, files):
    page = visit()
    open_tab(page, "transform")
    tab = page.locator("#dgm-tab-transform")
    for name, sentence in BAD.items():
        tab.locator("#dgm-recording input[type=file]").set_input_files(files / name)
        problem = tab.locator(".dgm-problem", has_text=sentence.split(";")[0])
        problem.wait_for()
        text = problem.inner_text()
        assert text.startswith(sentence) and str(files) not in text and "\n" not in text
        tab.get_by_label("Clear").first.click()
    assert page.evaluate("dgm.state.played") == []
    tab.locator("#dgm-recording input[type=file]").set_input_files(files / "good.wav")
    page.wait_for_function("dgm.state.played.length > 0")
    assert "off by" in tab.inner_text() and "good.wav" in tab.inner_text()
    page.locator("#dgm-link").click()
    assert "recordings are never in links" in page.locator("#dgm-dock").inner_text()
