"""Conditions that hold for a whole sound, as one vector: its style."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.specs import Classes, ConditionSpec, Field, Mixture, Scalar, Text

PACES = (0.5, 2.0)


def condition_of(config: FlowMatchingConfig) -> ConditionSpec:
    """The conditions of a model."""
    fields: dict[str, Field] = {}
    if config.classes:
        fields[config.label] = Classes(config.classes)
    if config.pitches:
        low, high = config.pitches
        fields["pitch"] = Scalar(low, high, "MIDI number", min(max(60.0, low), high))
    if text := config.text:
        fields["voice"] = Mixture(text.voices)
        fields["language"] = Classes(text.languages, "voice", text.native)
        fields["pace"] = Scalar(*PACES, "times the usual pace", 1.0)
        if text.semitones:
            fields["transpose"] = Scalar(-text.semitones, text.semitones, "semitones", 0.0)
        fields["text"] = Text(text.symbols, text.languages, "language", text.examples)
    return ConditionSpec(fields)


class Style(nn.Module):
    """s(c) (B, S): the sum of a vector for each condition, through one layer.

    Of a mixture of voices it is the mixture of their vectors.

    Args:
        config: of the model.
    """

    def __init__(self, config: FlowMatchingConfig) -> None:
        super().__init__()
        self.config = config
        size, text = config.style, config.text
        self.label = nn.Linear(len(config.classes), size, bias=False) if config.classes else None
        self.pitch = nn.Linear(3, size) if config.pitches else None
        self.voice = nn.Linear(len(text.voices), size, bias=False) if text else None
        self.language = nn.Linear(len(text.languages), size, bias=False) if text else None
        self.transpose = nn.Linear(1, size, bias=False) if text and text.semitones else None
        self.mix = nn.Linear(size, size)
        for table in (self.label, self.voice, self.language):
            if table is not None:
                nn.init.normal_(table.weight)

    def forward(self, condition: dict[str, Tensor]) -> Tensor:
        """(B, S) of a parsed condition; (1, S) without conditions."""
        weight, config = self.mix.weight, self.config
        total = weight.new_zeros(1, len(weight))
        if self.label is not None:
            one_hot = F.one_hot(condition[config.label], len(config.classes))
            total = total + self.label(one_hot.to(weight.dtype))
        if self.pitch is not None:
            low, high = config.pitches
            place = (condition["pitch"].to(weight.dtype) - low) / max(high - low, 1) * 2 - 1
            total = total + self.pitch(torch.stack([place, place**2, place**3], dim=1))
        if self.voice is not None and self.language is not None and config.text:
            total = total + self.voice(condition["voice"].to(weight.dtype))
            one_hot = F.one_hot(condition["language"], len(config.text.languages))
            total = total + self.language(one_hot.to(weight.dtype))
        if self.transpose is not None:
            total = total + self.transpose(condition["transpose"].to(weight.dtype)[:, None])
        return self._mixed(total)

    def nothing(self, batch: int) -> Tensor:
        """(B, S) if no condition is known."""
        return self._mixed(self.mix.weight.new_zeros(batch, len(self.mix.weight)))

    def _mixed(self, total: Tensor) -> Tensor:
        return total + self.mix(F.silu(total))
