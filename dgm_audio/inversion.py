"""Finding the latent of a sound by optimisation, such as from where an encoder thinks it lies.

    z* = argmin_z  mean over windows d(x, decode(z, c)) + w |z|^2 / D

d is the spectral distance of `nn.spectral_distance`; the last term keeps z where decode was
trained. Nothing is random, and sounds of a batch do not touch each other. Steps are of Adam, from
0.1 on and falling: in 20 of them no number of z moves by more than about one.

`dgm_audio.fit_latent` is this for any model whose decode passes gradients.

References:
    Zhu et al., "Generative visual manipulation on the natural image manifold", 2016.
    Kingma and Ba, "Adam", 2015.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_audio.nn.spectral_distance import WINDOWS, SpectralDistance
from dgm_audio.runtime.surroundings import autocast_off

STEPS = 20
RATE = 0.1
PRIOR_WEIGHT = 0.02
SHORTEST = min(WINDOWS)


def separately(
    find: Callable[[Tensor, dict[str, Tensor]], Tensor], x: Tensor, condition: dict[str, Tensor]
) -> Tensor:
    """Latents (B, ...): find(sound, condition) (1, ...) of every sound (B, C, T) alone.

    Of the rounding of a batch, which depends on its size, optimisation would make differences.
    """
    found = []
    for row in range(len(x)):
        with torch.inference_mode(False):  # tensors that gradients can go through
            own = {key: value[row : row + 1].clone() for key, value in condition.items()}
        found.append(find(x[row : row + 1], own))
    return torch.cat(found)


def invert(
    decode: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, steps: int = STEPS
) -> Tensor:
    """The best latents that were met on the way, in the spectral distance.

    Args:
        decode: latents -> audio of the shape of x, differentiable.
        x: the sounds (B, T) or (B, C, T), of at least `SHORTEST` samples.
        start: latents (B, ...) to start from.
        steps: of Adam.
    """
    kind = x.device.type
    with torch.inference_mode(False), torch.enable_grad(), torch.device("cpu"), autocast_off(kind):
        x, z = x.clone(), start.detach().clone().requires_grad_()
        distances = [SpectralDistance(size).to(x.device) for size in WINDOWS if size <= x.shape[-1]]
        targets = [distance.features(x.flatten(0, -2)) for distance in distances]
        levels = [one.level_of(seen) for one, seen in zip(distances, targets, strict=True)]

        def cost(z: Tensor) -> Tensor:
            made = decode(z).flatten(0, -2)
            terms = [
                distance.between(distance.features(made), seen, level)
                for distance, seen, level in zip(distances, targets, levels, strict=True)
            ]
            apart = torch.stack(terms).mean(0).reshape(len(x), -1).mean(1)  # over channels
            return apart + PRIOR_WEIGHT * z.square().flatten(1).mean(1)

        best, least = z.detach().clone(), x.new_full((len(x),), torch.inf)
        optimizer = torch.optim.Adam([z], RATE)
        for step in range(steps + 1):
            costs = cost(z)
            better = costs.detach() < least
            least = torch.where(better, costs.detach(), least)
            best = torch.where(better.reshape(-1, *[1] * (z.ndim - 1)), z.detach(), best)
            if step < steps:
                (z.grad,) = torch.autograd.grad(costs.sum(), z)
                optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
                optimizer.step()
    return best
