"""Noise that a latent decides: how a deterministic decoder has texture.

References:
    Rahimi and Recht, "Random features for large-scale kernel machines", 2007.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dgm_audio.nn.rowwise import is_plain


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


class FrameTexture(nn.Module):
    """The same for a sequence of codes, T samples each.

    n_lt = sqrt(2) cos(w_t . P h_l + b_t + l g_t)

    g_t turns the noise from frame to frame, so that a code that stays does not make a noise that
    repeats itself.
    """

    projection: Tensor
    frequency: Tensor
    offset: Tensor
    turn: Tensor

    def __init__(self, latent: int, length: int, features: int = 4) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        draws = {
            "projection": torch.randn(latent, features, generator=rng) / math.sqrt(latent),
            "frequency": torch.randn(features, length, generator=rng) / math.sqrt(features),
            "offset": torch.rand(length, generator=rng),
            "turn": torch.rand(length, generator=rng, dtype=torch.float64),
        }
        for name, draw in draws.items():
            self.register_buffer(name, draw, persistent=False)

    def forward(self, code: Tensor, first: int) -> Tensor:
        """(N, D, L) -> (N, L, T), zero mean and unit variance; `first` is the first frame's l."""
        projected = code.float().transpose(1, 2) @ self.projection.float()
        angle = (self._compiled if is_plain(projected) else self.in_torch)(projected, first)
        return math.sqrt(2) * angle.cos()

    def in_torch(self, projected: Tensor, first: int) -> Tensor:
        """The angles (N, L, T) of projected codes (N, L, features): the reference for loops."""
        frame = torch.arange(first, first + projected.shape[1], device=projected.device)
        turned = frame[:, None] * self.turn.double()
        turned = turned.sub_(turned.floor()).float().add_(self.offset.float())
        return torch.add(projected @ self.frequency.float(), turned, alpha=2 * math.pi)

    def _compiled(self, projected: Tensor, first: int) -> Tensor:
        from dgm_audio.runtime.kernels.head import angles

        made = projected.new_empty(*projected.shape[:2], len(self.offset))
        tables = self.frequency.float(), self.offset.float(), self.turn.double()
        angles(
            projected.contiguous().numpy(), *(one.numpy() for one in tables), first, made.numpy()
        )
        return made
