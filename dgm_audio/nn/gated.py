"""A stack of gated dilated causal convolutions, WaveNet's, over any input.

    a_l = W1_l h_l(t) + W0_l h_l(t - d_l) + c_l(t)          c: bias of layer l, from the conditions
    g_l = tanh(a_l[:R]) * sigmoid(a_l[R:])
    h_{l+1} = h_l + (Wo_l g_l)[:R],    s = sum_l (Wo_l g_l)[R:]
    head = W4 relu(W3 relu(s) + b3) + b4

Before the first step all h are zero. Tensors are (B, T, R): one matrix product per layer serves all
steps of a crop. `dgm_audio.runtime.kernels.gated` is the same one step at a time.

References:
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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


class GatedStack(nn.Module):
    """The layers and their head.

    Args:
        width: R, channels of the residual path and of the gated units.
        skip: S, channels of the skip path.
        dilations: d of each layer, powers of two.
        hidden: units of the head's hidden layer.
        outputs: O, numbers of the head per step.
    """

    def __init__(
        self, width: int, skip: int, dilations: tuple[int, ...], hidden: int, outputs: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GatedLayer(width, skip, d) for d in dilations)
        self.hidden = nn.Linear(skip, hidden)
        self.head = nn.Linear(hidden, outputs)
        for layer in self.stack:  # layers begin near silence
            nn.init.normal_(layer.out.weight, std=0.5 / math.sqrt(width))
            layer.out.weight.data[:width] /= math.sqrt(len(self.stack))

    @property
    def stack(self) -> list[GatedLayer]:
        """The layers, in order."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    @property
    def receptive_field(self) -> int:
        """Past steps that the next one depends on."""
        return 1 + sum(layer.dilation for layer in self.stack)

    def run(self, h: Tensor, bias: Tensor, frame: int) -> Tensor:
        """Head (B, T, O) of inputs h (B, T, R).

        Args:
            h: T is a multiple of `frame`.
            bias: (B, T / frame, layers, 2R).
            frame: steps per bias.
        """
        if torch.is_autocast_enabled(h.device.type):  # embeddings are not autocast
            h = h.to(torch.get_autocast_dtype(h.device.type))
        skip = h.new_zeros(())
        for index, layer in enumerate(self.stack):
            residual, more = layer(h, bias[:, :, index], frame)
            h, skip = h + residual, skip + more
        return self.head(F.relu(self.hidden(F.relu(skip))))
