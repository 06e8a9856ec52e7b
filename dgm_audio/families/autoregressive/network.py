"""WaveNet as a network: past symbols and conditions in, the next symbol's distribution out.

    h_0 = sum_i A_i[code_i]             codes: the last symbol, its sample, and what to expect next
    a_l = W1_l h_l(t) + W0_l h_l(t - d_l) + c_l(t)          c: bias of layer l, from the conditions
    g_l = tanh(a_l[:R]) * sigmoid(a_l[R:])
    h_{l+1} = h_l + (Wo_l g_l)[:R],    s = sum_l (Wo_l g_l)[R:]
    head = W4 relu(W3 relu(s) + b3) + b4

The head corrects log masses that linear prediction gives (see `expectation`): it begins small.

Before the first sample there is silence, and all h are zero there. Tensors are (B, T, R): one
matrix product per layer serves all samples of a crop.

References:
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.families.autoregressive.expectation import SPREADS
from dgm_audio.signal.companding import mu_law_encode

POSITIONS = 256
"""Mu-law codes of the sample itself that the network sees beside the last symbol."""
HEAD = 128
FEATURES = 64
TIME_CONSTANTS = 12
FASTEST, SLOWEST = 0.002, 2.0
"""Seconds: the clock of a one-shot is exp(-t / tau) for time constants between these."""


def position_codes(x: Tensor) -> Tensor:
    """Mu-law codes (...) of samples x (...), in float64: the same on every machine."""
    return mu_law_encode(x.double(), POSITIONS)


class GatedLayer(nn.Module):
    """A dilated causal convolution of two taps with gated units, (B, T, R) -> (B, T, R + S)."""

    def __init__(self, width: int, skip: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.past = nn.Linear(width, 2 * width, bias=False)
        self.present = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width + skip, bias=False)

    def forward(self, h: Tensor, bias: Tensor, frame: int) -> tuple[Tensor, Tensor]:
        """Residual (B, T, R) and skip (B, T, S) of h, given one bias (B, F, 2R) per frame."""
        past = F.pad(h, (0, 0, self.dilation, 0))[:, : h.shape[1]]
        weight = torch.cat([self.past.weight, self.present.weight], dim=1)
        a = F.linear(torch.cat([past, h], dim=2), weight)
        a = (a.unflatten(1, (-1, frame)) + bias[:, :, None].to(a.dtype)).flatten(1, 2)
        tanh_part, gate = a.chunk(2, dim=2)
        gated = (2 * torch.sigmoid(2 * tanh_part) - 1) * torch.sigmoid(gate)
        residual, skip = self.out(gated).split([h.shape[2], self.out.out_features - h.shape[2]], 2)
        return residual, skip


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
            elapsed = (frame[..., None] + 0.5) * self.rates
            total = total + self.clock((-elapsed).exp().to(total.dtype))
        if self.mel is not None:
            total = total + self._mel_features(condition["mel"], frame)
        return total

    def _mel_features(self, mel: Tensor, frame: Tensor) -> Tensor:
        """Mel frames (B, M, L), mixed over five and interpolated to the frames' centres."""
        assert self.mel is not None
        known = self.mel(0.2 * mel.to(self.mel.weight.dtype)).transpose(1, 2)
        place = ((frame + 0.5) * self.frame / self.hop).clamp(max=known.shape[1] - 1)
        index = place.floor().long()
        later = (index + 1).clamp(max=known.shape[1] - 1)
        share = (place - index)[..., None].to(known.dtype)
        rows = torch.arange(len(known), device=known.device)[:, None]
        return torch.lerp(known[rows, index], known[rows, later], share)

    def forward(self, condition: dict[str, Tensor], first: Tensor, count: int) -> Tensor:
        """Biases (B, F, layers, 2R) of `count` frames from frame `first` (B,) on."""
        features = F.silu(self.features(condition, first, count))
        return self.bias(F.silu(self.hidden(features))).unflatten(2, (self.layers, -1))


class WaveNetwork(nn.Module):
    """The stack and its head.

    Args:
        levels: K, symbols.
        width: R, channels of the residual path and of the gated units.
        skip: S, channels of the skip path.
        dilations: d of each layer, powers of two.
        outputs: O, numbers of the head per sample.
    """

    def __init__(
        self, levels: int, width: int, skip: int, dilations: tuple[int, ...], outputs: int
    ) -> None:
        super().__init__()
        sizes = levels, POSITIONS, levels, SPREADS, SPREADS
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size in sizes)
        self.layers = nn.ModuleList(GatedLayer(width, skip, d) for d in dilations)
        self.hidden = nn.Linear(skip, HEAD)
        self.head = nn.Linear(HEAD, outputs)
        self._start_smooth()

    def _start_smooth(self) -> None:
        """Neighbouring codes begin with neighbouring vectors, and layers begin near silence."""
        for table in self.embeddings:
            count, width = table.weight.shape
            y = torch.linspace(-1, 1, count)[:, None]
            order = torch.arange(width) // 2 + 1
            phase = math.pi / 2 * (torch.arange(width) % 2)
            scale = order.float() ** -0.5
            with torch.no_grad():
                table.weight.copy_(scale * torch.sin(math.pi / 2 * order * y + phase))
        for layer in self.stack:
            width = layer.present.in_features
            nn.init.normal_(layer.out.weight, std=0.5 / math.sqrt(width))
            layer.out.weight.data[:width] /= math.sqrt(len(self.stack))
        self.head.weight.data *= 0.3

    @property
    def embeddings(self) -> list[nn.Embedding]:
        """The tables A, in order."""
        return [table for table in self.tables if isinstance(table, nn.Embedding)]

    @property
    def stack(self) -> list[GatedLayer]:
        """The layers, in order."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    @property
    def receptive_field(self) -> int:
        """Past samples that the next one depends on."""
        return 1 + sum(layer.dilation for layer in self.stack)

    def embed(self, codes: Tensor) -> Tensor:
        """h_0 (..., R) of codes (..., 5)."""
        return torch.stack([A(codes[..., i]) for i, A in enumerate(self.embeddings)]).sum(0)

    def forward(self, codes: Tensor, bias: Tensor, frame: int) -> Tensor:
        """Head (B, T, O) for the samples that follow each input.

        Args:
            codes: (B, T, 5), known before each sample, T a multiple of `frame`.
            bias: (B, T / frame, layers, 2R).
            frame: samples per bias.
        """
        h = self.embed(codes)
        if torch.is_autocast_enabled(h.device.type):  # embeddings are not autocast
            h = h.to(torch.get_autocast_dtype(h.device.type))
        skip = h.new_zeros(())
        for index, layer in enumerate(self.stack):
            residual, more = layer(h, bias[:, :, index], frame)
            h, skip = h + residual, skip + more
        return self.head(F.relu(self.hidden(F.relu(skip))))


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
    start = torch.full((size,), first, device=device)
    parts = [
        conditioner({key: value[some] for key, value in condition.items()}, start, count)
        for some in rows.split(size)
    ]
    return torch.cat(parts)[:batch].float()
