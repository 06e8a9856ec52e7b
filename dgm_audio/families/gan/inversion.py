"""Finding the latent of a sound by optimisation, from where an encoder thinks it lies.

    z* = argmin_z  mean over windows d(x, decode(z, c)) + w |z|^2 / D

d is the spectral distance of `nn.spectral_distance`; the last term keeps z where decode was
trained. Nothing is random, and sounds of a batch do not touch each other. The steps are 20, from
0.1 on and falling, so that no number of z moves by more than about one.

References:
    Zhu et al., "Generative visual manipulation on the natural image manifold", 2016.
    Kingma and Ba, "Adam", 2015.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_audio.nn.spectral_distance import WINDOWS, SpectralDistance

STEPS = 20
RATE = 0.1
PRIOR_WEIGHT = 0.02


def separately(
    find: Callable[[Tensor, dict[str, Tensor]], Tensor], x: Tensor, condition: dict[str, Tensor]
) -> Tensor:
    """Latents (B, D, 1): find(sound, condition) (1, D) of every sound (B, 1, T) alone.

    Of the rounding of a batch, which depends on its size, optimisation would make differences.
    """
    found = []
    for row in range(len(x)):
        with torch.inference_mode(False):  # tensors that gradients can go through
            own = {key: value[row : row + 1].clone() for key, value in condition.items()}
        found.append(find(x[row : row + 1], own))
    return torch.cat(found)[:, :, None]


def invert(
    decode: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, steps: int = STEPS
) -> Tensor:
    """The best latents that were met on the way, in the spectral distance.

    Args:
        decode: latents (B, D) -> audio (B, T), differentiable.
        x: the sounds (B, T).
        start: latents (B, D) to start from.
        steps: of Adam.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x, z = x.clone(), start.detach().clone().requires_grad_()
        distances = [SpectralDistance(size).to(x.device) for size in WINDOWS if size <= x.shape[1]]
        targets = [distance.features(x) for distance in distances]
        levels = [one.level_of(seen) for one, seen in zip(distances, targets, strict=True)]

        def cost(z: Tensor) -> Tensor:
            made = decode(z)
            terms = [
                distance.between(distance.features(made), seen, level)
                for distance, seen, level in zip(distances, targets, levels, strict=True)
            ]
            return torch.stack(terms).mean(0) + PRIOR_WEIGHT * z.square().mean(1)

        best, least = z.detach().clone(), torch.full_like(x[:, 0], torch.inf)
        optimizer = torch.optim.Adam([z], RATE)
        for step in range(steps + 1):
            costs = cost(z)
            better = costs.detach() < least
            least = torch.where(better, costs.detach(), least)
            best = torch.where(better[:, None], z.detach(), best)
            if step < steps:
                (z.grad,) = torch.autograd.grad(costs.sum(), z)
                optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
                optimizer.step()
    return best
