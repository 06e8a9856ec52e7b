"""Causal encoder and decoder of sequences of frames: ConvNeXt blocks at two rates.

    mean = A x + network(x),    y = (B h, network(h))

    encoder   frames x (N, L * frames, S) -> mean, log-variance (N, D, L)
    decoder   codes h (N, D, L) -> linear part (N, L * frames, S), tokens (N, L * frames, width)

The linear parts start as the principal components of the frames, which describe music better than
a network does after an hour of training; the networks learn the rest.

References:
    See `dgm_audio.nn.convnext`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_audio.nn.causal import CausalBlock, History, through
from dgm_audio.nn.convnext import Downsample, Upsample
from dgm_audio.nn.rowwise import linear, normed

MAGNITUDE_FLOOR = 3e-2
"""Floor of STFT magnitudes: for n_fft 2048, where a full-scale sine has 512, at -85 dB."""


class StreamEncoder(nn.Module):
    """Frames (N, L * frames, S) -> mean and log-variance (N, D, L) of codes.

    Args:
        size: S, numbers per frame.
        width: channels.
        frames: per code.
        blocks: at the rate of the frames, and of the codes.
        latent: D.
        late: frames by which the input of the linear part is delayed.
    """

    def __init__(
        self, size: int, width: int, frames: int, blocks: tuple[int, int], latent: int, late: int
    ) -> None:
        super().__init__()
        self.frames, self.late = frames, late
        fine, coarse = blocks
        self.line = nn.Linear(frames * size, latent, bias=False)
        self.embed = nn.Linear(size, width)
        self.fine = nn.ModuleList(CausalBlock(width) for _ in range(fine))
        self.down = Downsample(width, frames)
        self.coarse = nn.ModuleList(CausalBlock(width) for _ in range(coarse))
        self.norm = nn.LayerNorm(width)
        self.code = nn.Linear(width, 2 * latent)
        nn.init.normal_(self.code.weight, std=0.002)
        with torch.no_grad():
            self.code.bias[:] = torch.tensor([0.0, -3.0]).repeat_interleave(latent)

    def forward(self, x: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """The log-variance is bounded to [-10, 4] nats."""
        delayed = history.joined(self, x, self.late, dim=1)[:, : x.shape[1]]
        line = linear(self.line, delayed.unflatten(1, (-1, self.frames)).flatten(2))
        tokens = linear(self.embed, x)
        tokens = through(self.fine, tokens, history)
        tokens = normed(self.down.norm, tokens).unflatten(1, (-1, self.frames)).flatten(2)
        tokens = linear(self.down.merge, tokens)
        tokens = through(self.coarse, tokens, history)
        mean, raw = (
            linear(self.code, normed(self.norm, tokens)).float().transpose(1, 2).chunk(2, dim=1)
        )
        return mean + line.float().transpose(1, 2), raw.clamp(-10, 4)


class StreamDecoder(nn.Module):
    """Codes (N, D, L) -> tokens (N, L * frames, width) and an outline (N, L * frames, S).

    The outline is the linear part.

    Args:
        latent: D.
        size: S, numbers per frame of the outline.
        width: channels.
        frames: per code.
        blocks: at the rate of the codes, and of the frames.
    """

    def __init__(
        self, latent: int, size: int, width: int, frames: int, blocks: tuple[int, int]
    ) -> None:
        super().__init__()
        self.frames = frames
        coarse, fine = blocks
        self.line = nn.Linear(latent, frames * size, bias=False)

        self.embed = nn.Linear(latent, width)
        self.coarse = nn.ModuleList(CausalBlock(width) for _ in range(coarse))
        self.up = Upsample(width, frames)
        self.fine = nn.ModuleList(CausalBlock(width) for _ in range(fine))

    def forward(self, code: Tensor, history: History) -> tuple[Tensor, Tensor]:
        """Each token depends on its code and those before."""
        code = code.transpose(1, 2)
        tokens = linear(self.embed, code)
        tokens = through(self.coarse, tokens, history)
        tokens = linear(self.up.split, normed(self.up.norm, tokens))
        tokens = tokens.unflatten(2, (self.frames, -1)).flatten(1, 2)
        tokens = through(self.fine, tokens, history)
        return tokens, linear(self.line, code).unflatten(2, (self.frames, -1)).flatten(1, 2)


def log_magnitude(spectrum: Tensor) -> Tensor:
    """log(max(|X|, 0.03))."""
    power = spectrum.real.square() + spectrum.imag.square()
    return 0.5 * power.clamp_min(MAGNITUDE_FLOOR**2).log()
