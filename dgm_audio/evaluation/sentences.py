"""Sentences to say, and what models and recordings make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation.reference import MIN_CLIPS
from dgm_audio.evaluation.word_error import ENGLISH
from dgm_audio.generator import AudioGenerator
from dgm_audio.resynthesis import resynthesise
from dgm_audio.specs import Text
from dgm_audio.vocoded import is_vocoder

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet


class Speaker(NamedTuple):
    """A voice, in one of its languages; either may be empty."""

    voice: str
    language: str

    @property
    def name(self) -> str:
        """Both in words, such as "allison, en"."""
        return ", ".join(filter(None, self)) or "voice"


class Sentence(NamedTuple):
    """What is to be said, and by whom."""

    text: str
    speaker: Speaker


def text_field(model: AudioGenerator) -> str | None:
    """Name of the condition that takes what is to be said; None if the model does not speak."""
    return next((name for name, field in model.condition if isinstance(field, Text)), None)


def check_speaks(model: AudioGenerator) -> None:
    """Whether the model takes a text.

    Raises:
        InputError: if it does not.
    """
    if text_field(model) is None:
        raise InputError("the model does not speak: none of its conditions is a text")


def say(model: AudioGenerator, sentence: Sentence, seed: int) -> Tensor:
    """The sound (T,) of a sentence.

    Raises:
        InputError: if the model does not speak, or not with this voice or language.
    """
    check_speaks(model)
    given = {text_field(model): sentence.text, **sentence.speaker._asdict()}
    known = {key: value for key, value in given.items() if value and key in model.condition.fields}
    return model.sample(1, condition=known, seed=seed)[0].mean(0).cpu()


def vocoded(vocoder: AudioGenerator, x: Tensor) -> Tensor:
    """What a vocoder makes of a recording (T,), at its own temperature."""
    return torch.cat(list(resynthesise(vocoder, x[None])), dim=2)[0, 0]


def vocoder_of(model: AudioGenerator) -> AudioGenerator | None:
    """The vocoder among the parts of a model, which makes its mels audible; None without one."""
    parts = (part for part in model.modules() if part is not model)
    return next((part for part in parts if is_vocoder(part)), None)  # pyright: ignore[reportReturnType]


def sentences_of(clips: ClipSet) -> list[Sentence]:
    """What is said in each clip."""
    speakers = map(Speaker, clips.voices, clips.languages)
    return list(map(Sentence, clips.texts, speakers))


def recording(clips: ClipSet, row: int) -> Tensor:
    """A clip (T,), without the zeros behind it."""
    return clips.tensor([row])[0, :, : int(clips.lengths[row])].mean(0)


def chosen_rows(clips: ClipSet, count: int) -> list[int]:
    """Rows of clips to judge by: English ones, or any if there are fewer than 8; evenly spread."""
    spoken = [row for row, text in enumerate(clips.texts) if text]
    english = [row for row in spoken if clips.languages[row] == ENGLISH]
    return spread(english if len(english) >= MIN_CLIPS else spoken, count)


def spread(rows: Sequence[int], count: int) -> list[int]:
    """At most `count` of the rows, evenly spread.

    >>> spread([3, 5, 7, 9, 11], 3)
    [3, 7, 11]
    """
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [rows[place] for place in places]
