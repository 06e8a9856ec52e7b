"""The signs that a text may have in each language, and what becomes of punctuation."""

from __future__ import annotations

import re
import string
import unicodedata

from dgm_audio.errors import InputError

ENGLISH = "en"
LATIN = string.ascii_lowercase

ALPHABETS = {
    ENGLISH: LATIN,
    "es": LATIN + "áéíñóúü",
    "fr": LATIN + "àâæçèéêëîïôùûüÿœ",
    "it": LATIN + "àèéìíîòóùú",
    "ru": LATIN + "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
}
"""Language -> its letters, lower case; Russian texts have Latin names in them."""

APOSTROPHE = "'"
DIGITS = string.digits
READ_OUT = "$£€%&+=/@#*"
"""Signs that are read out in English, such as "percent"; elsewhere there is no word for them."""

_FOLDED = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u02bc\u00b4`", APOSTROPHE),
        **dict.fromkeys("\u2013\u2014\u2212", "-"),
        "…": "...",
        ";": ",",
        **dict.fromkeys('"“”„«»()[]¿¡', " "),
        "\u00ad": "",
        "\ufeff": "",
    }
)
_KEPT = ",.!?:'-"


def folded(text: str, language: str) -> str:
    """A text with few kinds of signs: letters of the language, digits, `,.!?'-` and spaces.

    Semicolons, colons (but for those of times in English) and dashes become commas; quotes and
    brackets separate words and are not heard. Accents are dropped in English.

    Raises:
        InputError: if a sign is unknown; it names the sign, its place and what is allowed.
    """
    text = unicodedata.normalize("NFC", text)
    for place, character in enumerate(text, start=1):
        for part in _plain(character, language).translate(_FOLDED):
            if not (part.isspace() or part in _KEPT or _is_known(part, language)):
                raise InputError(
                    f"{character!r}, sign {place} of the text, cannot be read in {language!r}; "
                    f"{_allowed(language)}"
                )
    text = " ".join(_plain(text, language).translate(_FOLDED).split())
    text = re.sub(r"(?<=\S) -+ (?=\S)|--+", ", ", text)
    return re.sub(r"(?<!\d):|:(?!\d)" if language == ENGLISH else ":", ",", text)


def _plain(text: str, language: str) -> str:
    if language != ENGLISH:
        return text
    apart = unicodedata.normalize("NFD", text)
    return "".join(part for part in apart if not unicodedata.combining(part))


def _is_known(character: str, language: str) -> bool:
    letter = character.lower()
    if language not in ALPHABETS:  # digits have no words there
        return letter.isalpha() or bool(unicodedata.combining(letter))
    known = ALPHABETS[language] + DIGITS + (READ_OUT if language == ENGLISH else "")
    return letter in known


def _allowed(language: str) -> str:
    signs = "punctuation, quotes and brackets"
    if language not in ALPHABETS:
        return f"letters, {signs} are allowed, and numbers as words"
    others = ALPHABETS[language].removeprefix(LATIN)
    letters = "a-z" + (f" {others}" if others else "")
    read_out = f", {READ_OUT}" if language == ENGLISH else ""
    return f"letters ({letters}), digits{read_out}, {signs} are allowed"
