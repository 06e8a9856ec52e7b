"""The distribution of one symbol, and inverse-CDF sampling from it.

    w_k = e_k + eta min(sum_{j <= k} e_j, sum_{j >= k} e_j),    p_k = w_k / sum_j w_j

e are the masses of prior and head (see `lpc_prior`). The guard eta w gives every

symbol that lies between likely ones so much mass that a float32 latent can point at it: then every
sound has a latent. It adds nothing beyond the tails, where a rare symbol would be a click.

A latent z picks through its tail: with u = Phi(-|z|), the first symbol from below (z < 0) or from
above (z >= 0) at which the summed mass exceeds u. Tails keep their precision, 1 - 1e-12 would not.

References:
    Devroye, "Non-uniform random variate generation", 1986 (inversion of the distribution function).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dgm_audio.runtime.kernels.constants import GUARD, MIN_LOGIT


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
