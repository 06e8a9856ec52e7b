"""What linear prediction expects of the next symbol: a distribution that the network corrects.

    q_k = (1 - eps) 1/2 sum_m [s((v_k+ - d) / (c m)) - s((v_k- - d) / (c m))] + eps / K

d is the expected difference p_t - a x_{t-1} (see `dgm_audio.signal`), m are the two mean errors of
late, s is the logistic function, and v_k- and v_k+ are the edges of the values that are rounded to
symbol k. The network's log masses are added to log q: a network that says nothing leaves q, and a
little network does not have to learn what a hundred equations tell it.

References:
    Valin and Skoglund, "LPCNet: improving neural speech synthesis through linear prediction", 2019
    (a prediction as input of the network).
    Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SHARPNESS = 0.6
"""c: scale of a logistic, in mean absolute errors."""
UNSURE = 1e-3
"""eps: the share of surprise."""
FARTHEST = 40.0
"""Distance of an edge, in scales, beyond which all mass lies on one side."""
SPREADS = 64
"""Codes of a mean error, four per octave."""


class Expectation(NamedTuple):
    """What is expected of samples.

    Attributes:
        difference: d (...), float32.
        spread: m (..., 2), float32, above 0.
    """

    difference: Tensor
    spread: Tensor

    def codes(self, values: Tensor) -> Tensor:
        """Codes (..., 3), int64: the symbol that is expected, and those of the mean errors.

        Args:
            values: differences v (K,) of the symbols.
        """
        symbol = torch.bucketize(self.difference, edges_of(values), right=True)
        levels = torch.bucketize(self.spread, spread_edges().to(values.device), right=True)
        return torch.cat([symbol[..., None], levels], dim=-1)

    def log_masses(self, values: Tensor) -> Tensor:
        """Log q (..., K) for differences v (K,)."""
        far = values.new_full((1,), torch.inf)
        edges = torch.cat([-far, edges_of(values), far])
        beyond = self.difference[..., None] - edges
        masses = torch.full_like(beyond[..., 1:], UNSURE / len(values))
        for spread in self.spread.unbind(-1):
            odds = (beyond / (SHARPNESS * spread[..., None])).clamp_(-FARTHEST, FARTHEST).exp_()
            inside = odds[..., :-1] - odds[..., 1:]  # s(a) - s(b) without cancelling in the tails
            odds += 1
            inside /= odds[..., :-1] * odds[..., 1:]
            masses.add_(inside, alpha=(1 - UNSURE) / 2)
        return masses.log_()


def edges_of(values: Tensor) -> Tensor:
    """Where the differences of one symbol end and those of the next begin (K - 1,), float32."""
    return (values[1:] + values[:-1]) / 2


def spread_edges() -> Tensor:
    """Where one code of a mean error ends and the next begins (63,), float32."""
    return torch.exp2(torch.arange(1, SPREADS).double() / 4 - 16).float()
