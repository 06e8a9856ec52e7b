"""Speaking: texts of any length, in the voices of a model.

text -> pieces of at most ten seconds -> sample(condition={"text": piece}) -> one sound
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dgm_audio.apps.file_names import USUAL
from dgm_audio.apps.long_text import pack_text, pieces_of, spoken, text_field, total_length
from dgm_audio.apps.render import item_conditions
from dgm_audio.generator import AudioGenerator, drawn_seed
from dgm_audio.specs import AudioSpec


def speak(
    model: AudioGenerator,
    texts: str | Sequence[str],
    *,
    voice: str | Mapping[str, float] | None = None,
    language: str | None = None,
    pace: float = 1.0,
    transpose: float = 0.0,
    seconds: float | None = None,
    seed: int | None = None,
    temperature: float = 1.0,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None = None,
) -> list[tuple[str, Tensor]]:
    """Say texts.

    Text i depends on (seed, i) only. A long one is said piece by piece (see
    `dgm_audio.apps.long_text`).

    Args:
        model: with a condition `text`.
        texts: what to say; each becomes a sound.
        voice: a name, or names with weights; by default the first one of the model.
        language: ISO 639-1; by default that of the voice.
        pace: 1 is the usual one, 2 twice as fast.
        transpose: in semitones.
        seconds: of each sound; by default what the text takes.
        seed: 0 to 2**63 - 1; None draws one from the operating system.
        temperature: factor on z, as in `model.sample`.
        watch: passes on the blocks (1, C, t) of each sound, T samples in all; it may show how far
            the sound is, and stop.

    Returns:
        Each text with its sound (C, T), on the CPU.

    Raises:
        InputError: if the model has no text, or an argument is not allowed.

    Example:
        from dgm_audio import load, write_audio
        from dgm_audio.apps.speak import speak

        model = load("speech")
        for text, x in speak(model, ["Press one.", "Press two."], voice="allison", seed=0):
            write_audio(f"{text}wav", x, model.audio.sample_rate)
    """
    texts = [texts] if isinstance(texts, str) else texts
    seed = drawn_seed() if seed is None else seed
    asked = asked_conditions(voice, language, pace, transpose)
    length = _length(model, seconds)
    sounds = []
    for index, text in enumerate(texts):
        pieces = pieces_of(model, condition_of(model, text, asked), length)
        blocks = spoken(model, pieces, seed=seed, temperature=temperature, first=index)
        seen = blocks if watch is None else watch(blocks, total_length(pieces))
        sounds.append((text, torch.cat(list(seen), dim=2)[0]))
    return sounds


def asked_conditions(
    voice: str | Mapping[str, float] | None,
    language: str | None,
    pace: float,
    transpose: float,
) -> dict[str, Any]:
    """What was asked for, without what is usual: a model need not have it."""
    asked = {"voice": voice, "language": language, "pace": pace, "transpose": transpose}
    return {key: value for key, value in asked.items() if value not in (None, USUAL.get(key))}


def condition_of(model: AudioGenerator, text: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The full condition of a text of any length, as JSON values.

    Raises:
        InputError: if the model has no text, or a condition is not allowed.
    """
    key = text_field(model)
    return {**item_conditions(model, asked, 1)[0], key: text}


def how_to_say(
    model: AudioGenerator,
    condition: Mapping[str, Any],
    seconds: float | None,
    beside: dict[str, str],
) -> tuple[str, dict[str, Any]]:
    """The call of the provenance of a text's sound, and its parameters but for the seed.

    Args:
        model: that says it.
        condition: in full.
        seconds: of the sound; None for what the text takes.
        beside: takes a text that is too long for the provenance itself (see `pack_text`).

    Raises:
        InputError: if the text is not allowed.
    """
    length = _length(model, seconds)
    pieces = pieces_of(model, condition, length)
    if len(pieces) == 1:
        return "sample", {"condition": dict(pieces[0].condition), "length": pieces[0].length}
    packed = pack_text(condition, text_field(model), beside)
    return "speak", {"condition": packed, "length": total_length(pieces)}


def _length(model: AudioGenerator, seconds: float | None) -> int | None:
    """Samples of a duration, which may be longer than what the model makes in one piece."""
    return None if seconds is None else AudioSpec(model.audio.sample_rate).resolve_length(seconds)
