"""One optimizer step on one batch, as plain functions with named loss terms.

References:
    Lim and Ye, "Geometric GAN", 2017 (hinge loss).
    Kumar et al., "High-fidelity audio compression with improved RVQGAN", 2023 (feature distance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from dgm_audio.nn.discriminator import (
    GROUP,
    CriticOutput,
    feature_distance,
    gradient_penalty,
    hinge_discriminator_loss,
)
from dgm_audio.objective import Losses

CLIP_NORM = 5.0
ADVERSARIAL_WEIGHT = 0.5
FEATURE_WEIGHT = 2.0
PENALTY_WEIGHT, PENALTY_EVERY = 0.1, 8
"""Weight of the gradient penalty at real sounds, and steps between two of its terms."""


@dataclass
class OptimisedModule:
    """A module (an objective or a discriminator) and its optimizer, set up by Fabric."""

    module: nn.Module
    optimizer: Optimizer


def set_rate(optimised: OptimisedModule, rate: float) -> None:
    """Set the learning rate of the next steps."""
    for group in optimised.optimizer.param_groups:
        group["lr"] = rate


def likelihood_step(
    fabric: Fabric,
    optimised: OptimisedModule,
    x: Tensor,
    labels: Tensor,
    progress: float,
    pitch: Tensor | None = None,
) -> dict[str, float]:
    """Minimise the sum of the objective's named terms once.

    Returns:
        The terms, the reports, "loss" and "gradient_norm"; if loss or gradient is not finite the
        weights are left as they are and "skipped" is 1.
    """
    losses: Losses = optimised.module(x, labels, progress, pitch)
    return _descend(fabric, optimised, losses.terms, losses.report)


def adversarial_step(
    fabric: Fabric,
    optimised: OptimisedModule,
    critic: OptimisedModule,
    x: Tensor,
    labels: Tensor,
    progress: float,
    mixed: bool = False,
    penalised: bool = False,
    pitch: Tensor | None = None,
) -> dict[str, float]:
    """One step of the adversarial phase: one of the discriminator, then one of the generator.

    Generator terms beside the objective's: "adversarial" = -D(fake), and, where fake sounds begin
    with reconstructions, "features", the distance of the discriminator's features of those from
    those of the real sounds. With `penalised`, which is for every `PENALTY_EVERY`th step, the
    discriminator is held smooth around the real sounds.

    Returns:
        As `likelihood_step`, with the terms of both. If the discriminator's are not finite the
        generator does not move either.
    """
    losses: Losses = optimised.module(x, labels, progress, pitch)
    if losses.real is None or losses.fake is None:
        raise TypeError("the objective gives no real and fake audio for a discriminator")
    count = len(losses.real)
    # the deviation is over real or over new sounds, over as many new ones in both steps

    group = math.gcd(GROUP, count, len(losses.fake))
    audio = torch.cat([losses.real, losses.fake.detach()]).requires_grad_(penalised)
    both = None
    if losses.labels is not None and losses.fake_labels is not None:
        both = torch.cat([losses.labels, losses.fake_labels])
    with torch.autocast(x.device.type, torch.bfloat16, enabled=mixed):
        outputs: list[CriticOutput] = critic.module(audio, both, group)
    hinges = [
        hinge_discriminator_loss(output.score[:count].float(), output.score[count:].float())
        for output in outputs
    ]
    critic_terms = {"discriminator": torch.stack(hinges).mean()}
    if penalised:
        penalty = gradient_penalty([one._replace(score=one.score[:count]) for one in outputs])
        critic_terms["penalty"] = PENALTY_WEIGHT * PENALTY_EVERY * penalty
    report = _descend(fabric, critic, critic_terms, {})
    report["discriminator_gradient_norm"] = report.pop("gradient_norm")
    report.pop("loss")
    if report["skipped"]:
        return report

    plain = _plain(critic.module)
    plain.requires_grad_(False)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=mixed):
        fake = plain(losses.fake, losses.fake_labels, group)
    scores = torch.stack([output.score.float().mean() for output in fake])
    terms = losses.terms | {"adversarial": -ADVERSARIAL_WEIGHT * scores.mean()}
    if losses.paired:
        features = [
            feature_distance(
                [f[: losses.paired] for f in real.features],
                [f[: losses.paired] for f in made.features],
            )
            for real, made in zip(outputs, fake, strict=True)
        ]
        terms["features"] = FEATURE_WEIGHT * torch.stack(features).mean()
    report |= _descend(fabric, optimised, terms, losses.report)
    plain.requires_grad_(True)
    return report


def _plain(module: nn.Module) -> nn.Module:
    """The module without Fabric's and data parallelism's wrappers."""
    return getattr(module, "module", module)


def _descend(
    fabric: Fabric, optimised: OptimisedModule, terms: dict[str, Tensor], report: dict[str, float]
) -> dict[str, float]:
    """Backward and one optimizer step, unless something is not finite on any rank."""
    loss = torch.stack(list(terms.values())).sum()
    optimised.optimizer.zero_grad()
    fabric.backward(loss)
    norm = torch.nn.utils.clip_grad_norm_(optimised.module.parameters(), CLIP_NORM)
    finite = bool(torch.isfinite(norm)) and bool(torch.isfinite(loss))
    if fabric.world_size > 1:  # a loss is a rank's own
        finite = bool(fabric.all_reduce(torch.tensor(float(finite)), reduce_op="min"))
    if finite:
        optimised.optimizer.step()
    named = {key: float(value.detach()) for key, value in terms.items()}
    return (
        named
        | report
        | {
            "loss": float(loss.detach()),
            "gradient_norm": float(norm),
            "skipped": float(not finite),
        }
    )
