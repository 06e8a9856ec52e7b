"""The network of the flow: from a mel spectrogram, magnitudes and the residual's distribution.

    mel (B, M, L) -> ConvNeXt blocks (B, L, width) -> detail (B, L, F) -> magnitudes S (B, L, F)
                                                   -> coherence rho (B, L, F), gain g (B, L, H)

    S = exp(detail) times a smooth spectrum, brought to the mel by multiplicative updates (see
        `signal.griffin_lim`): the levels are those of the mel, harmonics come from the network
    g = sigma sqrt(1 - rho^2) exp(f), sigma the deviation of sound of these magnitudes: the
        power that is not predicted is left to the residual, up to a correction f

References:
    Liu et al., "A ConvNet for the 2020s", 2022 (the blocks).
    See `dgm_audio.nn.convnext` and `dgm_audio.signal.griffin_lim`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.convnext import ConvNeXtBlock
from dgm_audio.signal.griffin_lim import linear_magnitudes
from dgm_audio.signal.mel import LogMel

BANDS = 64
"""Bands of coherence and of gains, evenly spaced."""
KERNEL, FIRST = 7, 5
"""Kernel sizes, in frames, of a block and of the first layer."""
MEAN, SCALE = -6.0, 3.0
"""Mean and deviation of usual log-mels per unit of bandwidth."""
TAILS = 0.02, 0.5
"""Least and largest b: how heavy the residual's tails are. Outliers of the residual are fed back
and grow, so b is bounded: the residual's power is at most 1.3 times that of g."""
TAIL = -1.5
"""Initial log of b."""
UNCORRELATED = -0.6
"""Initial coherence, as a logit."""


class Prediction(NamedTuple):
    """The network's output for L frames, and the hops that begin at their middle.

    Attributes:
        magnitudes: S (B, L, F).
        coherence: correlation rho of the predicted with the true hop (B, L, F), 0 to 1.
        gain: scale g of each coefficient of the residual (B, L, H).
    """

    magnitudes: Tensor
    coherence: Tensor
    gain: Tensor


class VocoderNetwork(nn.Module):
    """ConvNeXt blocks over mel frames, and heads for magnitudes, coherence and gains.

    Args:
        front: the mel's definition.
        width: channels.
        blocks: number of ConvNeXt blocks.
        updates: multiplicative updates of the magnitudes.

    Attributes:
        early: hops from the frame that ends with a hop to the one around the hop's start.
        reach: frames to each side on which an output depends.
    """

    filters: Tensor
    bandwidth: Tensor
    bins: Tensor
    bands: Tensor
    band_bins: Tensor

    def __init__(self, front: LogMel, width: int, blocks: int, updates: int) -> None:
        super().__init__()
        self.spec, self.updates = front.spec, updates
        self.early = front.spec.n_fft // (2 * front.spec.hop) - 1
        self.noise = nn.Linear(width, 2 * BANDS)
        self.tail = nn.Parameter(torch.full((BANDS,), TAIL))
        with torch.no_grad():
            self.noise.weight.zero_()
            self.noise.bias.zero_()
            self.noise.bias[:BANDS] = UNCORRELATED
        filters, hop, count = front.filters.double(), front.spec.hop, front.spec.n_fft // 2 + 1
        centres = (filters * torch.arange(count)).sum(1) / filters.sum(1)
        bands = (torch.arange(BANDS, dtype=torch.float32) + 0.5) / BANDS
        tables = {
            "filters": front.filters.clone(),
            "bandwidth": filters.sum(1).log().float()[:, None],
            "bins": between(centres, count),
            "bands": between(bands * hop - 0.5, hop),
            "band_bins": between(bands * (count - 1), count),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.reach = FIRST // 2 + blocks * (KERNEL // 2) + 1
        self.first = nn.Conv1d(self.spec.n_mels, width, FIRST, padding=FIRST // 2)
        self.blocks = nn.ModuleList(ConvNeXtBlock(width, KERNEL) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.detail = nn.Linear(width, self.spec.n_fft // 2 + 1)
        with torch.no_grad():
            self.detail.weight *= 0.1

    def normal(self, mel: Tensor) -> Tensor:
        """Standardised log-mels (B, M, L)."""
        return (mel - self.bandwidth - MEAN) / SCALE

    def smooth(self, mel: Tensor) -> Tensor:
        """Log magnitudes (B, L, F) of a smooth spectrum with about these log-mels (B, M, L)."""
        return (mel - self.bandwidth).transpose(1, 2) @ self.bins.T

    def magnitudes(self, mel: Tensor, detail: Tensor) -> Tensor:
        """S (B, L, F) with these log-mels (B, M, L), near the smooth one times exp(detail)."""
        start = (self.smooth(mel) + detail).clamp(-20, 10).exp().to(mel.dtype)
        found = linear_magnitudes(mel.exp(), self.filters, self.updates, start.transpose(1, 2))
        return found.transpose(1, 2)

    def tails(self) -> Tensor:
        """b (H,) of each coefficient of the residual."""
        low, high = (math.log(tail) for tail in TAILS)
        return self.bands @ self.tail.clamp(low, high).exp()

    def residual(self, h: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Coherence (B, L, F), and gains (B, L, H) of the residual, of hops.

        Args:
            h: features of the hops (B, L, width).
            before: magnitudes of the frames around their starts (B, L, F).
            after: magnitudes of the frames around their ends (B, L, F).
        """
        coherence, factor = self.noise(h).chunk(2, dim=-1)
        ratio = self.spec.n_fft // 2 // self.spec.hop
        power = (before.square() + after.square()) / 2
        power = F.avg_pool1d(power, 2 * ratio + 1, ratio, ratio, count_include_pad=False)
        white = self.spec.n_fft * 3 / 8  # power of a frame of white noise of power 1
        sigma = (power[..., : self.spec.hop] / white).sqrt()
        by_band = coherence @ self.bands.T
        rest = (torch.sigmoid(-by_band) * (1 + torch.sigmoid(by_band))).sqrt()  # sqrt(1 - rho^2)
        gain = sigma * rest * (factor.clamp(-4, 4) @ self.bands.T).exp()
        return torch.sigmoid(coherence @ self.band_bins.T), gain

    def features(self, mel: Tensor) -> Tensor:
        """Features (B, L, width) of log-mels (B, M, L)."""
        h = self.first(self.normal(mel)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.norm(h)

    def forward(self, mel: Tensor) -> Prediction:
        """The prediction for the frames of log-mels (B, M, L).

        It depends on at most `reach` frames to each side.
        """
        h = self.features(mel)
        magnitudes = self.magnitudes(mel, self.detail(h))
        return Prediction(magnitudes, *self.residual(h, magnitudes, following(magnitudes)))


def following(frames: Tensor) -> Tensor:
    """Frames (B, L, F) shifted by one to the left; the last one is repeated."""
    return torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)


def between(centres: Tensor, count: int) -> Tensor:
    """Weights (count, M) that interpolate values at rising centres (M,) at 0, 1, ..., count - 1."""
    place = torch.arange(count, dtype=centres.dtype)
    right = torch.searchsorted(centres, place).clamp(1, len(centres) - 1)
    left, rows = right - 1, torch.arange(count)
    share = ((place - centres[left]) / (centres[right] - centres[left])).clamp(0, 1).float()
    weights = torch.zeros(count, len(centres), dtype=torch.float32)
    weights[rows, left], weights[rows, right] = 1 - share, share
    return weights
