"""What linear prediction expects of the next symbol, and how the network's head corrects it.

d is the expected difference p_t - a x_{t-1} (see `dgm_audio.signal`), and s are two scales: the
mean error of the last 32 samples, and of the last 512, times 0.6. The mass of a symbol under a
logistic is that between the edges of the differences that are rounded to it:

    L_k(m, s) = f((v_k+ - m) / s) - f((v_k- - m) / s),    f(y) = 1 / (1 + exp(-y))

The head corrects what is expected in one of two ways:

    logistics      e_k = sum_i pi_i L_k(d + s_2 mu_i, s_2 exp(-r_i)),  head = pi, mu, r
    categorical    e_k = exp(h_k) (L_k(d, s_1) + L_k(d, s_2)) / 2,                 head = h

A head that says nothing leaves what is expected. A few numbers in units of what is expected are
quickly learned; categories can take any shape. Units change slowly, or the level of a sound would
wander: each error moves the scale of the next ones.

References:
    Salimans et al., "PixelCNN++", 2017 (discretized mixture of logistics).
    Valin and Skoglund, "LPCNet: improving neural speech synthesis through linear prediction", 2019.
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016 (categorical).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.runtime.kernels.constants import MIN_LOGIT, SCALE, SHARPEST, SMALLEST

FARTHEST = 40.0
"""Distance of an edge, in scales, beyond which all mass lies on one side."""
BEYOND = 1e4
"""Where the outer symbols' differences end."""
SPREADS = 64
"""Codes of mean errors, four per octave."""


class Mixture(NamedTuple):
    """Logistics (..., M): weights that sum to 1, means, and inverse scales."""

    weights: Tensor
    means: Tensor
    inverse: Tensor

    def masses(self, edges: Tensor) -> Tensor:
        """Masses (..., K) between edges (K + 1,), without cancelling in the tails."""
        total = self.means.new_zeros(*self.means.shape[:-1], len(edges) - 1)
        for weight, mean, inverse in zip(*(part.unbind(-1) for part in self), strict=True):
            distance = (mean[..., None] - edges) * inverse[..., None]
            odds = distance.clamp(-FARTHEST, FARTHEST).exp()
            inside = odds[..., :-1] - odds[..., 1:]
            odds = odds + 1
            total = total + weight[..., None] * inside / (odds[..., :-1] * odds[..., 1:])
        return total

    def log_mass(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Log mass (...) between two edges (...), which may be differentiated."""
        below = F.logsigmoid((upper[..., None] - self.means) * self.inverse)
        above = F.logsigmoid((self.means - lower[..., None]) * self.inverse)
        inside = torch.log(-torch.expm1((lower - upper)[..., None] * self.inverse))
        return torch.logsumexp(self.weights.log() + below + above + inside, dim=-1)


class Expectation(NamedTuple):
    """What is expected of samples.

    Attributes:
        difference: d (...), float32.
        spread: the two mean errors, and the largest of late (..., 3), float32, above 0.
    """

    difference: Tensor
    spread: Tensor

    def codes(self, edges: Tensor) -> Tensor:
        """Codes (..., 4), int64: the symbol that is expected, and those of the mean errors."""
        symbol = torch.bucketize(self.difference, edges[1:-1], right=True)
        levels = torch.bucketize(self.spread, spread_edges().to(edges.device), right=True)
        return torch.cat([symbol[..., None], levels], dim=-1)

    def prior(self) -> Mixture:
        """The two logistics that nothing corrects."""
        spread = self.spread[..., :2]
        means = self.difference[..., None].expand_as(spread)
        return Mixture(torch.full_like(spread, 0.5), means, 1 / (SCALE * spread))

    def corrected(self, head: Tensor) -> Mixture:
        """M logistics of the head's numbers (..., 3 M)."""
        weights, means, sharpness = head.chunk(3, dim=-1)
        scale = SCALE * self.spread[..., 1:2]
        return Mixture(
            weights.softmax(-1),
            self.difference[..., None] + scale * means,
            sharpness.clamp(-SHARPEST, SHARPEST).exp() / scale,
        )


class Known(NamedTuple):
    """What is known before each sample.

    Attributes:
        codes: inputs of the network (B, T, 6), int64.
        expected: of each sample (B, T).
    """

    codes: Tensor
    expected: Expectation


def head_size(output: str, levels: int, components: int) -> int:
    """Numbers that the head gives per sample."""
    return levels if output == "categorical" else 3 * components


def first_bias(output: str, size: int) -> Tensor:
    """The head's bias before training (O,): scales around the expected one, or no correction."""
    bias = torch.zeros(size)
    if output == "logistics":
        bias[size // 3 * 2 :] = torch.linspace(1, -1, size // 3)
    return bias


def log_masses(head: Tensor, expected: Expectation, edges: Tensor, output: str) -> Tensor:
    """Unnormalised log masses log e (..., K), before the guard.

    Args:
        head: the head's numbers (..., O).
        expected: of the samples (...).
        edges: of the symbols' differences (K + 1,).
        output: what the numbers mean.
    """
    if output == "logistics":
        return expected.corrected(head).masses(edges).clamp_min(SMALLEST).log()
    logits = (head - head.amax(-1, keepdim=True)).clamp_min(MIN_LOGIT)
    return logits + expected.prior().masses(edges).clamp_min(SMALLEST).log()


def surprise(
    head: Tensor, expected: Expectation, edges: Tensor, symbols: Tensor, output: str
) -> Tensor:
    """-log p of symbols (...) in nats without the guard, which training has no need of."""
    if output == "logistics":
        return -expected.corrected(head).log_mass(edges[symbols], edges[symbols + 1])
    with torch.no_grad():
        prior = expected.prior().masses(edges).clamp_min(SMALLEST).log()
    return F.cross_entropy((head + prior).movedim(-1, 1), symbols, reduction="none")


def edges_of(values: Tensor) -> Tensor:
    """Edges (K + 1,) of the differences that are rounded to each of the values (K,)."""
    far = values.new_full((1,), BEYOND)
    return torch.cat([-far, (values[1:] + values[:-1]) / 2, far])


def spread_edges() -> Tensor:
    """Where one code of a mean error ends and the next begins (63,), float32."""
    return torch.exp2(torch.arange(1, SPREADS, dtype=torch.float64, device="cpu") / 4 - 16).float()
