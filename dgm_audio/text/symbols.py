"""From a text to the symbols that a model reads: `words`, `symbols`, `inventory`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dgm_audio.errors import InputError
from dgm_audio.text import pinyin as mandarin
from dgm_audio.text.alphabets import ALPHABETS, APOSTROPHE, ENGLISH, folded
from dgm_audio.text.english import english, phones
from dgm_audio.text.numbers import read_out
from dgm_audio.text.word import PUNCTUATION, Word, sign

PINYIN = "pinyin"
"""Language of labelled Mandarin syllables, such as "zhang4"."""

START, SPACE, END = "^", " ", "$"
SIGNS = (START, END, SPACE, *PUNCTUATION)
"""What every language has: the ends of a text, the space between words, punctuation."""

LONGEST = 1000
"""Signs of a text."""


def words(text: str, language: str) -> list[Word]:
    """The words and punctuation signs of a text, as they are said and as they are spelled.

    Args:
        text: at most 1000 signs, with at least one word. Numbers are read out in English, Spanish,
            French, Italian and Russian; English also has times, money, abbreviations and signs such
            as "%". Semicolons, colons and dashes become commas; quotes and brackets are not heard.
        language: "en" for phones, "pinyin" for syllables; any other code for letters.

    Raises:
        InputError: if there is no word, or a sign that cannot be read; the message says which.

    >>> words("Hi!", "en")
    [Word(symbols=('HH', 'AY1'), letters=('h', 'i')), Word(symbols=('!',), letters=('!',))]
    """
    if len(text) > LONGEST:
        raise InputError(f"the text has {len(text)} signs; at most {LONGEST} are allowed")
    if language == PINYIN:
        found = mandarin.pinyin(text)
    elif language == ENGLISH:
        found = english(folded(text, language))
    else:
        found = _letters(folded(text, language), language)
    found = _tidy(found)
    if not found:
        raise InputError(f"the text {text!r} has no word to be spoken")
    return found


def symbols(text: str, language: str) -> tuple[str, ...]:
    """The symbols of a text: "^", its words with " " between them, "$".

    Raises:
        InputError: as `words` does.

    >>> symbols("Sì, 2.", "it")
    ('^', 's', 'ì', ',', ' ', 'd', 'u', 'e', '.', '$')
    """
    return joined(words(text, language))


def joined(text: Sequence[Word], spelled: Sequence[bool] | None = None) -> tuple[str, ...]:
    """The symbols of words, with " " between them and the signs attached.

    Args:
        text: words and signs.
        spelled: which of them give their letters; by default none.

    >>> joined(words("Hi, you", "en"), [False, False, True])
    ('^', 'HH', 'AY1', ',', ' ', 'y', 'o', 'u', '$')
    """
    found = [START]
    for word, by_letter in zip(text, spelled or [False] * len(text), strict=True):
        if len(found) > 1 and not word.is_sign:
            found.append(SPACE)
        found += word.letters if by_letter else word.symbols
    return (*found, END)


def inventory(languages: Iterable[str], texts: Iterable[str] = ()) -> tuple[str, ...]:
    """All symbols that can occur in these languages, sorted, those of `SIGNS` first.

    Args:
        languages: as in `words`.
        texts: what is to be spoken in languages whose alphabet is not known here; their letters are
            added.

    Raises:
        InputError: if there is no text for such a language.
    """
    found: set[str] = set()
    texts = tuple(texts)
    for language in languages:
        if language == PINYIN:
            found |= {*mandarin.INITIALS, *mandarin.FINALS, *mandarin.TONES}
        elif language in ALPHABETS:
            found |= {*ALPHABETS[language], APOSTROPHE, *(phones() if language == ENGLISH else ())}
        else:
            written = {
                letter
                for text in texts
                for word in words(text, language)
                for letter in word.symbols
            }
            if not written:
                raise InputError(
                    f"the alphabet of {language!r} is not known; it is learned from texts, and "
                    f"there is none. Known are {', '.join((*ALPHABETS, PINYIN))}"
                )
            found |= written
    return (*SIGNS, *sorted(found - set(SIGNS)))


def _letters(text: str, language: str) -> list[Word]:
    text = (read_out(text, language) if language in ALPHABETS else text).lower()
    return [
        sign(token) if token in PUNCTUATION else Word(tuple(token), tuple(token))
        for token in re.findall(r"[^\W\d_](?:(?:[^\W\d_]|['\u0300-\u036f])*)|[,.!?]", text)
    ]


def _tidy(found: Sequence[Word]) -> list[Word]:
    """Without signs before the first word, and of several signs in a row the last."""
    kept: list[Word] = []
    for word in found:
        if word.is_sign and kept and kept[-1].is_sign:
            kept[-1] = word
        elif kept or not word.is_sign:
            kept.append(word)
    return kept
