"""Pads and lines: corners are kept, what lies between is where it should be, attacks stay."""

import math

import pytest
import torch

from dgm_audio.apps.morph import blend, crossfade, grid_order, point
from dgm_audio.errors import InputError
from dgm_audio.interpolation import slerp

PLACES = [(0, 0), (1, 0), (0, 1), (1, 1)]
KINDS = ("kick", "snare", "tom", "clap")
CONDITIONS = [
    {"class": kind, "pitch": pitch}
    for kind, pitch in zip(KINDS, (60, 50.0, 40.0, 30.0), strict=True)
]


def corners(count=4, channels=5, frames=3):
    return list(torch.randn(count, 1, channels, frames, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("scale", [1.0, 1e-3, 100.0])
def test_corners_are_themselves(scale):
    pad = [scale * corner for corner in corners()]
    for corner, place in zip(pad, PLACES, strict=True):
        assert point(pad, *place).equal(corner)
    for x in (0, 1):
        assert point(pad[:2], x, 0.3).equal(pad[x])


def test_parallel_corners_are_themselves():
    z = corners()[0]
    for place in PLACES:
        assert point([z, -z, 2 * z, -2 * z], *place).equal(
            [z, -z, 2 * z, -2 * z][PLACES.index(place)]
        )


def test_a_point_is_a_slerp_of_slerps():
    a, b, c, d = corners()
    expected = slerp(slerp(a, b, 0.25), slerp(c, d, 0.25), 0.75)
    assert point([a, b, c, d], 0.25, 0.75).equal(expected)
    assert point([a, b], 0.25, 0.75).equal(slerp(a, b, 0.25))
    assert point([a, b], 0.25, 0).shape == a.shape


def test_between_unit_corners_the_norm_stays():
    pad = [corner / corner.norm() for corner in corners()]
    for x, y in ((0.5, 0.5), (0.1, 0.9), (0.7, 0.2)):
        norm = float(point(pad[:2], x, y).norm())
        assert norm == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_other_counts_of_corners_are_refused(count):
    with pytest.raises(InputError, match=f"{count} corners; a pad has 4 and a line 2"):
        point(corners(8)[:count], 0, 0)
    with pytest.raises(InputError, match=f"{count} corners"):
        blend(([{}] * 8)[:count], 0, 0)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan, math.inf, "0.5", None, True, [1]])
def test_places_outside_are_refused(wrong):
    for tested, many in ((point, corners()), (blend, CONDITIONS)):
        with pytest.raises(InputError, match=r"x is .* from 0 to 1"):
            tested(many, wrong, 0)
        with pytest.raises(InputError, match=r"y is .* from 0 to 1"):
            tested(many, 0, wrong)


def test_corners_of_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(1, 5, 3\) and \(1, 5, 4\); they must be equal"):
        point([corners()[0], corners(frames=4)[0]], 0, 0)


def test_numbers_glide_and_names_jump_halfway():
    assert blend(CONDITIONS, 0.5, 0.5) == {"class": "kick", "pitch": 45.0}
    assert blend(CONDITIONS, 0.51, 0.5) == {"class": "snare", "pitch": 44.9}
    assert blend(CONDITIONS, 0.5, 0.51) == {"class": "tom", "pitch": 44.8}
    assert blend(CONDITIONS, 1, 1) == {"class": "clap", "pitch": 30.0}
    assert blend(CONDITIONS[:2], 0.333, 1) == {"class": "kick", "pitch": 56.67}
    assert blend([{}] * 4, 0.3, 0.3) == {}


def test_what_is_equal_everywhere_stays_as_it_is():
    made = blend([{"class": 2, "gain": 0.12345}] * 4, 0.3, 0.3)
    assert made == {"class": 2, "gain": 0.12345} and isinstance(made["class"], int)


def test_conditions_of_other_names_are_refused():
    with pytest.raises(InputError, match="conditions 'a' and 'b'; their names must be equal"):
        blend([{"a": 1}, {"b": 1}], 0, 0)


@pytest.mark.parametrize("odd", [math.nan, 10**400, None, [1], {"a": 1}, True])
def test_odd_values_do_not_glide(odd):
    assert blend([{"a": 1.0}, {"a": odd}], 0.25, 0) == {"a": 1.0}


@pytest.mark.parametrize("size", [2, 3, 4, 9, 10, 33])
def test_a_grid_has_each_cell_once(size):
    order = grid_order(size)
    assert sorted(order) == [(row, column) for row in range(size) for column in range(size)]
    assert set(order[:4]) == {(0, 0), (0, size - 1), (size - 1, 0), (size - 1, size - 1)}


def test_a_grid_gets_finer():
    order = grid_order(9)
    for count, step in ((4, 8), (9, 4), (25, 2), (81, 1)):
        assert {number % step for cell in order[:count] for number in cell} == {0}
    for wrong in (1, 34, 2.0, "9"):
        with pytest.raises(InputError, match="size is"):
            grid_order(wrong)


def test_sounds_follow_each_other_and_attacks_stay():
    first, second = torch.full((2, 100), 0.5), torch.full((2, 40), 0.25)
    clip = crossfade([first, second], [10, 50], 20)
    assert clip.shape == (2, 90)
    assert (clip[:, :10] == 0).all() and (clip[:, 10:50] == 0.5).all()
    fading = clip[:, 50:70] - 0.25
    expected = 0.25 * (1 + torch.cos(math.pi * torch.arange(20) / 20))
    torch.testing.assert_close(fading, expected.expand(2, -1))
    assert (clip[:, 70:] == 0.25).all()


def test_a_cut_a_gap_and_a_late_tail():
    ones = [torch.full((1, 10), 0.5) for _ in range(3)]
    assert crossfade(ones, [0, 4, 20], 0)[0].tolist() == [0.5] * 14 + [0] * 6 + [0.5] * 10
    tail = crossfade([ones[0], ones[0][:, :2]], [0, 3], 5)
    assert tail.shape == (1, 8) and 0 < float(tail[0, 7]) < float(tail[0, 6]) < 0.5
    assert crossfade(ones[:1], [3], 5)[0].tolist() == [0] * 3 + [0.5] * 10


def test_a_clip_beyond_full_scale_is_lowered_as_a_whole():
    first, second = torch.full((1, 10), 0.5), torch.full((1, 10), 0.9)
    clip = crossfade([first, second], [0, 5], 4)
    assert float(clip.max()) == 1 and float(clip[0, 0]) == pytest.approx(0.5 / 1.4)
    assert float(clip[0, -1]) == pytest.approx(0.9 / 1.4)
    assert (first == 0.5).all()  # what was given is left as it was


@pytest.mark.parametrize(
    ("sounds", "starts", "fade", "message"),
    [
        ([], [], 0, "0 sounds"),
        ([torch.ones(1, 3)], [0, 1], 0, "1 sounds and 2 starts"),
        ([torch.ones(1, 3), torch.ones(2, 3)], [0, 1], 0, "as many channels"),
        ([torch.ones(3)], [0], 0, "shape"),
        ([torch.ones(1, 3)] * 2, [2, 1], 0, "starts fall"),
        ([torch.ones(1, 3)], [-1], 0, "a start is -1"),
        ([torch.ones(1, 3)], [0.5], 0, "a start is 0.5"),
        ([torch.ones(1, 3)], [0], -1, "fade is -1"),
        ([torch.ones(1, 3)], [0], 1.5, "fade is 1.5"),
    ],
)
def test_wrong_crossfades(sounds, starts, fade, message):
    with pytest.raises(InputError, match=message):
        crossfade(sounds, starts, fade)
