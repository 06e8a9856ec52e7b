"""Training a spectrogram GAN on few sounds: reconstruction first, then an adversarial phase.

    reconstruction   |u - m(h, c)| + 2 E(x; y, y') + beta KL(q(h | x) || N(0, I))
    adversarial      the same on a few sounds, and - D(G(z, c), c) on as many new ones as real ones

A generator that starts from random weights spends most of a small budget on finding sound at all;
one that reconstructs the training clips first covers all of them at once, and the adversarial phase
adds what a spectral distance does not measure. `encode` starts from the encoder so trained.

For few sounds: hinge loss, a lazy penalty on the discriminator's gradients (R1), spectral norm of
its scoring layer, conditional augmentation, the deviation within a batch as a feature, an average
of the weights over a share of the budget, and the best model by its distance to validation sounds.
If training starts from a trained model, the snapshot that is evaluated and kept lies halfway
between that model and the average of the weights.

References:
    Wortsman et al., "Robust fine-tuning of zero-shot models", 2022 (weights halfway).
    Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2016.
    Karras et al., "Training generative adversarial networks with limited data", 2020.
    Karras et al., "Progressive growing of GANs", 2018 (the deviation within a batch).
    See `dgm_audio.nn.conditional_augmentation`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.families.gan.model import SpectrogramGAN
from dgm_audio.families.spectrogram import SpectrogramGenerator
from dgm_audio.families.spectrogram_training import SpectrogramObjective, SpectrogramTask
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.discriminator import SpectrogramDiscriminator, windows_for
from dgm_audio.objective import Losses, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ADVERSARIAL_START = 0.4
HALFWAY = 0.5
RECONSTRUCTED, ANCHOR = 4, 0.5
"""In the adversarial phase one of so many sounds is reconstructed, too, and has this weight."""


class GANObjective(SpectrogramObjective):
    """Losses of one batch."""

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Losses of reconstructions and, in the adversarial phase, new sounds from the prior."""
        model, adversarial = self.generator, progress >= self.adversarial_start
        first = rows = torch.arange(len(x), device=x.device)
        if adversarial:  # notes come in pairs of one instrument, from both halves of the batch
            half, pairs = len(x) // 2, max(1, len(x) // RECONSTRUCTED // 2)
            first = torch.cat([rows[:pairs], rows[half : half + pairs]])
        again = len(first)
        u, real = model.log_magnitude(x[first]), model.padded(x)
        known = self.condition(labels[first], None if pitch is None else pitch[first])
        code, kl = self.drawn_code(x[first], known)
        all_rows = torch.cat([first, rows]) if adversarial else first
        if adversarial:
            new = torch.randn(len(x), code.shape[1]).to(code)
            code = torch.cat([code, model.code_of_latent(new, labels)])
        controls = self.controls(
            code, self.condition(labels[all_rows], None if pitch is None else pitch[all_rows])
        )
        made, own = self.render(controls), controls.first(again)
        terms = {
            "log_magnitude": (u - own.log_magnitude()).abs().mean(),
            "energy": self.weighted_energy(real[first], made[:again], self.render(own)),
            "kl": self.weighted_kl(kl, progress),
        }
        weight = ANCHOR if adversarial else 1.0
        return Losses(
            terms={name: weight * term for name, term in terms.items()},
            report={"kl_nats": float(kl.detach())},
            real=real,
            fake=made[again:],
            labels=labels if model.config.classes else None,
            fake_labels=labels if model.config.classes else None,
        )


class GANTask(SpectrogramTask):
    """The spectrogram GAN's size follows the clips: their length, rate and classes."""

    penalised = watched = True
    horizon = 0.1

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        config = self.config_for(clips)
        self.objective = GANObjective(SpectrogramGAN(config), mixed, ADVERSARIAL_START)
        self.begun_with: SpectrogramGenerator | None = None
        if start is not None:
            self.anew = take_weights(self.objective.generator, start)
            self.objective.adversarial_start = self.objective.kl_ramp = 0.0
            self.begun_with = deepcopy(self.objective.generator)
        self.discriminator = SpectrogramDiscriminator(
            config.sample_rate, len(config.classes), windows=windows_for(config.length), few=True
        )

    @torch.no_grad()
    def snapshot(self, average: AudioGenerator, clips: ClipSet) -> AudioGenerator:
        """The weights halfway back to the model that training started from, if there was one.

        Weights that were not taken from that model stay as they are.
        """
        if self.begun_with is None:
            return average
        halfway = deepcopy(average)
        origin = dict(self.begun_with.to(average.device).named_parameters())
        for name, weight in halfway.named_parameters():
            if name not in self.anew:
                weight.lerp_(origin[name], HALFWAY)
        self.settle(halfway, clips)
        return halfway
