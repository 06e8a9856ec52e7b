"""ConvNeXt blocks over sequences of frames, tokens last: (N, L, width) -> (N, L, width).

    y = x + W2 gelu(W1 m(depthwise(x))),    m(u) = (1 + scale(s)) norm(u) + shift(s)

References:
    Liu et al., "A ConvNet for the 2020s", 2022.
    Perez et al., "FiLM: visual reasoning with a general conditioning layer", 2018.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """One residual block; with `style_width` its normalisation is modulated by a style vector.

    Args:
        width: channels of the sequence.
        kernel: odd length of the depthwise convolution, in frames.
        expansion: hidden channels per channel.
        style_width: channels of the style vector (N, style_width), or None.
    """

    def __init__(
        self, width: int, kernel: int = 7, expansion: int = 3, style_width: int | None = None
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=style_width is None)
        self.film = None if style_width is None else nn.Linear(style_width, 2 * width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, L, width) and a style (N, style_width) -> (N, L, width)."""
        return self.mixed(x, self.depthwise(x.transpose(1, 2)).transpose(1, 2), style)

    def mixed(self, x: Tensor, hidden: Tensor, style: Tensor | None = None) -> Tensor:
        """The block's output from its input and the convolution's output."""
        hidden = self.norm(hidden)
        if self.film is not None:
            scale, shift = self.film(style)[:, None].chunk(2, dim=-1)
            hidden = hidden * (1 + scale) + shift
        return x + self.narrow(F.gelu(self.widen(hidden), approximate="tanh"))


class Downsample(nn.Module):
    """Merges `factor` neighbouring frames: (N, L, width) -> (N, L / factor, width)."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.LayerNorm(width)
        self.merge = nn.Linear(factor * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """L must be a multiple of the factor."""
        return self.merge(self.norm(x).unflatten(1, (-1, self.factor)).flatten(2))


class Upsample(nn.Module):
    """Splits each frame into `factor` frames: (N, L, width) -> (N, L * factor, width)."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.LayerNorm(width)
        self.split = nn.Linear(width, factor * width)

    def forward(self, x: Tensor) -> Tensor:
        """Each of the new frames has its own weights."""
        return self.split(self.norm(x)).unflatten(2, (self.factor, -1)).flatten(1, 2)
