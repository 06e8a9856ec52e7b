"""Training a flow-matching model.

    loss = E |v(x_t, t, c) - (x_1 - x_0)|^2 + |x_1 - m(c)|^2 / 2 + (log d(c) - log d)^2

The first term is flow matching. Where texts are learned, the second one teaches the encoder which
frame m each symbol gives, from which the alignment d of symbols and frames is found anew at every
step; the third one teaches the durations.

References:
    See `dgm_audio.families.flow_matching.model` and `.text`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import DataError, InputError
from dgm_audio.families.flow.model import InversionFlow
from dgm_audio.families.flow_matching.code_config import config_for_codes, take_autoencoder
from dgm_audio.families.flow_matching.code_training import CODES, CodeObjective, codes_of
from dgm_audio.families.flow_matching.coded_clips import CodedClips
from dgm_audio.families.flow_matching.config import FlowMatchingConfig, TextConfig
from dgm_audio.families.flow_matching.model import FlowMatching
from dgm_audio.families.flow_matching.representation import MelFrames
from dgm_audio.families.flow_matching.sentences import Batch, Sentences, align_batch, flow_loss
from dgm_audio.families.spectrogram import SpectrogramGenerator
from dgm_audio.families.vae_stream.model import StreamVAE
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
GUIDANCE = 2.0
"""Of a model that speaks: without guidance a recogniser mishears more of its words."""
MEASURED = 128
"""Sentences by which the pace is corrected."""
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
        assert isinstance(frames, MelFrames)
        batch = Batch.of(self.sentences, text, frames, rows, shifts, SPELLED)
        even = max(0.0, 1 - progress / self.even) if self.even else 0.0
        with torch.autocast(model.device.type, torch.bfloat16, enabled=self.mixed):
            aligned = align_batch(model.field, batch, even)
            flow = flow_loss(model.field, batch, aligned, DROPPED)
        terms = {"flow": flow, "symbols": aligned.symbols, "durations": aligned.pace}
        return Losses(terms=terms)


class FlowMatchingTask(Task):
    """Learns to speak from recordings with transcripts, or the codes of sounds.

    What a new model contains is what it starts with: a vocoder, whose frames it makes, or an
    autoencoder, whose codes it makes (see `code_training`).
    """

    represented = True
    transcribed = True
    contains = "vocoder-flow"
    highest_rate = 16000
    batch = 16
    rate = 1e-3

    def snapshot(self, average: AudioGenerator, clips: ClipSet) -> AudioGenerator:
        """The average of the weights; of a model that speaks, at the pace of the recordings."""
        if not isinstance(self.objective, TextObjective):
            return average
        assert isinstance(average, FlowMatching)
        model = deepcopy(average)
        correct_pace(model, self.objective.sentences)
        return model

    @classmethod
    def clips_of(cls, start: AudioGenerator) -> tuple[int | None, float | None]:
        """The rate of what is contained, and the length of its clips if all have the same code."""
        rate, longest = start.audio.sample_rate, start.audio.max_length
        if start.latent.hop is not None or longest is None:
            return rate, None
        return rate, longest / rate

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        part = start.part if isinstance(start, FlowMatching) else start
        if isinstance(part, SpectrogramGenerator | StreamVAE):
            self.objective = _learns_codes(clips, mixed, part, start)
            self.batch = CODES
            return
        if not isinstance(part, InversionFlow):
            raise InputError(
                "flow-matching starts with a vocoder of family 'flow', an autoencoder of family "
                "'vae', 'gan' or 'vae-stream', or a model of its own family"
            )
        if not any(clips.texts):
            raise DataError(
                "flow-matching learns from recordings with transcripts; there are none. Without "
                "words it learns the codes of an autoencoder, such as --start drums-vae"
            )
        if clips.sample_rate != part.audio.sample_rate:
            raise DataError(
                f"the clips have {clips.sample_rate} Hz; the vocoder makes {part.audio.sample_rate}"
            )
        model = FlowMatching(config_for(clips, part))
        text, frames = model.config.text, model.representation
        assert text is not None and isinstance(frames, MelFrames)
        frames.vocoder.load_state_dict(part.state_dict())
        sentences = Sentences.of(clips, text, frames, SEMITONES)
        even = EVEN
        if isinstance(start, FlowMatching):
            take_weights(model, start)
            even = 0.0
        else:
            frames.fit(torch.cat([mel.float() for mel in sentences.mels[0]], dim=1))
        self.objective = TextObjective(model, mixed, sentences, even)


@torch.no_grad()
def correct_pace(model: FlowMatching, sentences: Sentences) -> None:
    """Lengthen all durations, so that recordings and what the model says are as long in sum.

    The mean of a logarithm, which is learned, is below the logarithm of the mean.

    Args:
        model: whose weights are changed.
        sentences: of which some are measured.
    """
    text, frames, spoken = model.config.text, model.representation, model.field.text
    assert text is not None and spoken is not None and isinstance(frames, MelFrames)
    rows = np.linspace(0, len(sentences) - 1, min(MEASURED, len(sentences))).round().astype(int)
    batch = Batch.of(sentences, text, frames, rows, 0 * rows)
    found = model.field.durations(batch.condition)
    spoken.duration.bias.add_((batch.frames.sum() / found.sum()).log())


def _learns_codes(
    clips: ClipSet, mixed: bool, autoencoder: AudioGenerator, start: AudioGenerator | None
) -> CodeObjective:
    """A new model of the codes of clips, or one that goes on from a start."""
    model = FlowMatching(config_for_codes(clips, autoencoder))
    codes = codes_of(model)
    take_autoencoder(codes, autoencoder)
    goes_on = isinstance(start, FlowMatching)
    if goes_on:
        take_weights(model, start)
    coded = CodedClips.varied(clips, codes, model.condition.fields)
    if not goes_on:
        codes.fit(coded.draw(torch.arange(len(clips)).repeat(len(coded.mean))), len(clips))
    return CodeObjective(model, mixed, coded)


def config_for(clips: ClipSet, vocoder: InversionFlow) -> FlowMatchingConfig:
    """Sizes of a model that speaks like the clips."""
    voices = tuple(dict.fromkeys(sorted(clips.voices)))
    languages = tuple(dict.fromkeys(sorted(clips.languages)))
    native = tuple(_usual(clips, voice, languages) for voice in voices)
    examples = tuple(_example(clips, language) for language in languages)
    text = TextConfig(
        inventory(languages), languages, voices, native, examples, semitones=SEMITONES
    )
    length = clips.audio.shape[2]
    return FlowMatchingConfig(vocoder=vocoder.config, length=length, text=text, guidance=GUIDANCE)


def _usual(clips: ClipSet, voice: str, languages: tuple[str, ...]) -> int:
    """The language that a voice speaks most."""
    spoken = [lang for v, lang in zip(clips.voices, clips.languages, strict=True) if v == voice]
    return max(range(len(languages)), key=lambda index: spoken.count(languages[index]))


def _example(clips: ClipSet, language: str) -> str:
    """A sentence of the recordings in a language, of about EXAMPLE_SECONDS."""
    rows = [row for row, spoken in enumerate(clips.languages) if spoken == language]
    wanted = EXAMPLE_SECONDS * clips.sample_rate
    return clips.texts[min(rows, key=lambda row: (abs(clips.lengths[row] - wanted), row))]
