"""Conditions of a network that steps through time, as biases of its layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 64
TIME_CONSTANTS = 12
FASTEST, SLOWEST = 0.002, 2.0
"""Seconds: the clock of a one-shot is exp(-t / tau) for time constants between these."""


class Conditioner(nn.Module):
    """Conditions -> one bias (L, 2R) per frame: class, clock since the start, mel frames.

    Args:
        layers: number of gated layers.
        width: R.
        classes: K; 0 for none.
        bands: mel bands; 0 for none.
        hop: samples per mel frame.
        frame: samples per frame of biases.
        sample_rate: in Hz.
        clock: whether the network knows how long ago the clip began.
    """

    rates: Tensor

    def __init__(
        self,
        layers: int,
        width: int,
        classes: int,
        bands: int,
        hop: int,
        frame: int,
        sample_rate: int,
        clock: bool,
    ) -> None:
        super().__init__()
        self.layers, self.hop, self.frame = layers, hop, frame
        self.label = nn.Embedding(classes, FEATURES) if classes else None
        self.clock = nn.Linear(TIME_CONSTANTS, FEATURES) if clock else None
        self.mel = nn.Conv1d(bands, FEATURES, 5, padding=2) if bands else None
        self.hidden = nn.Linear(FEATURES, FEATURES)
        self.bias = nn.Linear(FEATURES, layers * 2 * width)
        nn.init.normal_(self.bias.weight, std=0.02)
        nn.init.zeros_(self.bias.bias)
        ratio = (SLOWEST / FASTEST) ** (1 / (TIME_CONSTANTS - 1))
        constants = [FASTEST * ratio**index for index in range(TIME_CONSTANTS)]
        rates = [frame / sample_rate / constant for constant in constants]
        self.register_buffer("rates", torch.tensor(rates), persistent=False)

    def frames(self, length: int) -> int:
        """F = ceil(T / frame) for T samples."""
        return -(-length // self.frame)

    def features(self, condition: dict[str, Tensor], first: Tensor, count: int) -> Tensor:
        """Inputs of the biases (B, F, 64) for `count` frames from frame `first` (B,) on."""
        frame = first[:, None] + torch.arange(count, device=first.device)
        total = self.hidden.weight.new_zeros(len(first), count, FEATURES)
        if self.label is not None:
            total = total + self.label(condition["class"])[:, None]
        if self.clock is not None:
            elapsed = (frame[..., None].float() + 0.5) * self.rates
            total = total + self.clock((-elapsed).exp().to(total.dtype))
        if self.mel is not None:
            total = total + self._mel_features(condition["mel"], frame)
        return total

    def _mel_features(self, mel: Tensor, frame: Tensor) -> Tensor:
        """Mel frames (B, M, L), mixed over five and interpolated to the frames' centres."""
        assert self.mel is not None
        known = self.mel(0.2 * mel.to(self.mel.weight.dtype)).transpose(1, 2)
        place = ((frame.float() + 0.5) * self.frame / self.hop).clamp(max=known.shape[1] - 1)
        index = place.floor().long()
        later = (index + 1).clamp(max=known.shape[1] - 1)
        share = (place - index)[..., None].to(known.dtype)
        rows = torch.arange(len(known), device=known.device)[:, None]
        return torch.lerp(known[rows, index], known[rows, later], share)

    def forward(self, condition: dict[str, Tensor], first: Tensor, count: int) -> Tensor:
        """Biases (B, F, layers, 2R) of `count` frames from frame `first` (B,) on."""
        features = F.silu(self.features(condition, first, count))
        return self.bias(F.silu(self.hidden(features))).unflatten(2, (self.layers, -1))


@torch.no_grad()
def exact_biases(
    conditioner: Conditioner, condition: dict[str, Tensor], batch: int, first: int, count: int
) -> Tensor:
    """Biases (B, F, layers, 2R), float32, of `count` frames from frame `first` on.

    One bit may decide a symbol, and a symbol all that follows. Therefore biases are computed in
    float64, so that every machine rounds them to the same float32, and in products of one size, so
    that an item's do not depend on the batch.
    """
    device = conditioner.rates.device
    size = 1 if device.type == "cpu" else 16
    rows = torch.arange(-(-batch // size) * size, device=device).clamp(max=batch - 1)
    start = torch.full((size,), first, dtype=torch.long, device=device)
    parts = [
        conditioner({key: value[some] for key, value in condition.items()}, start, count)
        for some in rows.split(size)
    ]
    return torch.cat(parts)[:batch].float()
