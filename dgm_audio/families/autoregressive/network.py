"""WaveNet as a network: past symbols and conditions in, the next symbol's distribution out.

    h_0 = sum_i A_i[code_i]             codes: the last symbol, its sample, and the LPC prior's four
    head = GatedStack(h_0)

    codes (B, T, 6) -> h_0 (B, T, R) -> stack (B, T, S) -> head (B, T, O)

The head corrects the prior of linear prediction (see `lpc_prior`): its initial weights are small.

References:
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dgm_audio.families.autoregressive.lpc_prior import SPREADS
from dgm_audio.nn.gated import GatedStack
from dgm_audio.signal.companding import mu_law_encode

POSITIONS = 256
"""Number of mu-law codes of the last sample, an input beside the last symbol."""
HEAD = 128


def position_codes(x: Tensor) -> Tensor:
    """Mu-law codes (...) of samples x (...), in float64: the same on every machine."""
    return mu_law_encode(x.double(), POSITIONS)


class WaveNetwork(GatedStack):
    """A gated stack over the codes.

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
        super().__init__(width, skip, dilations, HEAD, outputs)
        sizes = levels, POSITIONS, levels, SPREADS, SPREADS, SPREADS
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size in sizes)
        self._start_smooth()

    def _start_smooth(self) -> None:
        """Initialise neighbouring codes with neighbouring vectors, and the head small."""
        for table in self.embeddings:
            count, width = table.weight.shape
            y = torch.linspace(-1, 1, count, dtype=torch.float32)[:, None]
            order = torch.arange(width) // 2 + 1
            phase = math.pi / 2 * (torch.arange(width) % 2)
            scale = order.float() ** -0.5
            with torch.no_grad():
                table.weight.copy_(scale * torch.sin(math.pi / 2 * order * y + phase))
        self.head.weight.data *= 0.3

    @property
    def embeddings(self) -> list[nn.Embedding]:
        """The tables A, in order."""
        return [table for table in self.tables if isinstance(table, nn.Embedding)]

    def embed(self, codes: Tensor) -> Tensor:
        """h_0 (..., R) of codes (..., 6)."""
        return torch.stack([A(codes[..., i]) for i, A in enumerate(self.embeddings)]).sum(0)

    def forward(self, codes: Tensor, bias: Tensor, frame: int) -> Tensor:
        """Head (B, T, O) for the samples that follow each input.

        Args:
            codes: (B, T, 6), of the samples before each one, T a multiple of `frame`.

            bias: (B, T / frame, layers, 2R).
            frame: samples per bias.
        """
        return self.run(self.embed(codes), bias, frame)
