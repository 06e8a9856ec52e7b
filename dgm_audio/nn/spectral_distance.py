"""Distances of sounds as spectrograms, for training.

The *spectral energy distance* is the one to train with where sounds have texture:

    E(x; y, y') = d(x, y) / 2 + d(x, y') / 2 - d(y, y') / 2

y and y' are two renderings of one code with different noise. A plain distance d(x, y) is smallest
for a smooth, noiseless y (the median); the energy distance is a proper scoring rule, smallest when
y is distributed as x is, so noise stays noise.

References:
    Yamamoto et al., "Parallel WaveGAN" (multi-resolution STFT loss), 2020.
    Gritsenko et al., "A spectral energy distance for parallel speech synthesis", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.signal.stft import STFT

WINDOWS = (2048, 1024, 512, 256, 128)
"""Window sizes in samples: long ones resolve pitch, short ones attacks."""
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


class SpectralEnergyDistance(nn.Module):
    """The energy distance (see the module) over several windows.

    Args:
        windows: STFT windows in samples.
        quiet: mean magnitude below which differences no longer count relative to it.
    """

    def __init__(self, windows: Sequence[int] = WINDOWS, quiet: float = FLOOR) -> None:
        super().__init__()
        self.quiet = quiet
        self.distances = nn.ModuleList(SpectralDistance(n_fft) for n_fft in windows)

    def forward(
        self, target: Tensor, first: Tensor, second: Tensor, choice: Sequence[int] | None = None
    ) -> Tensor:
        """Scalar loss of audio (N, T): the target and two renderings of its code.

        Args:
            target: the real sounds.
            first: a rendering.
            second: another one, with other noise.
            choice: indices of the windows to use in this step; all by default.
        """
        indices = range(len(self.distances)) if choice is None else choice
        total = target.new_zeros(())
        for index in indices:
            distance = self.distances[index]
            assert isinstance(distance, SpectralDistance)
            with torch.no_grad():
                real = distance.features(target)
            one, other = distance.features(first), distance.features(second)
            level = distance.level_of(real).clamp_min(self.quiet)
            near = distance.between(one, real, level) + distance.between(other, real, level)
            total = total + 0.5 * (near - distance.between(one, other, level)).mean()
        return total / len(indices)

    def some(self, target: Tensor, first: Tensor, second: Tensor, count: int) -> Tensor:
        """The energy distance at some of the windows, drawn anew at every call."""
        choice = torch.randperm(len(self.distances))[:count].tolist()
        return self(target, first, second, choice)
