"""The distribution of one symbol, and how a uniform number picks from it.

    e_k = q_k exp(h_k),    w_k = e_k + eta min(sum_{j <= k} e_j, sum_{j >= k} e_j),
    p_k = w_k / sum_j w_j

q is what linear prediction expects (see `expectation`), and h are the head's logits. The guard
eta w gives every symbol that lies between likely ones so much mass that a float32 latent can point
at it: then every sound has a latent. It adds nothing beyond the tails, where a rare symbol would be
a click.

A latent z picks through its tail: with u = Phi(-|z|), the first symbol from below (z < 0) or from
above (z >= 0) at which the summed mass exceeds u. Tails keep their precision, 1 - 1e-12 would not.

References:
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016 (categorical).
    Salimans et al., "PixelCNN++", 2017 (discretized mixture of logistics).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

GUARD = 2.0**-16
"""eta: a float32 z resolves a tail mass to 8e-6 of itself at worst."""
MIN_LOGIT = -40.0
"""Logits h, and log masses, so far below the largest one count no less: 4e-18 of it."""
SHARPEST = 7.0
"""Largest negative log-scale of a logistic, whose bins lie in [-1, 1]."""


def head_size(output: str, levels: int, components: int) -> int:
    """Numbers that the head gives per sample."""
    return levels if output == "categorical" else 3 * components


def log_masses(head: Tensor, expected: Tensor, output: str) -> Tensor:
    """Unnormalised log masses log e (..., K), before the guard.

    Args:
        head: the head's numbers (..., O).
        expected: log q (..., K).
        output: what the numbers mean.
    """
    logits = logits_of(head, output, expected.shape[-1])
    return (logits - logits.amax(-1, keepdim=True)).clamp_min(MIN_LOGIT) + expected


def logits_of(head: Tensor, output: str, levels: int) -> Tensor:
    """Logits h (..., K) that the head's numbers (..., O) mean."""
    if output == "categorical":
        return head
    return logistic_mixture(head, torch.arange(levels, device=head.device), levels)


def surprise(head: Tensor, expected: Tensor, symbols: Tensor, output: str) -> Tensor:
    """-log p of symbols (...) in nats without the guard, which training has no need of."""
    masses = logits_of(head, output, expected.shape[-1]) + expected
    return F.cross_entropy(masses.movedim(-1, 1), symbols, reduction="none")


def logistic_mixture(head: Tensor, symbols: Tensor, levels: int) -> Tensor:
    """Log masses (..., N) of a mixture of logistics at N of K bins that tile [-1, 1].

    p_k = sum_m pi_m [s((k+ - mu_m) / s_m) - s((k- - mu_m) / s_m)], s the logistic function, k- and
    k+ the edges of bin k; the outer bins reach to infinity. The difference is computed as
    s(a) s(-b) (1 - exp(b - a)), which is exact in the tails.

    Args:
        head: (..., 3 M): M mixture logits, M means, M negative log-scales.
        symbols: bins (N,) or (..., N).
        levels: K.
    """
    weights, means, sharpness = (part[..., None, :] for part in head.float().chunk(3, -1))
    inverse = sharpness.clamp(-SHARPEST, SHARPEST).exp()
    k, half = symbols[..., None], 1 / (levels - 1)
    from_mean = 2 * half * k - 1 - means
    below_upper = F.logsigmoid((from_mean + half) * inverse)
    above_lower = F.logsigmoid((half - from_mean) * inverse)
    inside = torch.log(-torch.expm1(-2 * half * inverse))
    log_bins = below_upper + above_lower + inside
    log_bins = torch.where(k == 0, below_upper, log_bins)
    log_bins = torch.where(k == levels - 1, above_lower, log_bins)
    return torch.logsumexp(log_bins + weights.log_softmax(-1), dim=-1)


def guarded(log_mass: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Guarded weights w (..., K) up to a common factor, in float64 where symbols are picked."""
    e = (log_mass - log_mass.amax(-1, keepdim=True)).clamp_min(MIN_LOGIT).exp().to(dtype)
    below = e.cumsum(-1)
    above = e.flip(-1).cumsum(-1).flip(-1)
    return e + GUARD * torch.minimum(below, above)


def log_probability(log_mass: Tensor, symbols: Tensor) -> Tensor:
    """log p of symbols (...) under log masses (..., K), in nats."""
    weights = guarded(log_mass, log_mass.dtype)
    chosen = weights.gather(-1, symbols[..., None])[..., 0]
    return chosen.log() - weights.sum(-1).log()


def pick(weights: Tensor, tail: Tensor) -> Tensor:
    """Symbols (...) that tails (...) pick from weights (..., K).

    Args:
        weights: w.
        tail: Phi(-|z|), float64, 0 to 0.5; negative for z < 0 (-0.0 counts as z >= 0).
    """
    wanted = (tail.abs() * weights.sum(-1))[..., None]
    top = weights.shape[-1] - 1
    from_below = (weights.cumsum(-1) <= wanted).sum(-1)
    from_above = top - (weights.flip(-1).cumsum(-1) <= wanted).sum(-1)
    return torch.where(tail < 0, from_below, from_above).clamp(0, top)


def tails_of_latents(z: Tensor) -> Tensor:
    """Tails (...) of latents z (...): Phi(-|z|), with the sign of z (a tail of z < 0 is below)."""
    tail = torch.erfc(z.double().abs() / math.sqrt(2)) / 2  # torch's ndtr is blind beyond -8
    return torch.where(z < 0, -tail, tail)


def tail_of_symbol(weights: Tensor, symbols: Tensor) -> tuple[Tensor, Tensor]:
    """The tail that points at the middle of each symbol, and the symbol's mass; both float64.

    Args:
        weights: w (..., K).
        symbols: (...).
    """
    chosen = symbols[..., None]
    total = weights.sum(-1)
    own = weights.gather(-1, chosen)[..., 0]
    below = weights.cumsum(-1).gather(-1, chosen)[..., 0] - own
    above = weights.flip(-1).cumsum(-1).gather(-1, weights.shape[-1] - 1 - chosen)[..., 0] - own
    lower = below < above
    tail = (torch.where(lower, below, above).clamp_min(0) + own / 2) / total
    return torch.where(lower, -tail, tail), own / total


def latents_of_tails(tail: Tensor) -> Tensor:
    """Float32 latents z (...) of tails (...): the inverse of `tails_of_latents`."""
    z = torch.special.ndtri(tail.abs().clamp(1e-300, 0.5))
    return torch.where(tail < 0, z, -z).float()
