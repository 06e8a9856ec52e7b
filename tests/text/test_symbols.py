"""From texts to symbols: what every language keeps."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.errors import InputError
from dgm_audio.text import PINYIN, SIGNS, inventory, joined, symbols, words

LANGUAGES = ("en", "es", "fr", "it", "ru", PINYIN)


def spoken(text: str, language: str) -> str:
    return "|".join(" ".join(word.symbols) for word in words(text, language))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Press 2!", "^ P R EH1 S   T UW1 ! $"),
        ("es", "¿Qué número?", "^ q u é   n ú m e r o ? $"),
        ("fr", "L'été, 21", "^ l ' é t é ,   v i n g t   e t   u n $"),
        ("it", "È già qui...", "^ è   g i à   q u i . $"),
        ("ru", "«Ёлка» — 1", "^ ё л к а ,   о д и н $"),  # noqa: RUF001
        ("pinyin", "Zhang4 wo3, er2", "^ zh ang 4   uo 3 ,   er 2 $"),
        ("de", "Grüße, Jürgen", "^ g r ü ß e ,   j ü r g e n $"),
        ("en", "... to-day; (café)", "^ T AH0 D EY1 ,   K AH0 F EY1 $"),
    ],
)
def test_a_text_becomes_symbols(language, text, expected):
    assert " ".join(symbols(text, language)) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("abHkéñя 123.,:;?!-'$%/\"_\u0301")) | st.text())
def test_any_text_gives_symbols_of_the_inventory_or_one_clear_line(language, text):
    known = inventory([language])
    try:
        found = words(text, language)
    except InputError as error:
        assert "\n" not in str(error)
        return
    for spelled in (False, True):
        given = joined(found, [spelled] * len(found))
        assert set(given) <= set(known)
        assert (given[0], given[-1]) == ("^", "$") and given[1] not in SIGNS


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("en", "a ☺", "'☺', sign 3 of the text, cannot be read in 'en'; letters .* are allowed"),
        ("es", "50%", "'%', sign 3 of the text"),
        ("fr", "abcд", "'д', sign 4 of the text"),
        ("de", "um 3 Uhr", "'3', sign 4 of the text, .* and numbers as words"),
        ("en", "", "'' has no word"),
        ("ru", " ... ?", "has no word"),
        ("en", "a" * 1001, "has 1001 signs; at most 1000"),
        ("pinyin", "zhang", "'zhang' is no syllable"),
        ("pinyin", "xa1", "'xa1' is no syllable"),
        ("pinyin", "wo3 zhang6", "'zhang6' is no syllable"),
    ],
)
def test_what_cannot_be_read_is_named(language, text, message):
    with pytest.raises(InputError, match=message):
        symbols(text, language)


def test_words_may_be_spelled_one_by_one():
    text = words("Hi, you", "en")
    assert joined(text, [True, False, False]) == ("^", "h", "i", ",", " ", "Y", "UW1", "$")


def test_letters_and_phones_are_distinct_symbols():
    letters = {letter for word in words("the quick brown fox", "en") for letter in word.letters}
    phones = {phone for word in words("the quick brown fox", "en") for phone in word.symbols}
    assert letters and phones and not letters & phones


def test_the_inventory_names_each_symbol_once_with_the_signs_first():
    every = inventory(LANGUAGES)
    assert every[: len(SIGNS)] == SIGNS and len(set(every)) == len(every)
    assert inventory(["es"]) == inventory(iter(["es", "es"]))
    assert "ß" in inventory(["de"], iter(["Grüße"])) and "ß" not in every
    with pytest.raises(InputError, match=r"'de' is not known; .* Known are en, es"):
        inventory(["de"])


def test_torch_is_not_needed():
    code = "import sys, dgm_audio.text as t; t.symbols('1', 'en'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
