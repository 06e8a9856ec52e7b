"""Interpolation of latents along great circles."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def slerp(z0: Tensor, z1: Tensor, weight: float) -> Tensor:
    """Great-circle interpolation of whole items: (B, D, L) -> (B, D, L).

    slerp(w) = sin((1 - w) t) / sin(t) z0 + sin(w t) / sin(t) z1, with t the angle between them.
    Typical points of N(0, I) lie near a sphere; the great circle stays on it, the chord does not.
    Nearly (anti)parallel items, for which no circle is defined, are interpolated linearly.

    >>> z = slerp(torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0], [1.0]]]), 0.5)
    >>> [round(v, 4) for v in z.flatten().tolist()]
    [0.7071, 0.7071]
    """
    a, b = z0.flatten(1).double(), z1.flatten(1).double()
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-30)
    angle = torch.arccos(cosine.clamp(-1, 1))[:, None]
    straight = (math.pi - angle).minimum(angle) < 1e-4
    sine = torch.where(straight, torch.ones_like(angle), torch.sin(angle))
    left, right = (
        torch.where(straight, torch.full_like(angle, w), torch.sin(w * angle) / sine)
        for w in (1 - weight, weight)
    )
    return (left * a + right * b).to(z0.dtype).reshape(z0.shape)
