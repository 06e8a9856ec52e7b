"""Texts of any length, said piece by piece.

A text that takes more than ten seconds is cut in two, where a sentence ends near its middle or, in
a long sentence, at a comma or between two words; the parts are cut again until they are short. A
model of speech has learned from sentences, not from pages.

The pieces take consecutive frames of one noise, so a text of one piece is what `model.sample` says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_audio._audiofile.paths import named, open_regular, replacing, shown
from dgm_audio.apps.decoding import decode_one
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Text

LONGEST_PIECE = 10.0
"""Seconds; only a single word may take longer."""
MAX_SIGNS = 50_000
"""Of a text: about an hour."""
MAX_INLINE = 1400
"""Bytes of JSON of a text that go into the provenance itself."""

_TITLE = re.compile(r"(?:^|\s)[^\W\d_a-z]\w{0,3}\.\s+$")
"""A full stop after a short word with a capital, as in "Mr. Smith", ends no sentence for sure."""
_CLOSING = "[\"')\\]»\u201d\u2019]*"
_CUTS = (
    (re.compile(rf"[.!?…]+{_CLOSING}\s+|[\u3002\uff01\uff1f]+|\s*\n\s*"), 0.45),
    (re.compile(rf"[,;:\u2014\u2013]{_CLOSING}\s+"), 0.25),
    (re.compile(r"\s+"), 0.0),
)
"""Where a text is cut, the best places first, and the seconds of silence that are left there."""


@dataclass(frozen=True)
class Piece:
    """What is said at a time.

    Args:
        condition: the full condition.
        length: in samples.
        pause: samples of silence after it.
    """

    condition: Mapping[str, Any]
    length: int
    pause: int


def text_field(model: AudioGenerator) -> str:
    """The condition that is the text to be said.

    Raises:
        InputError: if the model has none.
    """
    for key, spec in model.condition:
        if isinstance(spec, Text):
            return key
    raise InputError(
        f"{model.name or model.family!r} says no texts; this needs a model with a condition 'text'"
    )


def pieces_of(
    model: AudioGenerator, condition: Mapping[str, Any], length: int | None = None
) -> list[Piece]:
    """The pieces of a text, as a model says them.

    Args:
        model: with a text among its conditions.
        condition: of the whole text.
        length: samples of all with its pauses, to which the pieces are stretched; by default what
            they take.

    Raises:
        InputError: if the model has no text, or the text is not allowed or does not fit the length.
    """
    key = text_field(model)
    text = condition.get(key)
    if not isinstance(text, str) or not _has_word(text):
        raise InputError(f"the text is {text!r:.60}; it must have a word to be spoken")
    if len(text) > MAX_SIGNS:
        raise InputError(f"the text has {len(text)} signs; at most {MAX_SIGNS} are allowed")
    pieces = list(_cut(model, {**condition, key: text.strip()}, key))
    return pieces if length is None else _stretched(pieces, length, model.audio.sample_rate)


def total_length(pieces: list[Piece]) -> int:
    """Samples of pieces with their pauses."""
    return sum(piece.length + piece.pause for piece in pieces)


def spoken(
    model: AudioGenerator, pieces: list[Piece], *, seed: int, temperature: float, first: int
) -> Iterator[Tensor]:
    """The pieces, each with its pause, in blocks (1, C, t) on the CPU.

    Args:
        model: that says them.
        pieces: of a text.
        seed: as that of `model.noise`, like what follows.
        temperature: see there.
        first: see there.
    """
    draw = model._noise_source(1, seed, temperature, first)
    for piece in pieces:
        z = draw(model.latent.frames(piece.length))
        sound = decode_one(model, z, piece.condition, piece.length)[None]
        yield torch.nn.functional.pad(sound, (0, piece.pause))


def pack_text(condition: Mapping[str, Any], key: str, beside: dict[str, str]) -> dict[str, Any]:
    """The condition for the provenance of a sound: a long text is entered into `beside`.

    There it has the name of the file that must lie beside the sound (see `write_texts`).
    """
    text = condition[key]
    if len(ascii(text)) <= MAX_INLINE:
        return dict(condition)
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = f"text-{digest[:16]}.txt"
    beside[name] = text
    return {**condition, key: {"file": name, "sha256": digest}}


def write_texts(beside: Mapping[str, str], folder: Path) -> list[Path]:
    """Write what `pack_text` found too long; the names tell the content, so existing files stand.

    Raises:
        AudioFileError: if a file cannot be written.
    """
    paths = [folder / name for name in beside]
    for path, text in zip(paths, beside.values(), strict=True):
        if not path.exists():
            with named(path), replacing(path, False) as file:
                file.write(text.encode())
    return paths


def unpack_text(condition: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The condition that `pack_text` stored; files are looked for in `folder`.

    Raises:
        InputError: if the file's content is another.
        AudioFileError: if the file is missing.
    """
    whole = dict(condition)
    for key, value in condition.items():
        if not isinstance(value, Mapping) or set(value) != {"file", "sha256"}:
            continue
        path = folder / Path(str(value["file"])).name  # never a path out of somebody's provenance
        with named(path), open_regular(path) as file:
            content = file.read(4 * MAX_SIGNS + 1)
        if hashlib.sha256(content).hexdigest() != value["sha256"]:
            raise InputError(f"{shown(path)}: holds another text than that of the sound")
        whole[key] = content.decode()
    return whole


def _cut(model: AudioGenerator, condition: Mapping[str, Any], key: str) -> Iterator[Piece]:
    """The pieces of a text; the last one has no pause."""
    text, rate = condition[key], model.audio.sample_rate
    parts = _halves(text)
    if not parts or _fits(text):
        length = model.lengths(condition)[0]
        if not parts or length <= LONGEST_PIECE * rate:
            yield Piece(condition, length, 0)
            return
    left, right, pause = parts
    *before, last = _cut(model, {**condition, key: left}, key)
    yield from before
    yield replace(last, pause=round(pause * rate))
    yield from _cut(model, {**condition, key: right}, key)


def _fits(text: str) -> bool:
    """Whether a text may be short enough: twice as many signs a second are never said."""
    return len(text) <= 60 * LONGEST_PIECE


def _halves(text: str) -> tuple[str, str, float] | None:
    """Both parts of a text and the pause between them; None for a single word."""
    for pattern, pause in _CUTS:
        places = [found.end() for found in pattern.finditer(text)]
        for place in sorted(places, key=lambda place: abs(place - len(text) / 2)):
            left, right = text[:place], text[place:]
            titled = pause == _CUTS[0][1] and _TITLE.search(left)
            if _has_word(left) and _has_word(right) and not titled:
                return left.strip(), right.strip(), pause
    return None


def _has_word(text: str) -> bool:
    return any(sign.isalnum() for sign in text)


def _stretched(pieces: list[Piece], length: int, rate: int) -> list[Piece]:
    """The pieces with lengths in proportion that, with the pauses, sum up to `length`."""
    natural = sum(piece.length for piece in pieces)
    room = length - sum(piece.pause for piece in pieces)
    if room < len(pieces):
        raise InputError(
            f"the pauses of the text alone take {(length - room) / rate:.3g} s; it cannot be said "
            f"in {length / rate:.3g} s"
        )
    ends = [round(end * room / natural) for end in accumulate(piece.length for piece in pieces)]
    return [
        replace(piece, length=max(end - start, 1))
        for piece, (start, end) in zip(pieces, pairwise([0, *ends]), strict=True)
    ]
