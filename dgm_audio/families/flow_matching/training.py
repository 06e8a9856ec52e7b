"""Training a flow-matching model.

    loss = E |v(x_t, t, c) - (x_1 - x_0)|^2 + |x_1 - m(c)|^2 / 2 + (log d(c) - log d)^2

The first term is flow matching. Where texts are learned, the second one teaches the encoder which
frame m each symbol gives, from which the alignment d of symbols and frames is found anew at every
step; the third one teaches the durations.

References:
    See `dgm_audio.families.flow_matching.model` and `.text`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.errors import DataError, InputError
from dgm_audio.families.flow.model import InversionFlow
from dgm_audio.families.flow_matching.config import FlowMatchingConfig, TextConfig
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.flow_matching.sentences import Batch, Sentences, align_batch, flow_loss
from dgm_audio.generator import AudioGenerator
from dgm_audio.objective import Losses, Objective, Task, take_weights
from dgm_audio.text import inventory

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

DROPPED = 0.1
"""Share of sentences whose condition is left out, so that guidance has a field without one."""
SPELLED = 0.1
"""Share of words that are spelled, so that words of no dictionary can be said."""
EVEN = 0.15
"""Share of the budget in which alignments are drawn to an even pace, ever less."""
TRANSPOSED, SEMITONES = 0.2, 2.0
"""Share of sentences that are heard higher or lower, and by how much."""
EXAMPLE_SECONDS = 2.5
"""Length of the sentence that a model says where no text is given."""


class TextObjective(Objective):
    """Losses of sentences; of a step's batch it needs the rows only.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        sentences: those to learn from.
        even: share of the budget in which alignments are drawn to an even pace.
    """

    generator: FlowMatching

    def __init__(
        self, generator: FlowMatching, mixed: bool, sentences: Sentences, even: float
    ) -> None:
        super().__init__()
        self.generator, self.mixed, self.sentences = generator, mixed, sentences
        self.even = even

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Losses of the sentences of this step."""
        model, rows, text = self.generator, self.rows, self.generator.config.text
        assert text is not None
        other = torch.randint(0, len(self.sentences.semitones), (len(rows),))
        shifts = torch.where(torch.rand(len(rows)) < TRANSPOSED, other, 0).numpy()
        frames = model.representation
        batch = Batch.of(self.sentences, text, frames, rows, shifts, SPELLED)
        even = max(0.0, 1 - progress / self.even) if self.even else 0.0
        with torch.autocast(model.device.type, torch.bfloat16, enabled=self.mixed):
            aligned = align_batch(model.field, batch, even)
            flow = flow_loss(model.field, batch, aligned, DROPPED)
        terms = {"flow": flow, "symbols": aligned.symbols, "durations": aligned.pace}
        return Losses(terms=terms)


class FlowMatchingTask(Task):
    """Learns to speak from recordings with transcripts.

    What a new model contains is what it starts with: a vocoder, whose frames it makes.
    """

    represented = True
    transcribed = True
    contains = "vocoder-flow"
    highest_rate = 16000
    batch = 16
    rate = 1e-3

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        if not any(clips.texts):
            raise DataError("flow-matching learns from recordings with transcripts; there are none")
        if isinstance(start, FlowMatching):
            vocoder = start.vocoder
        elif isinstance(start, InversionFlow):
            vocoder = start
        else:
            raise InputError(
                "flow-matching starts with a vocoder of family 'flow' or a model of its own family"
            )
        model = FlowMatching(config_for(clips, vocoder))
        model.representation.vocoder.load_state_dict(vocoder.state_dict())
        text = model.config.text
        assert text is not None
        frames = model.representation
        sentences = Sentences.of(clips, text, frames, SEMITONES)
        even = EVEN
        if isinstance(start, FlowMatching):
            take_weights(model, start)
            even = 0.0
        else:
            frames.fit(torch.cat([mel.float() for mel in sentences.mels[0]], dim=1))
        self.objective = TextObjective(model, mixed, sentences, even)


def config_for(clips: ClipSet, vocoder: InversionFlow) -> FlowMatchingConfig:
    """Sizes of a model that speaks like the clips."""
    voices = tuple(dict.fromkeys(sorted(clips.voices)))
    languages = tuple(dict.fromkeys(sorted(clips.languages)))
    native = tuple(_usual(clips, voice, languages) for voice in voices)
    examples = tuple(_example(clips, language) for language in languages)
    text = TextConfig(
        inventory(languages), languages, voices, native, examples, semitones=SEMITONES
    )
    return FlowMatchingConfig(vocoder=vocoder.config, length=clips.audio.shape[2], text=text)


def _usual(clips: ClipSet, voice: str, languages: tuple[str, ...]) -> int:
    """The language that a voice speaks most."""
    spoken = [lang for v, lang in zip(clips.voices, clips.languages, strict=True) if v == voice]
    return max(range(len(languages)), key=lambda index: spoken.count(languages[index]))


def _example(clips: ClipSet, language: str) -> str:
    """A sentence of the recordings in a language, of about EXAMPLE_SECONDS."""
    rows = [row for row, spoken in enumerate(clips.languages) if spoken == language]
    wanted = EXAMPLE_SECONDS * clips.sample_rate
    return clips.texts[min(rows, key=lambda row: (abs(clips.lengths[row] - wanted), row))]
