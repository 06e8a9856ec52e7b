"""A toy model that speaks, and a set of sentences that it might have learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from vocoders import RATE, SMALL, ToyVocoder, ToyVocoderConfig

from dgm_audio.data import ClipSet, Splits
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, LatentSpec, Text
from dgm_audio.text import inventory

VOICES, LANGUAGES = ("anna", "bert"), ("en", "es")
SYMBOL, LENGTH = 640, 25600
"""Samples of a symbol, and of a clip."""


@dataclass(frozen=True)
class ToySpeakerConfig:
    steps: int = 4


class ToySpeaker(AudioGenerator):
    """A tone for each symbol, lower for the first voice; the fewer steps, the more noise."""

    family = "toy-speaker"
    config_class = ToySpeakerConfig

    def __init__(self, config: ToySpeakerConfig | None = None) -> None:
        super().__init__()
        self.config = config or ToySpeakerConfig()
        symbols = inventory(LANGUAGES)
        self.audio, self.latent = AudioSpec(RATE, 1, LENGTH), LatentSpec(1, hop=1)
        self.condition = ConditionSpec(
            {
                "voice": Classes(VOICES),
                "language": Classes(LANGUAGES),
                "text": Text(symbols, LANGUAGES, "language", ("Hello.", "Hola.")),
            }
        )
        self.vocoder = ToyVocoder(ToyVocoderConfig(SMALL))
        self.gain = nn.Parameter(torch.tensor(0.3))

    def lengths(self, condition: Condition = None, batch: int = 1) -> list[int]:
        text = self.condition.parse(condition, batch)["text"]
        return [SYMBOL * int(count) for count in (text > 0).sum(1)]

    def with_steps(self, steps: int) -> ToySpeaker:
        other = ToySpeaker(ToySpeakerConfig(steps))
        other.load_state_dict(self.state_dict())
        return other

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        text, time = condition["text"], torch.arange(length)
        place = (time // SYMBOL).clamp(max=text.shape[1] - 1)
        pitch = 200 + 10 * text[:, place] + 400 * condition["voice"][:, None]
        tone = torch.sin(2 * torch.pi * pitch * time / RATE)
        return (self.gain * (tone[:, None] + z / self.config.steps)).clamp(-1, 1)


def sentence_splits(count: int = 8) -> Splits:
    """So many sentences a side, most by Anna in English and two by Bert in Spanish."""
    model = ToySpeaker(ToySpeakerConfig(64))

    def clips(side: str) -> ClipSet:
        texts = [f"{side} {name}" for name in "one two three four five six seven eight".split()]
        texts = [*texts[:count], "uno", "dos tres"]
        voices = [*["anna"] * count, *["bert"] * 2]
        languages = [*["en"] * count, *["es"] * 2]
        audio = np.zeros((len(texts), 1, LENGTH), np.float32)
        lengths = []
        for row, (text, voice, language) in enumerate(zip(texts, voices, languages, strict=True)):
            condition = {"text": text, "voice": voice, "language": language}
            x = model.sample(1, condition=condition, seed=row)[0]
            audio[row, :, : x.shape[1]] = x
            lengths.append(x.shape[1])
        found = ClipSet.from_arrays(
            audio, RATE, labels=voices, texts=texts, voices=voices, languages=languages,
            label_name="voice",
        )  # fmt: skip
        object.__setattr__(found, "lengths", np.array(lengths))
        return found

    train, test = clips("train"), clips("test")
    return Splits(train, test.subset([]), test, test.subset([]))
