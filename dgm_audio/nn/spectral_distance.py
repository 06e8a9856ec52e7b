"""How far two sounds are apart as spectrograms, at one window.

References:
    Yamamoto et al., "Parallel WaveGAN" (multi-resolution STFT loss), 2020.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.signal.stft import STFT

WINDOWS = (2048, 1024, 512, 256, 128)
"""Samples; one window sees pitch, another one attacks."""
FLOOR = 1e-5
"""Magnitudes below -100 dB of a full-scale sine are all the same."""


Features = tuple[Tensor, Tensor]
"""Magnitudes and their logs, each (N, F, L)."""


class SpectralDistance(nn.Module):
    """Mean |difference| of log-magnitudes plus relative difference of magnitudes, at one window.

    d(x, y) = mean w |log X - log Y| + sum |X - Y| / sum of the reference's X

    The weight w of a frequency falls as 1 / (f + 0.005) with f in cycles per sample, and has mean
    one: as in hearing, an octave of a kick's body counts as much as the top octave, which has most
    of the bins.

    Args:
        n_fft: window in samples; the hop is half of it.
    """

    weight: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.stft = STFT(n_fft, n_fft // 2)
        weight = 1 / (torch.arange(n_fft // 2 + 1, dtype=torch.float32) / n_fft + 0.005)
        self.register_buffer("weight", (weight / weight.mean())[:, None], persistent=False)

    def features(self, x: Tensor) -> Features:
        """Magnitudes (a full-scale sine has 1) and their floored logs of (N, T), T any length."""
        x = F.pad(x, (0, -x.shape[-1] % self.stft.hop))
        real, imaginary = torch.view_as_real(self.stft(x)).unbind(-1)
        power = (real.square() + imaginary.square()) * (4 / self.stft.n_fft) ** 2 + FLOOR**2
        return power.sqrt(), 0.5 * power.log()

    def between(self, a: Features, b: Features, level: Tensor) -> Tensor:
        """Distance (N,) of two sets of features; `level` (N, 1, 1) is the reference's."""
        logs = ((a[1] - b[1]).abs() * self.weight).mean(dim=(1, 2))
        return logs + ((a[0] - b[0]).abs() / level).mean(dim=(1, 2))

    def level_of(self, target: Features) -> Tensor:
        """Mean magnitude (N, 1, 1)."""
        return target[0].mean(dim=(1, 2), keepdim=True).clamp_min(FLOOR)
