"""Numbers read out, as PyPI's `num2words` says them, which is imported when there is one."""

from __future__ import annotations

import re
from collections.abc import Callable

POINT = {"en": "point", "es": "punto", "fr": "virgule", "it": "virgola", "ru": "запятая"}
"""Language -> what is said before the decimals; these are the languages whose numbers are read."""

_LONGEST = 6
"""Longer rows of digits are telephone numbers and the like: they are read digit by digit."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}
_YEARS = range(1900, 2100)


def read_out(text: str, language: str) -> str:
    """The text with words in place of its numbers; in English of times and money, too.

    >>> read_out("in 2019, 12 or 3.5", "en")
    'in twenty nineteen, twelve or three point five'
    >>> read_out("10:30, $3.50, the 3rd", "en")
    'ten thirty, three dollars and fifty cents, the third'
    >>> read_out("marque 21", "es")
    'marque veintiuno'
    """
    if language == "en":
        text = _english(text)
    return _NUMBER.sub(lambda found: _spaced(found, _number(found[0], language)), text)


def _english(text: str) -> str:
    """Times, money and ordinals, whose signs are lost if numbers are read one by one."""
    rules: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
        (r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _time),
        (r"([$£€]) ?(\d+(?:,\d{3})*)(?:\.(\d\d))?\b", _money),
        (r"\b(\d+(?:,\d{3})*)(?:st|nd|rd|th)\b", _ordinal),
        (r"(?<![\w-])-(?=\d)", lambda found: "minus "),
        (r"\b\d{3}(?:-\d{3,4})+\b", lambda found: ", ".join(map(_digits, found[0].split("-")))),
    )
    for pattern, rule in rules:
        text = re.sub(pattern, rule, text)
    return text


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if minute == 0:
        return f"{_said(hour)} o'clock" if 0 < hour <= 12 else f"{_said(hour)} hundred"
    return f"{_said(hour)} {'oh ' if minute < 10 else ''}{_said(minute)}"


def _money(found: re.Match[str]) -> str:
    whole, part = int(found[2].replace(",", "")), int(found[3] or 0)
    names = _MONEY[found[1]]
    amounts = [(whole, names[0])] if whole or not part else []
    amounts += [(part, names[1])] if part else []
    return " and ".join(f"{_said(n)} {_counted(name, n)}" for n, name in amounts)


def _counted(name: str, number: int) -> str:
    if number == 1:
        return name
    return "pence" if name == "penny" else f"{name}s"


def _ordinal(found: re.Match[str]) -> str:
    return _said(int(found[1].replace(",", "")), to="ordinal")


def _number(text: str, language: str) -> str:
    if language == "en" and _THOUSANDS.fullmatch(text):
        return _said(int(text.replace(",", "")))
    whole, *rest = re.split(r"[.,]", text)
    if len(rest) > 1:  # such as an address of the Internet
        return f" {POINT[language]} ".join(_whole(part, language) for part in (whole, *rest))
    decimals = f" {POINT[language]} {_digits(rest[0], language)}" if rest else ""
    return _whole(whole, language) + decimals


def _whole(text: str, language: str) -> str:
    if len(text) > _LONGEST or (len(text) > 1 and text[0] == "0"):
        return _digits(text, language)
    is_year = language == "en" and int(text) in _YEARS
    return _said(int(text), language, "year" if is_year else "cardinal")


def _digits(text: str, language: str = "en") -> str:
    return " ".join(_said(int(digit), language) for digit in text)


def _said(number: int, language: str = "en", to: str = "cardinal") -> str:
    from num2words import num2words

    return re.sub(r"[-,\s]+", " ", num2words(number, lang=language, to=to))


def _spaced(found: re.Match[str], said: str) -> str:
    """Apart from letters that touch the number, as in "3D"."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    return " " * before.isalpha() + said + " " * after.isalpha()
