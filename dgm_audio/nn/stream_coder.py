"""Encoder and decoder of sequences of frames that look back only: ConvNeXt blocks at two rates.

References:
    See `dgm_audio.nn.convnext`.
"""

from __future__ import annotations

from torch import Tensor, nn

from dgm_audio.nn.causal import CausalBlock, History
from dgm_audio.nn.convnext import Downsample, Upsample


class StreamEncoder(nn.Module):
    """What is seen of each frame (N, L * frames, S) -> mean and log-variance (N, D, L).

    Args:
        seen: S.
        width: channels.
        frames: per code.
        blocks: at the rate of the frames, and of the codes.
        latent: D.
    """

    def __init__(
        self, seen: int, width: int, frames: int, blocks: tuple[int, int], latent: int
    ) -> None:
        super().__init__()
        fine, coarse = blocks
        self.embed = nn.Linear(seen, width)
        self.fine = nn.ModuleList(CausalBlock(width) for _ in range(fine))
        self.down = Downsample(width, frames)
        self.coarse = nn.ModuleList(CausalBlock(width) for _ in range(coarse))
        self.norm = nn.LayerNorm(width)
        self.code = nn.Linear(width, 2 * latent)

    def forward(self, seen: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """The log-variance is bounded to [-10, 4] nats."""
        tokens = self.embed(seen)
        for block in self.fine:
            tokens = block(tokens, history)
        tokens = self.down(tokens)
        for block in self.coarse:
            tokens = block(tokens, history)
        mean, raw = self.code(self.norm(tokens)).float().transpose(1, 2).chunk(2, dim=1)
        return mean, raw.clamp(-10, 4)


class StreamDecoder(nn.Module):
    """Codes (N, D, L) -> tokens (N, L * frames, width).

    Args:
        latent: D.
        width: channels.
        frames: per code.
        blocks: at the rate of the codes, and of the frames.
    """

    def __init__(self, latent: int, width: int, frames: int, blocks: tuple[int, int]) -> None:
        super().__init__()
        coarse, fine = blocks
        self.embed = nn.Linear(latent, width)
        self.coarse = nn.ModuleList(CausalBlock(width) for _ in range(coarse))
        self.up = Upsample(width, frames)
        self.fine = nn.ModuleList(CausalBlock(width) for _ in range(fine))

    def forward(self, code: Tensor, history: History) -> Tensor:
        """Each token depends on its code and those before."""
        tokens = self.embed(code.transpose(1, 2))
        for block in self.coarse:
            tokens = block(tokens, history)
        tokens = self.up(tokens)
        for block in self.fine:
            tokens = block(tokens, history)
        return tokens
