"""Encoder and decoder between a spectrogram of one clip and one code, over three frame rates.

    encoder   (N, F, L) -> (N, L, width) -> (N, L / 4, width) -> (N, L / 16, width)
              -> mean and log-variance of the code (N, D)
    decoder   code and condition (N, style) -> (N, L / 16, width) -> (N, L / 4, width)
              -> (N, L, width)

References:
    See `dgm_audio.nn.convnext`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_audio.nn.convnext import ConvNeXtBlock, Downsample, Upsample


class SpectrogramEncoder(nn.Module):
    """Log-magnitudes (N, F, L) -> mean and log-variance of the code, each (N, D).

    Args:
        bins: F.
        frames: L.
        width: channels.
        latent: D.
        known: size of a condition of each sound (its pitch); 0 for none.

    """

    def __init__(self, bins: int, frames: int, width: int, latent: int, known: int = 0) -> None:
        super().__init__()
        self.embed = nn.Linear(bins, width)
        self.known = nn.Linear(known, width) if known else None
        self.stages = nn.Sequential(
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            Downsample(width, 4),
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            Downsample(width, 4),
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            nn.LayerNorm(width),
        )
        self.code = nn.Linear(frames // 16 * width, 2 * latent)

    def forward(self, log_magnitude: Tensor, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The log-variance is bounded to [-10, 4] nats."""
        tokens = self.embed(log_magnitude.transpose(1, 2) * 0.25)
        if self.known is not None and known is not None:
            tokens = tokens + self.known(known.to(tokens.dtype))[:, None]
        mean, raw = self.code(self.stages(tokens).flatten(1)).float().chunk(2, dim=1)
        return mean, raw.clamp(-10, 4)


class FrameDecoder(nn.Module):
    """Code and class (N, style) -> frames (N, L, width), from coarse to fine."""

    def __init__(self, style: int, frames: int, width: int, blocks: tuple[int, int, int]) -> None:
        super().__init__()
        self.start = nn.Linear(style, frames // 16 * width)
        self.style = nn.Sequential(nn.Linear(style, width), nn.GELU())
        self.position = nn.Parameter(0.02 * torch.randn(frames, width))
        coarse, middle, fine = (
            nn.ModuleList(ConvNeXtBlock(width, style_width=width) for _ in range(count))
            for count in blocks
        )
        self.coarse, self.middle, self.fine = coarse, middle, fine
        self.up_middle, self.up_fine = Upsample(width, 4), Upsample(width, 4)

    def forward(self, style: Tensor) -> Tensor:
        """(N, style) -> (N, L, width)."""
        tokens = self.start(style).unflatten(1, (len(self.position) // 16, -1))
        style = self.style(style)
        for block in self.coarse:
            tokens = block(tokens, style)
        tokens = self.up_middle(tokens)
        for block in self.middle:
            tokens = block(tokens, style)
        tokens = self.up_fine(tokens) + self.position
        for block in self.fine:
            tokens = block(tokens, style)
        return tokens
