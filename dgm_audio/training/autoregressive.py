"""Training a WaveNet: the exact likelihood of crops, teacher-forced.

    loss = -mean_t log p(k_t | k_{<t}, c)

Half of the crops begin where their clip begins, as sampling does; the others begin anywhere, and
their first samples, which lack their past, do not count. Half of the crops see their past with a
little noise, so that the model forgives its own errors when it samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.families.autoregressive.distribution import surprise
from dgm_audio.families.autoregressive.network import POSITIONS
from dgm_audio.families.autoregressive.wavenet import WaveNet, WaveNetConfig
from dgm_audio.generator import AudioGenerator
from dgm_audio.training.task import Losses, Objective, Task, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

CROP = 4096
"""Samples that a step looks at in each clip."""
CONTEXT = 1024
"""Samples at the start of a crop from within a clip that are not scored."""
NOISE = 1.0
"""Largest standard deviation of the noise on past symbols, in symbols."""


class AutoregressiveObjective(Objective):
    """Bits of one crop per clip.

    Args:
        generator: the model.
        mixed: run its network in bfloat16.
    """

    generator: WaveNet

    def __init__(self, generator: WaveNet, mixed: bool) -> None:
        super().__init__()
        self.generator, self.mixed = generator, mixed

    def forward(self, x: Tensor, labels: Tensor, progress: float) -> Losses:
        """Negative log-likelihood per scored sample, in nats."""
        model, frame = self.generator, self.generator.config.frame
        symbols = model.codec.encode(x[:, 0])
        crop = min(CROP, symbols.shape[1]) // frame * frame or symbols.shape[1]
        start = self._starts(symbols, crop)
        where = start[:, None] * frame + torch.arange(crop, device=x.device)
        target, last, position = (
            values.gather(1, where) for values in (symbols, *model.inputs(symbols))
        )
        last, position = _noisy(last, model.config.levels), _noisy(position, POSITIONS)
        condition = {"class": labels} if model.config.classes else {}
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            bias = model.conditioner(condition, start, model.conditioner.frames(crop))
            head = model.network(last, position, bias, frame)
        nats = surprise(head.float(), target, model.config.output, model.config.levels)
        scored = (start == 0)[:, None] | (torch.arange(crop, device=x.device) >= CONTEXT)
        mean = (nats * scored).sum() / scored.sum()
        bits = float(mean.detach()) / math.log(2)
        return Losses({"negative_log_likelihood": mean}, {"bits_per_sample": bits})

    def _starts(self, symbols: Tensor, crop: int) -> Tensor:
        """First frame (B,) of each crop; crops from within reach little beyond the sound's end."""
        frame, steps = self.generator.config.frame, torch.arange(symbols.shape[1])
        sounding = symbols.cpu() != self.generator.codec.silence
        end = torch.where(sounding, steps, 0).amax(1) + crop // 4
        last = (end.clamp(max=symbols.shape[1]) - crop).clamp_min(0) // frame
        anywhere = (torch.rand(len(symbols)) * (last + 1)).long()
        inside = torch.rand(len(symbols)) < 0.5
        return torch.where(inside, anywhere, 0).to(symbols.device)


def _noisy(codes: Tensor, levels: int) -> Tensor:
    """Codes (B, T) with rounded Gaussian noise on about half of the rows."""
    scale = NOISE * (2 * torch.rand(len(codes), 1, device=codes.device) - 1).clamp_min(0)
    noise = torch.randn(codes.shape, device=codes.device) * scale
    return (codes + noise.round().long()).clamp(0, levels - 1)


class AutoregressiveTask(Task):
    """A WaveNet of the default size for the clips' rate, length and classes."""

    batch = 8
    rate = 2e-3

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        model = WaveNet(
            WaveNetConfig(
                sample_rate=clips.sample_rate,
                length=clips.audio.shape[2],
                classes=clips.classes if len(clips.classes) > 1 else (),
            )
        )
        if start is not None:
            take_weights(model, start)
        self.objective = AutoregressiveObjective(model, mixed)
