"""The LPC prior of the next symbol, from linear prediction, and its correction by the head.

d is the predicted difference p_t - a x_{t-1} (see `dgm_audio.signal.prediction`), and s are two
scales: the mean error of the last 32 samples, and of the last 512, times 0.6. The mass of a symbol
under a logistic is that between the edges of the differences that are rounded to it:

    L_k(m, s) = f((v_k+ - m) / s) - f((v_k- - m) / s),    f(y) = 1 / (1 + exp(-y))

The network's head corrects the prior in one of two ways:

    logistics      e_k = sum_i pi_i L_k(d + s_2 mu_i, s_2 exp(-r_i)),  head = pi, mu, r
    categorical    e_k = exp(h_k) (L_k(d, s_1) + L_k(d, s_2)) / 2,                 head = h

    head (..., O), prior (...) -> log masses (..., K)

A head of zeros leaves the prior as it is. A few numbers in units of the prior are quickly learned;
categories can take any shape. Scales change slowly, or the level of a sound would drift: each error
moves the scale of the next ones.

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

from dgm_audio._renamed import old_names
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


class LPCPrior(NamedTuple):
    """The distribution of samples that linear prediction gives.

    Attributes:
        difference: d (...), float32.
        spread: the two mean errors, and the largest recent one (..., 3), float32, above 0.
    """

    difference: Tensor
    spread: Tensor

    def codes(self, edges: Tensor) -> Tensor:
        """Codes (..., 4), int64: the predicted symbol, and the codes of the mean errors."""
        symbol = torch.bucketize(self.difference, edges[1:-1], right=True)
        levels = torch.bucketize(self.spread, spread_edges().to(edges.device), right=True)
        return torch.cat([symbol[..., None], levels], dim=-1)

    def mixture(self) -> Mixture:
        """The prior without correction: two logistics."""
        spread = self.spread[..., :2]
        means = self.difference[..., None].expand_as(spread)
        return Mixture(torch.full_like(spread, 0.5), means, 1 / (SCALE * spread))

    def corrected(self, head: Tensor) -> Mixture:
        """The prior corrected by a head (..., 3 M): M logistics."""
        weights, means, sharpness = head.chunk(3, dim=-1)
        scale = SCALE * self.spread[..., 1:2]
        return Mixture(
            weights.softmax(-1),
            self.difference[..., None] + scale * means,
            sharpness.clamp(-SHARPEST, SHARPEST).exp() / scale,
        )


class StepInputs(NamedTuple):
    """The inputs of each step, from the samples before it.

    Attributes:
        codes: inputs of the network (B, T, 6), int64.
        prior: the LPC prior of each sample (B, T).
    """

    codes: Tensor
    prior: LPCPrior


def head_size(output: str, levels: int, components: int) -> int:
    """Outputs of the head per sample, O."""
    return levels if output == "categorical" else 3 * components


def first_bias(output: str, size: int) -> Tensor:
    """The head's initial bias (O,): scales around that of the prior, or no correction."""
    bias = torch.zeros(size)
    if output == "logistics":
        bias[size // 3 * 2 :] = torch.linspace(1, -1, size // 3)
    return bias


def log_masses(head: Tensor, prior: LPCPrior, edges: Tensor, output: str) -> Tensor:
    """Unnormalised log masses log e (..., K), before the guard.

    Args:
        head: outputs of the head (..., O).
        prior: the LPC prior of the samples (...).
        edges: of the symbols' differences (K + 1,).
        output: kind of the head, as in `WaveNetConfig`.
    """
    if output == "logistics":
        return prior.corrected(head).masses(edges).clamp_min(SMALLEST).log()
    logits = (head - head.amax(-1, keepdim=True)).clamp_min(MIN_LOGIT)
    return logits + prior.mixture().masses(edges).clamp_min(SMALLEST).log()


def negative_log_likelihood(
    head: Tensor, prior: LPCPrior, edges: Tensor, symbols: Tensor, output: str
) -> Tensor:
    """-log p of symbols (...) in nats, for training: without the guard of `distribution`."""
    if output == "logistics":
        return -prior.corrected(head).log_mass(edges[symbols], edges[symbols + 1])
    with torch.no_grad():
        log_prior = prior.mixture().masses(edges).clamp_min(SMALLEST).log()
    return F.cross_entropy((head + log_prior).movedim(-1, 1), symbols, reduction="none")


def edges_of(values: Tensor) -> Tensor:
    """Edges (K + 1,) of the differences that are rounded to each of the values (K,)."""
    far = values.new_full((1,), BEYOND)
    return torch.cat([-far, (values[1:] + values[:-1]) / 2, far])


def spread_edges() -> Tensor:
    """The mean errors at which the next code starts (63,), float32."""
    return torch.exp2(torch.arange(1, SPREADS, dtype=torch.float64, device="cpu") / 4 - 16).float()


__getattr__ = old_names(__name__)
