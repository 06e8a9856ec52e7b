"""What is noticed of any sound: offset, digital clipping, peak level."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_audio.evaluation.listening.sounds import Sounds

RUN = 3
"""Equal samples in a row that are no chance."""
NEAR = 0.999
"""Of the peak: what is as loud as this is at full scale."""


def dc_offset(sounds: Sounds) -> Tensor:
    """|mean of x| in percent of the peak (B,), the largest of the channels.

    The mean is over the sounding part, until 60 dB below the peak, so that zeros behind a short
    sound make no offset smaller.
    """
    total = sounds.audio.double().cumsum(2)
    end = (sounds.sounding - 1)[:, None, None].expand(-1, total.shape[1], 1)
    mean = total.gather(2, end)[:, :, 0].abs().amax(1) / sounds.sounding
    return 100 * mean / sounds.peak


def clipped(sounds: Sounds) -> Tensor:
    """1 for a clip that was cut off at full scale, else 0 (B,).

    Cut off are three or more equal samples in a row at the clip's own peak that the sound reaches
    or leaves with a step: the sample before or after is below 99.9 % of them. What goes beyond full
    scale is cut off there. So a clip that was clipped first and lowered afterwards is found; the
    round tops of low tones in 16 bits, where several samples are equal too, do not count.
    """
    x = sounds.audio.clamp(-1, 1)
    if x.shape[2] <= RUN:
        return sounds.nan_where_silent(torch.zeros(len(x)))
    top = NEAR * x.abs().amax((1, 2), keepdim=True)
    full = x.abs() >= top
    run = full[:, :, : 1 - RUN] & (x.unfold(2, RUN, 1).diff(dim=3) == 0).all(3)
    reached = ~full[:, :, :-RUN] & run[:, :, 1:]
    left = run[:, :, :-1] & ~full[:, :, RUN:]
    return sounds.nan_where_silent((reached | left).any(2).any(1))


def peak_dbfs(sounds: Sounds) -> Tensor:
    """20 log10 of the largest magnitude (B,)."""
    return 20 * sounds.peak.log10()
