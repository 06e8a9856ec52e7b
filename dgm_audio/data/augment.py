"""Augmentation that keeps a sound what it is: small changes of speed, colour and polarity."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SPEED = 0.06
"""Largest change of speed (and pitch), as a fraction: one semitone."""
TILT_DB = 3.0
"""Largest change of level at the highest frequency against the lowest."""


def augment(x: Tensor, rng: torch.Generator, speed: float = SPEED) -> Tensor:
    """A changed copy of clips (B, C, T): three quarters of them are changed, the peak is kept.

    Args:
        x: audio in [-1, 1].
        rng: on the CPU; the same state gives the same change.
        speed: largest change of speed, which changes the pitch.
    """
    batch = len(x)
    draw = torch.rand(4, batch, generator=rng).to(x.device) * 2 - 1
    changed = (draw[0] < 0.5).to(x.dtype)
    peak = x.abs().amax(dim=(1, 2), keepdim=True)
    x = _tilt(_speed(x, 1 + speed * draw[1] * changed), TILT_DB * draw[2] * changed)
    x = x * (peak / x.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-6))
    return x * torch.where(draw[3] < 0, -1.0, 1.0)[:, None, None]


def _speed(x: Tensor, factor: Tensor) -> Tensor:
    """Play each clip faster by its factor (B,), by cubic interpolation; the end is silence."""
    length = x.shape[2]
    position = torch.arange(length, device=x.device) * factor[:, None]
    index = position.floor().clamp(max=length - 1).long()
    t = (position - index)[:, None].clamp(0, 1)
    padded = F.pad(x, (1, 3))  # index i of x is i + 1 here
    before, here, after, later = (
        padded.gather(2, (index + k)[:, None].expand_as(x)) for k in range(4)
    )
    slope, next_slope = (after - before) / 2, (later - here) / 2
    cubic = (2 * here - 2 * after + slope + next_slope) * t**3
    square = (3 * after - 3 * here - 2 * slope - next_slope) * t**2
    return (cubic + square + slope * t + here) * (position < length)[:, None]


def _tilt(x: Tensor, decibels: Tensor) -> Tensor:
    """Change the level by `decibels` (B,) over the octaves from 50 Hz-like bins to the top."""
    spectrum = torch.fft.rfft(x)
    octave = torch.linspace(0, 1, spectrum.shape[2], device=x.device).clamp_min(1e-3).log2() / 10
    gain = 10 ** (decibels[:, None] * (octave + 1) / 20)
    return torch.fft.irfft(spectrum * gain[:, None], x.shape[2])
