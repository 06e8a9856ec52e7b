"""Mandarin syllables in pinyin with the number of their tone, as in "zhang4": three symbols.

References:
    ISO 7098, "Romanization of Chinese", 2015.
"""

from __future__ import annotations

import re
from functools import cache

from dgm_audio.errors import InputError
from dgm_audio.text.word import PUNCTUATION, Word, sign

INITIALS = tuple("b p m f d t n l g k h j q x zh ch sh r z c s".split())
FINALS = tuple(
    "a o e ai ei ao ou an en ang eng er ih i ia ie iao iu ian in iang ing "
    "u ua uo uai ui uan un uang ong v ve van vn iong".split()
)
"""v is ü, ih the buzz of zhi and si."""
TONES = ("1", "2", "3", "4", "5")
"""The fifth is the neutral one."""

_PALATAL, _BUZZING = ("j", "q", "x"), ("zh", "ch", "sh", "r", "z", "c", "s")
_ALONE = {"i": "yi", "in": "yin", "ing": "ying", "iu": "you", "u": "wu", "ui": "wei", "un": "wen"}
_ALONE |= {"ong": "weng", "iong": "yong"}


def spelled(initial: str, final: str) -> str:
    """A syllable without its tone as pinyin writes it; the initial may be "".

    >>> spelled("x", "ve"), spelled("", "uang"), spelled("zh", "ih"), spelled("n", "v")
    ('xue', 'wang', 'zhi', 'nv')
    """
    if final == "ih":
        return initial + "i"
    if initial in _PALATAL:
        return initial + final.replace("v", "u")
    if initial:
        return initial + final
    if final in _ALONE:
        return _ALONE[final]
    for vowel, written in (("i", "y"), ("u", "w"), ("v", "yu")):
        if final.startswith(vowel):
            return written + final[1:]
    return final


@cache
def _syllables() -> dict[str, tuple[str, str]]:
    """Pinyin -> initial and final."""
    found: dict[str, tuple[str, str]] = {}
    for initial in ("", *INITIALS):
        for final in FINALS:
            buzzes = final == "ih"
            fits = initial in _BUZZING if buzzes else not (initial in _BUZZING and final == "i")
            palatal = initial not in _PALATAL or final[0] in "iv"
            if fits and palatal:
                found[spelled(initial, final)] = (initial, final)
    for initial in "nl":
        found[f"{initial}ue"] = (initial, "ve")  # often written so
    return found


def pinyin(text: str) -> list[Word]:
    """The syllables and signs of a text such as "wo3 men5, zhang4".

    Raises:
        InputError: if a word is no syllable with a tone from 1 to 5; u with dots may be written v.
    """
    found = []
    for token in re.findall(r"[,.!?]|[^\s,.!?]+", text.lower().replace("ü", "v")):
        if token in PUNCTUATION:
            found.append(sign(token))
            continue
        syllable, tone = token[:-1], token[-1]
        if syllable not in _syllables() or tone not in TONES:
            raise InputError(
                f"{token!r} is no syllable of pinyin with its tone; write 'zhang4', 'lv4', 'ma5'"
            )
        initial, final = _syllables()[syllable]
        parts = (*filter(None, (initial, final)), tone)
        found.append(Word(parts, parts))
    return found
