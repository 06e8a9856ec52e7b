"""Training a predictive flow: the exact likelihood of crops, dequantised to 16 bits.

    loss = -mean_t log p(x_t | x_{<t}, c),    x = sound + uniform noise of a step of 16 bits

A vocoder's crops lie anywhere and come at many levels. A model that makes sounds by itself learns
from crops as a WaveNet does (see `training.autoregressive`): half of them from their clip's start,
some of which go astray.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.flow import Known, PredictiveFlow
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.envelope import HOP
from dgm_audio.signal.mel import MelSpec
from dgm_audio.training.autoregressive import LEAD, astray, starts
from dgm_audio.training.task import Losses, Objective, Task, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 8192
"""Samples that a step looks at in each clip, behind the lead."""
STEP = 2.0**-15
"""Of 16 bits: the width of the noise that makes a density of them."""
QUIETEST = -30.0
"""Gain in dB down to which half of a vocoder's crops are turned."""


class FlowObjective(Objective):
    """Bits of one crop per clip.

    Args:
        generator: the model.
        mixed: run its network in bfloat16.
    """

    generator: PredictiveFlow

    def __init__(self, generator: PredictiveFlow, mixed: bool) -> None:
        super().__init__()
        self.generator, self.mixed = generator, mixed

    def forward(self, x: Tensor, labels: Tensor, progress: float) -> Losses:
        """Negative log-likelihood per scored sample, in nats."""
        model = self.generator
        vocoder = model.front is not None
        crop = min(CROP, x.shape[2] // HOP * HOP)
        audio, first, scored = _voiced(x[:, 0], crop) if vocoder else _sounds(x[:, 0], crop)
        audio = audio + STEP * (torch.rand(audio.shape).to(x.device) - 0.5)
        condition = {"class": labels} if model.config.classes else {}
        if model.front is not None:
            condition["mel"] = model.front(audio)
        with torch.no_grad():
            known = model.known(audio, condition)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            shift, factor = self._spoken(known, condition, first)
        scale = known.scale.float()
        z = ((known.error / known.scale).float() - shift) * (-factor).exp()
        nats = 0.5 * z.square() + 0.5 * math.log(2 * math.pi) + scale.log() + factor
        mean = (nats * scored).sum() / scored.sum()
        bits = float(mean.detach()) / math.log(2) + 15
        return Losses({"negative_log_likelihood": mean}, {"bits_per_sample": bits})

    def _spoken(
        self, known: Known, condition: dict[str, Tensor], first: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Shifts and log factors (B, T) of crops that begin at frames `first` (B,) of clips."""
        model = self.generator
        bias = model.conditioner(condition, first, known.error.shape[1] // HOP)
        return model.network(known.features, bias, HOP // model.config.group)


def _voiced(x: Tensor, crop: int) -> tuple[Tensor, Tensor, Tensor]:
    """Crops (B, T) of clips for a vocoder, their first frame (0), and what is scored (B, T).

    Not scored are the first samples, which lack their past, and the last ones, whose mel sees
    beyond the crop.
    """
    batch, tail = len(x), HOP * 8
    length = min(LEAD + crop + tail, x.shape[1] // HOP * HOP)
    last = (x.shape[1] - length) // HOP
    begin = HOP * (torch.rand(batch) * (last + 1)).long().to(x.device)
    index = begin[:, None] + torch.arange(length, device=x.device)
    gain = 10 ** (QUIETEST / 20 * (2 * torch.rand(batch, 1) - 1).clamp_min(0))
    steps = torch.arange(length, device=x.device)
    scored = (steps >= torch.where(begin > 0, LEAD, 0)[:, None]) & (steps < length - tail)
    return x.gather(1, index) * gain.to(x.device), torch.zeros_like(begin), scored


def _sounds(x: Tensor, crop: int) -> tuple[Tensor, Tensor, Tensor]:
    """Crops (B, T) of clips, their first frame (B,), and what is scored (B, T).

    All begin up to `LEAD` samples early; those at a clip's start do not.
    """
    start = starts(x, crop, HOP)
    lead = (start[:, None] * HOP).clamp(max=LEAD)
    index = start[:, None] * HOP - lead + torch.arange(crop + LEAD, device=x.device)
    audio = F.pad(x, (0, LEAD)).gather(1, index)
    audio, scored_from = astray(audio, lead, audio.roll(1, 0))
    steps = torch.arange(crop + LEAD, device=x.device)
    return audio, start - lead[:, 0] // HOP, steps >= scored_from + lead


class FlowTask(Task):
    """A flow for the clips' rate, length and classes."""

    batch = 8
    rate = 2e-3
    highest_rate = 16000
    mel: MelSpec | None = None

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        named = self.mel is None and len(clips.classes) > 1
        model = PredictiveFlow(
            FlowConfig(
                sample_rate=clips.sample_rate,
                length=clips.audio.shape[2],
                classes=clips.classes if named else (),
                mel=self.mel,
                clock=self.mel is None,
            )
        )
        if start is not None:
            take_weights(model, start)
        self.objective = FlowObjective(model, mixed)


class VocoderTask(FlowTask):
    """A flow that makes sound of a mel spectrogram, for clips of any classes."""

    highest_rate = None

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        rate = clips.sample_rate
        self.mel = MelSpec(rate, f_max=min(rate / 2, 8000.0) if rate <= 24000 else rate / 2)
        super().__init__(clips, mixed, start)
