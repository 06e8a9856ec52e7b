"""Conditional augmentation: random changes of a discriminator's sounds, and their parameters.

    x' = A_a(x),    a ~ p(a),    D(x', a)

A discriminator of few sounds memorises them. Augmented sounds prevent that, but the augmentation
leaks into what the generator makes. If the discriminator has the augmentation's parameters a as a
condition, it compares real and generated sounds under the same a, and nothing leaks.

    x (N, T) -> delay, gain and spectral tilt -> x' (N, T), a (N, N_PARAMETERS)

References:
    Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020.
    Karras et al., "Training generative adversarial networks with limited data", 2020 (leaks).
    Jun et al., "Distribution augmentation for generative modeling", 2020 (the condition).
    Hou et al., "Augmentation-aware self-supervision for data-efficient GAN training", 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_audio._renamed import old_names

N_PARAMETERS = 3
"""Per sound: gain and tilt in [-1, 1], delay in [0, 1]; 0 for no change."""
SHARE = 0.4
"""Share of the sounds that are augmented."""
GAIN_DB, TILT_DB, DELAY = 6.0, 6.0, 0.02
"""Largest changes; the tilt is that from the lowest to the highest octave, the delay in seconds."""


class ConditionalAugmentation(nn.Module):
    """(N, T) -> augmented sounds (N, T) and parameters (N, N_PARAMETERS); differentiable.

    Args:
        sample_rate: in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Draws from the global random state of the CPU."""
        chosen = torch.rand(len(x), 1, dtype=torch.float32, device="cpu") < SHARE
        draw = torch.rand(len(x), N_PARAMETERS, dtype=torch.float32, device="cpu")
        parameters = (2 * draw - 1) * chosen
        parameters[:, 2].abs_()  # sounds are delayed, never advanced
        parameters = parameters.to(x.device)
        return self.augmented(x, parameters), parameters

    def augmented(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Sounds (N, T) changed by parameters (N, N_PARAMETERS); delays are in whole samples."""
        gain, tilt, delay = parameters.float().unbind(1)
        shift = (delay * DELAY * self.sample_rate).round().long()
        place = torch.arange(x.shape[1], device=x.device) - shift[:, None]
        moved = x.float().gather(1, place.clamp_min(0)) * (place >= 0)
        spectrum = torch.fft.rfft(moved)
        octave = torch.linspace(0, 1, spectrum.shape[1], dtype=torch.float32, device=x.device)
        octave = octave.clamp_min(1e-3).log2()
        decibels = GAIN_DB * gain[:, None] + TILT_DB * tilt[:, None] * (octave / 10 + 0.5)
        return torch.fft.irfft(spectrum * 10 ** (decibels / 20), x.shape[1])


__getattr__ = old_names(__name__)
