"""The flow's network: what a group of samples will be like, from those before it.

For each sample of a group it says a shift mu, in units of the scale that is expected, and the
logarithm r of a factor on that scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_audio.nn.gated import GatedStack

LOUDEST = 8.0
"""Inputs are clipped to this many scales."""
WIDEST = 3.0
"""Largest |r|: a factor of 20."""


class FlowNetwork(GatedStack):
    """A gated stack over groups of samples.

    Args:
        group: N, samples of a group.
        width: R, channels of the residual path and of the gated units.
        skip: S, channels of the skip path.
        dilations: d of each layer, powers of two.
        hidden: units of the head's hidden layer.
    """

    def __init__(
        self, group: int, width: int, skip: int, dilations: tuple[int, ...], hidden: int
    ) -> None:
        super().__init__(width, skip, dilations, hidden, 2 * group)
        self.group = group
        self.input = nn.Linear(features_of(group), width)
        nn.init.zeros_(self.head.bias)
        self.head.weight.data *= 0.1

    def forward(self, features: Tensor, bias: Tensor, frame: int) -> tuple[Tensor, Tensor]:
        """Shifts and log factors (B, G N) of groups.

        Args:
            features: (B, G, 3 N + 2), known before each group, G a multiple of `frame`.
            bias: (B, G / frame, layers, 2R).
            frame: groups per bias.
        """
        shift, factor = self.run(self.input(features), bias, frame).float().chunk(2, dim=-1)
        return shift.flatten(1), WIDEST * torch.tanh(factor.flatten(1) / WIDEST)


def features_of(group: int) -> int:
    """Numbers that the network sees per group."""
    return 3 * group + 2
