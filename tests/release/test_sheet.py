"""The contact sheet shows what is there, where it is, whatever the sound."""

import math

import numpy as np
import pytest
import torch

from dgm_audio import drawing
from dgm_audio.errors import InputError
from dgm_audio.release import sheet
from dgm_audio.release.sheet import MAX_TILES, Tile, contact_sheet

RATE = 16000


def plots(page, index=0, columns=4):
    """Waveform and log-mel picture of one tile, as arrays (height, width, 3)."""
    left = drawing.GAP + index % columns * (sheet._CARD_WIDTH + drawing.GAP) + sheet._PAD
    top = drawing.HEAD + index // columns * (sheet._CARD_HEIGHT + drawing.GAP)
    left, top = left + sheet._GUTTER, top + sheet._TITLE_HEIGHT
    wave = (left, top, left + sheet._PLOT_WIDTH, top + sheet._WAVE_HEIGHT)
    below = top + sheet._WAVE_HEIGHT + 8
    mel = (left, below, left + sheet._PLOT_WIDTH, below + sheet._MEL_HEIGHT)
    return (np.asarray(page.crop(box)).astype(int) for box in (wave, mel))


def tone(hertz, seconds=1.0, rate=RATE):
    return 0.5 * torch.sin(2 * math.pi * hertz * torch.arange(int(seconds * rate)) / rate)[None]


@pytest.mark.parametrize("count", [1, 4, 5, 9])
def test_the_size_follows_from_the_number_of_sounds(count):
    page = contact_sheet([Tile(tone(100), "a")] * count, RATE)
    columns, rows = min(count, 4), math.ceil(count / 4)
    assert page.mode == "RGB"
    assert page.size == (
        20 + columns * (sheet._CARD_WIDTH + 20),
        drawing.HEAD + rows * (sheet._CARD_HEIGHT + 20),
    )


@pytest.mark.parametrize("rate", [1000, 8000, 11025, 22050, 44100, 48000, 96000, 384_000])
@pytest.mark.parametrize("samples", [1, 777, 30_000])
def test_every_rate_and_length_can_be_drawn(rate, samples):
    contact_sheet([Tile(0.1 * torch.randn(2, samples), "x")], rate)  # a warning would fail it


@pytest.mark.parametrize("hertz", [300, 1000, 3000, 6000])
def test_a_tone_lies_on_its_place_of_the_frequency_axis(hertz):
    _, mel = plots(contact_sheet([Tile(tone(hertz), "tone")], RATE), columns=1)
    row = mel.sum((1, 2)).argmax()
    wanted = sheet._MEL_HEIGHT * (1 - drawing.mel(hertz) / drawing.mel(RATE / 2))
    assert abs(row - wanted) < 6  # 64 bands on 192 rows: three rows per band


def test_a_click_lies_on_its_place_of_the_time_axis():
    x = torch.zeros(1, RATE)
    x[0, RATE * 3 // 4] = 0.9
    wave, mel = plots(contact_sheet([Tile(x, "click")], RATE), columns=1)
    for picture in (wave, mel):
        assert abs(picture.sum((0, 2)).argmax() - 0.75 * sheet._PLOT_WIDTH) < 6


def test_sounds_share_one_time_axis_and_one_level_axis():
    long, short, quiet = tone(1000, 1.0), tone(1000, 0.25), 0.01 * tone(1000)
    page = contact_sheet([Tile(x, "x") for x in (long, short, quiet)], RATE)
    (_, first), (_, second), (_, third) = (plots(page, i, 3) for i in range(3))
    quarter = sheet._PLOT_WIDTH // 4
    assert (second[:, quarter + 2 :] == drawing.BACKGROUND).all()
    assert np.abs(second[:, 10 : quarter - 10] - first[:, 10 : quarter - 10]).mean() < 3
    middle = slice(150, 250)
    assert third[:, middle].max() < first[:, middle].max()  # 40 dB down


def test_silence_is_dark_and_flat():
    loud, silent = Tile(tone(1000), "loud"), Tile(torch.zeros(1, RATE), "silent")
    wave, mel = plots(contact_sheet([loud, silent], RATE), 1, 2)
    assert mel.max() <= 20
    assert (wave.sum(2) > np.sum(drawing.GRID)).any(1).sum() <= 2


def test_long_titles_of_any_letters_can_be_drawn():
    contact_sheet([Tile(tone(100), "Ünïcödé 鼓 " * 30, "1 s")], RATE, heading="h" * 300)


@pytest.mark.parametrize(
    ("tiles", "problem"),
    [
        ([], "1 to 64"),
        ([Tile(torch.zeros(1, 8), "x")] * (MAX_TILES + 1), "1 to 64"),
        ([Tile(torch.zeros(8), "flat")], "'flat'"),
        ([Tile(torch.zeros(1, 0), "empty")], "'empty'"),
        ([Tile(torch.full((1, 8), torch.nan), "nan")], "'nan'"),
    ],
)
def test_what_cannot_be_drawn_is_named(tiles, problem):
    with pytest.raises(InputError, match=problem):
        contact_sheet(tiles, RATE)
