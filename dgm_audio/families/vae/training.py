"""Training a spectrogram VAE: likelihood, spectral energy distance, then a discriminator.

    loss = -log p(u | h, c) / (F L) + 2 E(x; y, y') + beta KL(q(h | x) || N(0, I))

Only the first term is a density (see `SpectrogramVAE.elbo`); the second is the energy distance of
two renderings, the third has a weight far above that in the ELBO, for smooth codes. In the second
half of the budget a discriminator of reconstructions and of new sounds adds the losses of
`dgm_audio.training.steps.adversarial_step`.

References:
    Higgins et al., "beta-VAE", 2017 (the weight of the KL).
    Gritsenko et al., "A spectral energy distance for parallel speech synthesis", 2020.
    Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.families.spectrogram_training import SpectrogramObjective, SpectrogramTask
from dgm_audio.families.vae.model import SpectrogramVAE
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.discriminator import SpectrogramDiscriminator, windows_for
from dgm_audio.objective import Losses, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ADVERSARIAL_START = 0.5


class VAEObjective(SpectrogramObjective):
    """Losses of one batch."""

    generator: SpectrogramVAE

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Reconstructions, and new sounds from the prior for the discriminator."""
        model, batch = self.generator, len(x)
        u, real = model.log_magnitude(x), model.padded(x)
        code, kl = self.drawn_code(x, self.condition(labels, pitch))
        if progress >= self.adversarial_start:  # half as many again, from the prior
            new = torch.randn_like(code[: batch // 2])
            code = torch.cat([code, model.code_of_latent(new, labels[: batch // 2])])
        rows = torch.arange(len(code), device=x.device) % batch
        all_labels = labels[rows]
        controls = self.controls(
            code, self.condition(all_labels, None if pitch is None else pitch[rows])
        )
        fake, own = self.render(controls), controls.first(batch)
        likelihood = model.log_density(u, own.log_magnitude()).mean()
        return Losses(
            terms={
                "negative_log_likelihood": -likelihood / u[0].numel(),
                "energy": self.weighted_energy(real, fake[:batch], self.render(own)),
                "kl": self.weighted_kl(kl, progress),
            },
            report={"kl_nats": float(kl.detach())},
            real=real,
            fake=fake,
            labels=labels if model.config.classes else None,
            fake_labels=all_labels if model.config.classes else None,
            paired=batch,
        )


class VAETask(SpectrogramTask):
    """The spectrogram VAE's size follows the clips: their length, rate and classes."""

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        config = self.config_for(clips)
        self.objective = VAEObjective(SpectrogramVAE(config), mixed, ADVERSARIAL_START)
        if start is not None:
            take_weights(self.objective.generator, start)
            self.objective.adversarial_start = self.objective.kl_ramp = 0.0
        self.discriminator = SpectrogramDiscriminator(
            config.sample_rate, len(config.classes), windows=windows_for(config.length)
        )
