"""Flow matching over the codes of clips: what is learned from, and the loss.

    loss = E |v(x_t, t, c) - (x_1 - x_0)|^2,    x_1: codes drawn from the posteriors of clips

Clips are encoded once, as they are and with small changes of speed, colour and polarity. Noise is
paired with codes of its class by optimal transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.augment import SPEED, augment
from dgm_audio.families.flow_matching.codes import Codes
from dgm_audio.families.flow_matching.field import FlowField, Given
from dgm_audio.families.flow_matching.pairing import paired
from dgm_audio.families.flow_matching.path import between, gaussian_velocity, logit_normal
from dgm_audio.objective import Losses, Objective

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet
    from dgm_audio.families.flow_matching.model import FlowMatching

BATCH, CODES = 32, 256
"""Clips that are encoded at a time; codes in a step, several of a clip if there are fewer."""
VARIATIONS, MOST_ENCODED = 24, 20_000
"""Encodings of a clip, at least one; of all clips, if there are so many."""
REPEATS = 32
"""Draws of codes, noise and times for each clip in held-out losses."""
DROPPED = 0.1
"""Share of codes whose condition is left out, so that guidance has a field without one."""


class CodedClips(NamedTuple):
    """The posteriors of N clips, K encodings of each.

    Args:
        mean: (K, N, D, L); the first encoding is that of the clip as it is.
        log_variance: likewise.
        condition: of the clips, parsed, (N,) each.
    """

    mean: Tensor
    log_variance: Tensor
    condition: dict[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, clips: ClipSet, model: FlowMatching, variations: int = 1) -> CodedClips:
        """The clips, and changed copies of them; the same ones every time."""
        rng = torch.Generator().manual_seed(0)
        condition = condition_of_clips(clips, model)
        speed = 0.0 if "pitch" in condition else SPEED
        codes, device = codes_of(model), model.device
        encoded: list[tuple[Tensor, Tensor]] = []
        for variation in range(variations):
            moments = []
            for rows in np.split(np.arange(len(clips)), range(BATCH, len(clips), BATCH)):
                x = clips.tensor(rows)
                x = augment(x, rng, speed) if variation else x
                own = {name: value[rows].to(device) for name, value in condition.items()}
                moments.append(codes.moments(x.to(device), own))
            mean, log_variance = (torch.cat(part).cpu() for part in zip(*moments, strict=True))
            encoded.append((mean, log_variance))
        mean, log_variance = (torch.stack(part) for part in zip(*encoded, strict=True))
        return cls(mean, log_variance, condition)

    @classmethod
    def varied(cls, clips: ClipSet, model: FlowMatching) -> CodedClips:
        """The clips with as many changed copies as training uses."""
        return cls.of(clips, model, max(1, min(VARIATIONS, MOST_ENCODED // len(clips))))

    def draw(self, rows: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Codes (B, D, L) from posteriors of the given clips."""
        encoding = torch.randint(len(self.mean), rows.shape, generator=rng)
        mean, log_variance = self.mean[encoding, rows], self.log_variance[encoding, rows]
        noise = torch.randn(mean.shape, generator=rng)
        return mean + (0.5 * log_variance).exp() * noise


def condition_of_clips(clips: ClipSet, model: FlowMatching) -> dict[str, Tensor]:
    """What the model must know of each clip, on the CPU."""
    known = clips.condition(np.arange(len(clips)))
    return {name: known[name] for name in model.condition.fields}


def codes_of(model: FlowMatching) -> Codes:
    """The representation of a model of codes."""
    assert isinstance(model.representation, Codes)
    return model.representation


class CodeObjective(Objective):
    """The loss of codes; of a step's batch it needs the rows only.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        clips: those to learn from.
    """

    generator: FlowMatching

    def __init__(self, generator: FlowMatching, mixed: bool, clips: CodedClips) -> None:
        super().__init__()
        self.generator, self.mixed, self.clips = generator, mixed, clips

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Loss of codes of the clips of this step, each drawn several times."""
        model, device = self.generator, self.generator.device
        rows = torch.from_numpy(np.resize(self.rows, max(CODES, len(self.rows))))
        x1 = codes_of(model).whitened(self.clips.draw(rows).to(device))
        classes = self.clips.condition[model.config.label][rows] if model.config.classes else None
        x0 = paired(torch.randn_like(x1), x1, classes)
        condition = {name: value[rows].to(device) for name, value in self.clips.condition.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=self.mixed):
            given = model.field.given(condition, len(x1), x1.shape[2])
            nothing = model.field.nothing(given).style
            drop = torch.rand(len(x1), 1, device=device) < DROPPED
            given = Given(torch.where(drop, nothing, given.style), None)
            loss = flow_error(model.field, given, x0, x1, logit_normal(len(x1)).to(device))
        return Losses(terms={"flow": loss})


def flow_error(field: FlowField, given: Given, x0: Tensor, x1: Tensor, t: Tensor) -> Tensor:
    """Mean of |v - (x_1 - x_0)|^2 per number, of noise and codes (B, D, L) and times (B,)."""
    v = field.velocity(between(x0, x1, t), t, given).float()
    return (v - (x1 - x0)).square().mean()


@torch.no_grad()
def heldout_losses(model: FlowMatching, clips: ClipSet) -> tuple[float, float]:
    """The loss of a model on clips, for draws that are the same every time, and of a Gaussian."""
    rng, coded, found = torch.Generator().manual_seed(0), CodedClips.of(clips, model), []
    for rows in torch.arange(len(clips)).split(BATCH):
        rows = rows.repeat(REPEATS)
        x1 = codes_of(model).whitened(coded.draw(rows, rng).to(model.device))
        x0 = torch.randn(x1.shape, generator=rng).to(x1)
        t = logit_normal(len(x1), rng).to(x1)
        condition = {name: value[rows].to(x1.device) for name, value in coded.condition.items()}
        given = model.field.given(condition, len(x1), x1.shape[2])
        loss = flow_error(model.field, given, x0, x1, t)
        floor = (gaussian_velocity(between(x0, x1, t), t) - (x1 - x0)).square().mean()
        found.append((float(loss) * len(rows), float(floor) * len(rows)))
    total = len(clips) * REPEATS
    return sum(loss for loss, _ in found) / total, sum(floor for _, floor in found) / total
