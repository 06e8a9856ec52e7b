"""Random changes of sounds that a discriminator is told of.

A discriminator that sees few sounds learns them by heart; one that sees them changed does not, but
teaches the generator to change them, too. Told what was changed, it does not even do that.

References:
    Hou et al., "Augmentation-aware self-supervision for data-efficient GAN training", 2023.
    Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TOLD = 3
"""Numbers per sound: gain and tilt in [-1, 1], delay in [0, 1]; 0 for no change."""
SHARE = 0.4
"""Of sounds that are changed."""
GAIN_DB, TILT_DB, DELAY = 6.0, 6.0, 0.02
"""Largest changes; the tilt is that from the lowest to the highest octave, the delay in seconds."""


class ToldAugmentation(nn.Module):
    """(N, T) -> changed (N, T) and what was changed (N, TOLD); differentiable.

    Args:
        sample_rate: in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Draws from the global random state of the CPU."""
        changed = torch.rand(len(x), 1, dtype=torch.float32, device="cpu") < SHARE
        told = (2 * torch.rand(len(x), TOLD, dtype=torch.float32, device="cpu") - 1) * changed
        told[:, 2].abs_()  # a sound comes later, never earlier
        told = told.to(x.device)
        return self.change(x, told), told

    def change(self, x: Tensor, told: Tensor) -> Tensor:
        """The sounds with the changes that are told of; a delay is in whole samples."""
        gain, tilt, delay = told.float().unbind(1)
        shift = (delay * DELAY * self.sample_rate).round().long()
        place = torch.arange(x.shape[1], device=x.device) - shift[:, None]
        moved = x.float().gather(1, place.clamp_min(0)) * (place >= 0)
        spectrum = torch.fft.rfft(moved)
        octave = torch.linspace(0, 1, spectrum.shape[1], dtype=torch.float32, device=x.device)
        octave = octave.clamp_min(1e-3).log2()
        decibels = GAIN_DB * gain[:, None] + TILT_DB * tilt[:, None] * (octave / 10 + 0.5)
        return torch.fft.irfft(spectrum * 10 ** (decibels / 20), x.shape[1])
