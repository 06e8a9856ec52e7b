"""Text as a condition: an encoder of symbols, their durations, and features of the frames.

    h_n = encoder(symbols, style),   m_n = mel(h_n),   d_n = exp(duration(h_n))
    frame l of symbol n:   features_l = (h_n, m_n, where l lies in n, log d_n)

In training d comes from a monotonic alignment of the m_n with the frames of the recording, which
learns by itself which sound belongs to which symbol; the durations learn from it.

References:
    Kim et al., "Glow-TTS", 2020 (alignment search). Mehta et al., "Matcha-TTS", 2024 (with flow
    matching).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.families.flow_matching.config import TextConfig
from dgm_audio.families.flow_matching.network import Transformer
from dgm_audio.runtime.kernels.alignment import align

WINDOW = 32
"""Symbols that the encoder's attention reaches to both sides."""
PLACES = 4
"""Features of a frame beside those of its symbol."""


class Read(NamedTuple):
    """A text that was read.

    Args:
        h: features of the symbols (B, N, E).
        mel: frame that each of them is expected to give (B, N, M), standardised.
        log_duration: logarithm of its frames (B, N), at the usual pace.
        valid: (B, N), False after the end.
    """

    h: Tensor
    mel: Tensor
    log_duration: Tensor
    valid: Tensor


class TextEncoder(nn.Module):
    """Reads texts in the voice that a style describes.

    Args:
        config: symbols and sizes.
        style: S, numbers in a style.
        bands: M of the mel frames.
    """

    def __init__(self, config: TextConfig, style: int, bands: int) -> None:
        super().__init__()
        width = config.width
        self.symbols = nn.Embedding(len(config.symbols) + 1, width)
        self.transformer = Transformer(width, config.blocks, style, WINDOW)
        self.mel = nn.Linear(width, bands)
        self.pace = Transformer(width, 1, style, WINDOW)
        self.duration = nn.Linear(width, 1)
        self.features = width + bands + PLACES

    def forward(self, symbols: Tensor, style: Tensor, pace_style: Tensor) -> Read:
        """Texts (B, N), zeros after the end, in styles (B, S); durations have one of their own."""
        valid = symbols > 0
        x = self.symbols(symbols).to(style.dtype)
        h = nn.functional.layer_norm(self.transformer(x, style, valid), (x.shape[-1],))
        paced = self.pace(h.detach(), pace_style, valid)
        log_duration = self.duration(paced)[..., 0].float().to(style.dtype) + 1.5
        return Read(h, self.mel(h), log_duration.clamp(-1, 6), valid)

    def frames(self, read: Read, durations: Tensor, length: int) -> Tensor:
        """Features (B, C, length) of frames, of durations (B, N) that sum up to about `length`.

        Durations may be fractions: a frame belongs to the symbol in which its middle lies.
        """
        ends = durations.cumsum(1)
        middle = torch.arange(length, device=ends.device).to(ends.dtype) + 0.5
        last = read.valid.sum(1, keepdim=True) - 1
        index = torch.searchsorted(ends, middle.expand(len(ends), -1).contiguous())
        index = index.minimum(last)
        taken = index[..., None]
        at = torch.gather(durations, 1, index)
        start = torch.gather(ends, 1, index) - at
        place = ((middle - start) / at.clamp_min(0.5)).clamp(0, 1)
        h = torch.gather(read.h, 1, taken.expand(-1, -1, read.h.shape[2]))
        mel = torch.gather(read.mel, 1, taken.expand(-1, -1, read.mel.shape[2]))
        places = torch.stack(
            [place, 1 - place, at.clamp_min(0.5).log() / 2, (middle - start) / 8], dim=2
        )
        return torch.cat([h, mel, places.to(h.dtype)], dim=2).transpose(1, 2)


def durations_of(read: Read, pace: Tensor) -> Tensor:
    """Frames (B, N) of each symbol at a pace (B,), 1 being the usual one; 0 after the end."""
    frames = read.log_duration.exp().clamp_min(1) / pace[:, None]
    return torch.where(read.valid, frames, 0)


@torch.no_grad()
def alignment(read: Read, mel: Tensor, frames: Tensor, diagonal: float = 0.0) -> Tensor:
    """The most likely frames (B, N) of each symbol in mels (B, M, L) of `frames` (B,) frames.

    A frame is normal around the one that its symbol gives, with deviation 1.

    Args:
        read: the texts.
        mel: standardised frames of the recordings.
        frames: how many of them count.
        diagonal: weight of an even pace, which helps as long as nothing is learned.
    """
    expected = read.mel.float()
    scores = expected @ mel.float() - 0.5 * expected.square().sum(2, keepdim=True)
    counts = read.valid.sum(1)
    if diagonal:
        symbol = torch.arange(scores.shape[1], device=mel.device) / counts[:, None]
        frame = torch.arange(scores.shape[2], device=mel.device) / frames[:, None]
        off = symbol[:, :, None] - frame[:, None, :]
        scores = scores - diagonal * mel.shape[1] * (off / 0.1).square()
    found = align(scores.cpu().numpy(), counts.cpu().numpy(), frames.cpu().numpy())
    return torch.from_numpy(found.astype(np.float32)).to(mel.device)
