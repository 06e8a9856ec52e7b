"""Pinyin against syllables that are spelled in every textbook."""

import pytest

from dgm_audio.data.sets import gcin
from dgm_audio.text.pinyin import FINALS, INITIALS, pinyin, spelled

TEXTBOOK = {
    "zhi": ("zh", "ih"),
    "si": ("s", "ih"),
    "xi": ("x", "i"),
    "ju": ("j", "v"),
    "xue": ("x", "ve"),
    "quan": ("q", "van"),
    "yun": ("vn",),
    "yuan": ("van",),
    "yue": ("ve",),
    "you": ("iu",),
    "wei": ("ui",),
    "wen": ("un",),
    "weng": ("ong",),
    "yong": ("iong",),
    "ye": ("ie",),
    "wu": ("u",),
    "lü": ("l", "v"),
    "nüe": ("n", "ve"),
    "nue": ("n", "ve"),
    "zhong": ("zh", "ong"),
    "ang": ("ang",),
}


@pytest.mark.parametrize(("syllable", "parts"), TEXTBOOK.items())
def test_syllables_have_the_initial_and_final_of_the_textbook(syllable, parts):
    assert pinyin(f"{syllable}3")[0].symbols == (*parts, "3")


def test_no_two_syllables_are_spelled_alike():
    finals = [final for final in FINALS if final != "ih"]  # zhi is written with the i of bi
    front = [final for final in finals if final[0] in "iv"]  # xu is xv, there is no x with u
    pairs = [(i, f) for i in ("", *INITIALS) for f in (front if i in (*"jqx",) else finals)]
    assert len({spelled(*pair) for pair in pairs}) == len(pairs) > 600


def test_the_names_are_those_of_the_recorded_syllables():
    assert tuple(gcin.INITIALS.values()) == INITIALS and tuple(gcin.FINALS.values()) == FINALS
    assert gcin.syllable("ㄓㄤ4") == ("zh", "ang") and gcin.syllable("ㄒㄩㄥ") == ("x", "iong")
