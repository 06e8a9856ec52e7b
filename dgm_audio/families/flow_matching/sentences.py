"""Recorded sentences with transcripts: their alignment, and the losses of a model that speaks.

    loss = E |v(x_t, t, c) - (x_1 - x_0)|^2 + |x_1 - m(c)|^2 / 2 + (log d(c) - log d)^2

The second term teaches the encoder which frame m each symbol gives, from which the alignment d is
found anew at every step; the third one teaches the durations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dgm_audio.families.flow_matching.config import TextConfig
from dgm_audio.families.flow_matching.field import FlowField, Given
from dgm_audio.families.flow_matching.path import between, logit_normal
from dgm_audio.families.flow_matching.representation import MelFrames
from dgm_audio.families.flow_matching.text import Read, alignment
from dgm_audio.signal.resampling import resample
from dgm_audio.text import Word, joined, words

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 128
"""Frames of a sentence that the flow learns from in a step."""
BATCH, REPEATS = 16, 4
"""Sentences at a time, and draws of times and noise for each, of held-out losses."""


@dataclass(frozen=True)
class Sentences:
    """What is known of N recorded sentences.

    Args:
        words: what is said.
        voices: index of the speaker (N,).
        languages: index of the language (N,).
        mels: log-mels (M, L) of each, float16, at each of the transpositions.
        semitones: the transpositions; the first is 0.
    """

    words: list[list[Word]]
    voices: Tensor
    languages: Tensor
    mels: list[list[Tensor]]
    semitones: tuple[float, ...]

    @classmethod
    def of(
        cls, clips: ClipSet, config: TextConfig, frames: MelFrames, semitones: float = 0.0
    ) -> Sentences:
        """The clips of a set, as a model of these voices, languages and frames takes them."""
        shifts = (0.0, semitones, -semitones) if semitones else (0.0,)
        names = list(config.voices), list(config.languages)
        return cls(
            [words(text, lang) for text, lang in zip(clips.texts, clips.languages, strict=True)],
            indices([names[0].index(voice) for voice in clips.voices]),
            indices([names[1].index(language) for language in clips.languages]),
            [_mels(clips, frames, shift) for shift in shifts],
            shifts,
        )

    def __len__(self) -> int:
        return len(self.words)


def indices(numbers: list[int]) -> Tensor:
    """Int64 tensor (N,) on the CPU."""
    return torch.tensor(numbers, dtype=torch.long, device="cpu")


def _mels(clips: ClipSet, frames: MelFrames, semitones: float) -> list[Tensor]:
    """Log-mels (M, L) of clips, played faster by so many semitones."""
    rate, found = clips.sample_rate, []
    for row in range(len(clips)):
        x = torch.from_numpy(clips.audio[row, :, : int(clips.lengths[row])])
        if semitones:
            x = resample(x, 200 * round(rate * 2 ** (semitones / 12) / 200), rate)
        with torch.no_grad():
            found.append(frames.vocoder.front(x[0])[:, : frames.latent.frames(x.shape[1])].half())
    return found


class Batch(NamedTuple):
    """Sentences of a step.

    Args:
        condition: parsed, with the texts.
        y: standardised frames (B, M, L), zeros after the end.
        frames: how many of them count (B,).
    """

    condition: dict[str, Tensor]
    y: Tensor
    frames: Tensor

    @classmethod
    def of(
        cls,
        sentences: Sentences,
        config: TextConfig,
        frames: MelFrames,
        rows: np.ndarray,
        shifts: np.ndarray,
        spelled: float = 0.0,
    ) -> Batch:
        """The given rows, at the given transpositions; a share of the words is spelled."""
        place = {symbol: index for index, symbol in enumerate(config.symbols, start=1)}
        read, mels = [], []
        for row, shift in zip(rows, shifts, strict=True):
            said = sentences.words[row]
            spell = (torch.rand(len(said), dtype=torch.float32, device="cpu") < spelled).tolist()
            symbols = joined(said, spell)
            read.append(indices([place[symbol] for symbol in symbols]))
            mels.append(sentences.mels[shift][row].float())
        device = frames.mean.device
        counts = indices([mel.shape[1] for mel in mels]).to(device)
        condition = {
            "voice": F.one_hot(sentences.voices[rows], len(config.voices)).float(),
            "language": sentences.languages[rows],
            "pace": torch.ones(len(rows), dtype=torch.float32, device="cpu"),
            "text": pad_sequence(read, batch_first=True),
        }
        if config.semitones:
            condition["transpose"] = torch.tensor(
                [sentences.semitones[s] for s in shifts], dtype=torch.float32, device="cpu"
            )
        y = [frames.standardised(mel.to(device)).T for mel in mels]
        return cls(
            {key: value.to(device) for key, value in condition.items()},
            pad_sequence(y, batch_first=True).transpose(1, 2),
            counts,
        )


class Aligned(NamedTuple):
    """An alignment, and what it says of the encoder.

    Args:
        style: (B, S).
        features: of the frames (B, C, L).
        symbols: mean of |y - m|^2 / 2 per number of a frame.
        pace: mean squared error of the logarithms of durations.
    """

    style: Tensor
    features: Tensor
    symbols: Tensor
    pace: Tensor


def align_batch(field: FlowField, batch: Batch, even: float = 0.0) -> Aligned:
    """The alignment of texts and frames that the model finds."""
    length = batch.y.shape[2]
    assert field.text is not None
    style = field.style(batch.condition)
    read: Read = field.text(batch.condition["text"], style, field.pace_style(batch.condition))
    durations = alignment(read, batch.y, batch.frames, even)
    features = field.text.frames(read, durations, length)
    inside = torch.arange(length, device=batch.y.device) < batch.frames[:, None]
    width = read.h.shape[2]
    expected = features[:, width : width + batch.y.shape[1]].float()
    off = ((batch.y - expected).square().mean(1) * inside).sum() / inside.sum()
    usual = durations.clamp_min(1)
    if "transpose" in batch.condition:  # a voice that is higher was played faster
        usual = usual * (batch.condition["transpose"] * (math.log(2) / 12)).exp()[:, None]
    error = (read.log_duration.float() - usual.log()).square() * read.valid
    return Aligned(style, features, off / 2, error.sum() / read.valid.sum())


def flow_loss(field: FlowField, batch: Batch, aligned: Aligned, dropped: float = 0.0) -> Tensor:
    """Mean of |v - (x_1 - x_0)|^2 over frames of a stretch of each sentence."""
    most = min(CROP, int(batch.frames.max()))
    room = (batch.frames - most).clamp_min(0)
    start = (torch.rand(len(room), dtype=torch.float32, device=room.device) * (room + 1)).long()
    place = start[:, None] + torch.arange(most, device=room.device)
    valid = place < batch.frames[:, None]
    place = place.clamp(max=batch.y.shape[2] - 1)[:, None]
    x1 = torch.gather(batch.y, 2, place.expand(-1, batch.y.shape[1], -1))
    features = torch.gather(aligned.features, 2, place.expand(-1, aligned.features.shape[1], -1))
    given = Given(aligned.style, features)
    if dropped:
        drop = torch.rand(len(x1), dtype=torch.float32, device=x1.device) < dropped
        style = torch.where(drop[:, None], field.nothing(given).style, given.style)
        given = Given(style, features.masked_fill(drop[:, None, None], 0))
    x0, t = torch.randn_like(x1), logit_normal(len(x1)).to(x1.device)
    v = field.velocity(between(x0, x1, t), t, given, valid).float()
    error = (v - (x1 - x0)).square().mean(1) * valid
    return error.sum() / valid.sum()


def heldout_loss(field: FlowField, frames: MelFrames, sentences: Sentences) -> float:
    """Mean of |v - (x_1 - x_0)|^2 over sentences, for times and noise that are drawn once."""
    text, losses = field.config.text, []
    assert text is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for rows in np.array_split(np.arange(len(sentences)), -(-len(sentences) // BATCH)):
            batch = Batch.of(sentences, text, frames, rows, np.zeros_like(rows))
            aligned = align_batch(field, batch)
            flows = [float(flow_loss(field, batch, aligned)) for _ in range(REPEATS)]
            losses += [np.mean(flows)] * len(rows)
    return float(np.mean(losses))


def gaussian_loss(frames: MelFrames, sentences: Sentences) -> float:
    """What `heldout_loss` is for v(x, t) = (2 t - 1) / (t^2 + (1 - t)^2) x, of normal data."""
    generator = torch.Generator().manual_seed(0)
    y = torch.cat([frames.standardised(mel.float()).T for mel in sentences.mels[0]])
    t = logit_normal(len(y), generator)[:, None]
    x0 = torch.randn(y.shape, generator=generator, dtype=y.dtype, device="cpu")
    v = (2 * t - 1) / (t**2 + (1 - t) ** 2) * ((1 - t) * x0 + t * y)
    return float((v - (y - x0)).square().mean())
