"""Noise that a latent decides: how a deterministic decoder has texture.

References:
    Rahimi and Recht, "Random features for large-scale kernel machines", 2007.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class TextureNoise(nn.Module):
    """White noise as a smooth, deterministic function of z: n_t = sqrt(2) cos(w_t . P z + b_t).

    Codes that are far apart get independent noise, near ones similar noise.
    """

    projection: Tensor
    frequency: Tensor
    offset: Tensor

    def __init__(self, latent: int, length: int, features: int = 16) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        projection = torch.randn(latent, features, generator=rng) / math.sqrt(features)
        self.register_buffer("projection", projection, persistent=False)
        frequency = torch.randn(features, length, generator=rng)
        self.register_buffer("frequency", frequency, persistent=False)
        offset = torch.rand(length, generator=rng) * 2 * math.pi
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """(N, D) -> (N, T), zero mean and unit variance."""
        angle = torch.addmm(
            self.offset.float(), z.float() @ self.projection.float(), self.frequency.float()
        )
        return math.sqrt(2) * torch.cos(angle)
