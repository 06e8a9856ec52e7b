"""What is said of hops before they are heard: magnitudes, and how far they foretell the samples.

    MelReader     reads it from the mel spectrogram, before and after the hop
    PastReader    foretells the mel spectrogram from that of the past, the class and the clock

    S = the network's magnitudes, brought to the mel by multiplicative updates (see
        `signal.griffin_lim`): what the mel says of the level is kept, harmonics come from the
        network
    g = sigma sqrt(1 - rho^2) exp(f), sigma the deviation of sound of these magnitudes: what
        is not foretold is left to the noise, up to a correction f

References:
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
"""Frames that a block of the mel reader sees, and its first layer."""
PAST = 8
"""Frames that the past reader sees."""
CLOCKS = 0.01, 0.03, 0.1, 0.3, 1.0
"""Seconds in which the clocks decay."""
MEAN, SCALE = -6.0, 3.0
"""Of usual log-mels per unit of bandwidth."""
TAILS = 0.02, 0.5
"""Least and largest b: how far what is unexpected is from Gaussian. Sound that hears its own past
grows with the outliers of its own noise, so they are bounded: its power is 1.3 times that of g."""
TAIL = -1.5
"""Log of b before training."""
UNCORRELATED = -0.6
"""Coherence before training, as a logit."""


class Said(NamedTuple):
    """What is said of L frames, or hops, of each sound.

    Attributes:
        magnitudes: S (B, L, F).
        coherence: correlation of what is expected with what comes (B, L, F), 0 to 1.
        gain: how large each coefficient of what comes unexpected is (B, L, H).
    """

    magnitudes: Tensor
    coherence: Tensor
    gain: Tensor


class Reader(nn.Module):
    """Magnitudes of a mel spectrogram, and the two heads that both readers have.

    Args:
        front: the mel's definition.
        width: channels of the features that the heads see.
        updates: multiplicative updates of the magnitudes.

    Attributes:
        early: hops from the frame that ends with a hop to the one around the hop's start.
    """

    filters: Tensor
    bandwidth: Tensor
    bins: Tensor
    bands: Tensor
    band_bins: Tensor

    def __init__(self, front: LogMel, width: int, updates: int) -> None:
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

    def normal(self, mel: Tensor) -> Tensor:
        """Log-mels (B, M, L) as networks like them."""
        return (mel - self.bandwidth - MEAN) / SCALE

    def smooth(self, mel: Tensor) -> Tensor:
        """Log magnitudes (B, L, F) of a smooth spectrum with about these log-mels (B, M, L)."""
        return (mel - self.bandwidth).transpose(1, 2) @ self.bins.T

    def magnitudes(self, mel: Tensor, detail: Tensor | float = 0.0) -> Tensor:
        """S (B, L, F) with these log-mels (B, M, L), near the smooth one times exp(detail)."""
        start = (self.smooth(mel) + detail).clamp(-20, 10).exp().to(mel.dtype)
        found = linear_magnitudes(mel.exp(), self.filters, self.updates, start.transpose(1, 2))
        return found.transpose(1, 2)

    def tails(self) -> Tensor:
        """b (H,) of each coefficient of what comes unexpected."""
        low, high = (math.log(tail) for tail in TAILS)
        return self.bands @ self.tail.clamp(low, high).exp()

    def unexpected(self, h: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Coherence (B, L, F) and gains (B, L, H) of hops.

        Args:
            h: their features (B, L, width).
            before: magnitudes of the frames around their starts (B, L, F).
            after: and of those around their ends.
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


class MelReader(Reader):
    """ConvNeXt blocks over mel frames.

    Args:
        front: the mel's definition.
        width: channels.
        blocks: how many.
        updates: multiplicative updates of the magnitudes.
    """

    def __init__(self, front: LogMel, width: int, blocks: int, updates: int) -> None:
        super().__init__(front, width, updates)
        self.reach = FIRST // 2 + blocks * (KERNEL // 2) + 1
        self.first = nn.Conv1d(self.spec.n_mels, width, FIRST, padding=FIRST // 2)
        self.blocks = nn.ModuleList(ConvNeXtBlock(width, KERNEL) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.detail = nn.Linear(width, self.spec.n_fft // 2 + 1)
        with torch.no_grad():
            self.detail.weight *= 0.1

    def features(self, mel: Tensor) -> Tensor:
        """(B, L, width) of log-mels (B, M, L)."""
        h = self.first(self.normal(mel)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.norm(h)

    def forward(self, mel: Tensor) -> Said:
        """What log-mels (B, M, L) say of their frames, and of the hops that begin at their middle.

        At most `reach` frames to each side matter.
        """
        h = self.features(mel)
        magnitudes = self.magnitudes(mel, self.detail(h))
        return Said(magnitudes, *self.unexpected(h, magnitudes, following(magnitudes)))


class PastReader(Reader):
    """A perceptron of the last mel frames, the class and the clock.

    Args:
        front: the mel's definition.
        width: channels.
        classes: how many; 0 for none.
        ahead: frames that are foretold beside the next one.
        updates: multiplicative updates of the magnitudes.
    """

    clocks: Tensor

    def __init__(self, front: LogMel, width: int, classes: int, ahead: int, updates: int) -> None:
        super().__init__(front, width, updates)
        self.label = nn.Embedding(classes, width) if classes else None
        self.clock = nn.Linear(len(CLOCKS), width)
        self.first = nn.Linear(PAST * self.spec.n_mels, width)
        self.second = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.third = nn.Linear(width, width)
        self.ahead = nn.Linear(width, (ahead + 1) * self.spec.n_mels)
        rates = [self.spec.hop / self.spec.sample_rate / time for time in CLOCKS]
        self.register_buffer("clocks", torch.tensor(rates, dtype=torch.float32), persistent=False)
        with torch.no_grad():
            self.ahead.weight *= 0.1

    def features(self, past: Tensor, hop: Tensor, label: Tensor | None) -> Tensor:
        """(B, L, width) for hops that come after the last of PAST frames each.

        Args:
            past: log-mels (B, L, PAST, M).
            hop: numbers of the hops (L,) or (B, L).
            label: classes (B,).
        """
        h = self.first(self.normal(past.transpose(2, 3).flatten(0, 1)).flatten(1))
        h = h.unflatten(0, past.shape[:2])
        h = h + self.clock((-hop[..., None] * self.clocks).exp().to(h.dtype))
        if self.label is not None and label is not None:
            h = h + self.label(label)[:, None]
        h = h + self.second(F.gelu(h))
        return F.gelu(self.third(self.norm(h)))

    def foretold(self, h: Tensor, past: Tensor) -> Tensor:
        """Log-mels (B, L, ahead + 1, M) of the frames that end with each hop, and after it."""
        change = self.ahead(h).unflatten(2, (-1, self.spec.n_mels))
        return (past[:, :, -1:] + SCALE * change).clamp(math.log(self.spec.floor), 10)

    def forward(self, past: Tensor, hop: Tensor, label: Tensor | None) -> Said:
        """What the past says of one hop: magnitudes (B, ahead + 1, F), and the rest with L = 1."""
        h = self.features(past, hop, label)
        magnitudes = self.magnitudes(self.foretold(h, past)[:, 0].transpose(1, 2))
        return Said(magnitudes, *self.unexpected(h, *self.around(magnitudes[:, None])))

    def around(self, magnitudes: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the frames around the start and the end of hops (B, L, F), of (B, L, n, F)."""
        last = magnitudes.shape[2] - 1
        return magnitudes[:, :, min(self.early, last)], magnitudes[:, :, min(self.early + 1, last)]


def following(frames: Tensor) -> Tensor:
    """Frames (B, L, F), each in the place of the one before; the last one stays."""
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
