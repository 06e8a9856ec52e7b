"""Flow matching over the codes of clips: what is learned from, and its error.

    loss = E |v(x_t, t, c) - (x_1 - x_0)|^2,    x_1: codes drawn from the posteriors of clips

Clips are encoded once, as they are and with small changes of speed, colour and polarity. Noise is
paired with codes of its class by optimal transport.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.data.augment import SPEED, augment
from dgm_audio.families.flow_matching.codes import Codes
from dgm_audio.families.flow_matching.field import FlowField, Given
from dgm_audio.families.flow_matching.path import between, gaussian_velocity, logit_normal

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

BATCH = 32
"""Clips that are encoded at a time."""
VARIATIONS, MOST_ENCODED = 24, 20_000
"""Encodings of a clip, at least one; of all clips, if there are so many."""
REPEATS = 32
"""Draws of codes, noise and times for each clip in held-out losses."""


@dataclass(frozen=True)
class CodedClips:
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
    def of(
        cls, clips: ClipSet, codes: Codes, known: Iterable[str], variations: int = 1
    ) -> CodedClips:
        """The clips, and changed copies of them; the same ones every time.

        Args:
            clips: to be encoded.
            codes: which encode them.
            known: names of the conditions that the model has.
            variations: K.
        """
        rng = torch.Generator().manual_seed(0)
        values = clips.condition(np.arange(len(clips)))
        condition = {name: values[name] for name in known}
        speed = 0.0 if "pitch" in condition else SPEED
        device = codes.mean.device
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
    def varied(cls, clips: ClipSet, codes: Codes, known: Iterable[str]) -> CodedClips:
        """The clips with as many changed copies as training uses."""
        return cls.of(clips, codes, known, max(1, min(VARIATIONS, MOST_ENCODED // len(clips))))

    def draw(self, rows: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Codes (B, D, L) from posteriors of the given clips."""
        encoding = torch.randint(len(self.mean), rows.shape, generator=rng)
        mean, log_variance = self.mean[encoding, rows], self.log_variance[encoding, rows]
        noise = torch.randn(mean.shape, generator=rng, dtype=mean.dtype, device="cpu")
        return mean + (0.5 * log_variance).exp() * noise


def flow_error(field: FlowField, given: Given, x0: Tensor, x1: Tensor, t: Tensor) -> Tensor:
    """Mean of |v - (x_1 - x_0)|^2 per number, of noise and codes (B, D, L) and times (B,)."""
    v = field.velocity(between(x0, x1, t), t, given).float()
    return (v - (x1 - x0)).square().mean()


@torch.no_grad()
def heldout_losses(
    field: FlowField, codes: Codes, clips: ClipSet, known: Iterable[str]
) -> tuple[float, float]:
    """The loss on clips, for draws that are the same every time, and that of a Gaussian."""
    rng, coded, found = torch.Generator().manual_seed(0), CodedClips.of(clips, codes, known), []
    for rows in torch.arange(len(clips), device="cpu").split(BATCH):
        rows = rows.repeat(REPEATS)
        x1 = codes.whitened(coded.draw(rows, rng).to(codes.mean.device))
        x0 = torch.randn(x1.shape, generator=rng, dtype=x1.dtype, device="cpu").to(x1)
        t = logit_normal(len(x1), rng).to(x1)
        condition = {name: value[rows].to(x1.device) for name, value in coded.condition.items()}
        given = field.given(condition, len(x1), x1.shape[2])
        loss = flow_error(field, given, x0, x1, t)
        floor = (gaussian_velocity(between(x0, x1, t), t) - (x1 - x0)).square().mean()
        found.append((float(loss) * len(rows), float(floor) * len(rows)))
    total = len(clips) * REPEATS
    return sum(loss for loss, _ in found) / total, sum(floor for _, floor in found) / total
