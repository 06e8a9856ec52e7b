import numpy as np
import pytest

from dgm_audio import drawing


def test_long_text_is_shortened_to_its_room():
    assert drawing.fit("a" * 200, 20, 300).endswith("...")
    assert drawing.font(20).getlength(drawing.fit("a" * 200, 20, 300)) <= 300
    assert drawing.fit("kick", 20, 300) == "kick"


def test_levels_become_lightness_with_the_first_row_at_the_bottom():
    shade = drawing.shade_of(np.array([[0.0, -40.0], [-80.0, -200.0]]))
    assert shade.tolist() == [[0.0, 0.0], [1.0, 0.5]]


def test_more_is_always_lighter():
    pixels = drawing.coloured(np.linspace(0, 1, 100)[None])
    grey = pixels[0] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > 0).all()


def drawn_by(axis):
    """Which pixels of a page (300, 400) an axis draws on."""
    image, draw = drawing.page((400, 300))
    axis(draw)
    return np.asarray(image).sum(2) > np.sum(drawing.BACKGROUND)


@pytest.mark.parametrize(("high", "marks"), [(8000, 5), (20000, 6), (1000, 2)])
def test_frequencies_stand_where_the_mel_scale_has_them(high, marks):
    drawn = drawn_by(lambda draw: drawing.frequency_axis(draw, (100, 20), 250, 0, high))
    rows = np.flatnonzero(drawn[:, 98])  # the ticks are left of the plot
    wanted = [
        20 + 250 * (1 - drawing.mel(hertz) / drawing.mel(high))
        for hertz in (10000, 5000, 2000, 1000, 500, 100)
    ]
    wanted = [row for row in wanted if row >= 20 + 17]  # the unit stands above
    assert len(wanted) == marks
    assert np.abs(rows - wanted).max() <= 1


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [(0.0, 1.0, (0, 0.2, 0.4, 0.6, 0.8, 1)), (-0.031, 0.012, (-0.03, -0.02, -0.01, 0, 0.01))],
)
def test_round_values_have_lines_where_they_are(low, high, values):
    drawn = drawn_by(lambda draw: drawing.value_axis(draw, (100, 20), (200, 251), low, high))
    rows = np.flatnonzero(drawn[:, 299])  # labels are left of the plot
    wanted = [20 + 250 * (high - value) / (high - low) for value in reversed(values)]
    assert np.abs(rows - wanted).max() <= 1
    assert not drawn[:, 300:].any()


def test_times_are_evenly_spread_over_the_width():
    drawn = drawn_by(lambda draw: drawing.time_axis(draw, (50, 200), 301, 3.0))
    columns = np.flatnonzero(drawn[202])
    assert columns.tolist() == [50, 100, 150, 200, 250, 300, 350]


def test_letters_that_pillows_font_lacks_are_drawn_in_one_of_the_machine_or_without_accents():
    assert drawing.drawable("“Où ça?”, été") == "“Ou ca?”, ete"
    own = drawing.font(20)
    assert drawing.font(20, "été").getlength("abc") == own.getlength("abc")
    wide = drawing.font(20, "слово")
    if wide.getname() != own.getname():  # the machine has such a font
        letters = [wide.getmask(letter).getbbox() for letter in "жли"]
        assert len(set(letters)) == 3
