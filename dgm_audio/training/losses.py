"""Spectral losses between waveforms. None of them is a density; the families' likelihoods are.

The *spectral energy distance* is the one to train with where sounds have texture:

    E(x; y, y') = d(x, y) / 2 + d(x, y') / 2 - d(y, y') / 2

y and y' are two renderings of one code with different noise. A plain distance d(x, y) is smallest
for a smooth, noiseless y (the median); the energy distance is a proper scoring rule, smallest when
y is distributed as x is, so noise stays noise.

References:
    Gritsenko et al., "A spectral energy distance for parallel speech synthesis", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_audio.nn.spectral_distance import FLOOR, WINDOWS, SpectralDistance


class SpectralEnergyDistance(nn.Module):
    """The energy distance of the module's docstring over several windows.

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
        """The same at so many of the windows, which are drawn anew at every call."""
        choice = torch.randperm(len(self.distances))[:count].tolist()
        return self(target, first, second, choice)
