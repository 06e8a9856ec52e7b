"""Training a spectrogram VAE: likelihood, spectral energy distance, then a discriminator.

    loss = -log p(u | h, c) / (F L) + 2 E(x; y, y') + beta KL(q(h | x) || N(0, I))

Only the first term is a density (see `SpectrogramVAE.elbo`); the second is the energy distance of
two renderings, the third is weighted far above its share in the ELBO, so that codes stay smooth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae.spectrogram import SpectrogramVAE
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.discriminator import WINDOWS, SpectrogramDiscriminator
from dgm_audio.training.losses import SpectralEnergyDistance
from dgm_audio.training.schedule import ramp
from dgm_audio.training.task import Losses, Objective, Task, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ENERGY_WEIGHT = 2.0
KL_WEIGHT = 4e-4
KL_RAMP = 0.2
ADVERSARIAL_START = 0.5
WINDOWS_PER_STEP = 2
MIN_FRAMES = 16
"""A critic halves the frames four times; on fewer than these it has nothing to look at."""


class VAEObjective(Objective):
    """Losses of one batch.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
    """

    generator: SpectrogramVAE

    def __init__(self, generator: SpectrogramVAE, mixed: bool) -> None:
        super().__init__()
        self.generator = generator
        self.energy = SpectralEnergyDistance()
        self.mixed = mixed
        self.adversarial_start = ADVERSARIAL_START
        self.kl_ramp = KL_RAMP

    def forward(self, x: Tensor, labels: Tensor, progress: float) -> Losses:
        """Reconstructions, and new sounds from the prior for the discriminator."""
        model, batch = self.generator, len(x)
        u = model.log_magnitude(x)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            mean, log_variance = model.posterior(u)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        adversarial = progress >= self.adversarial_start
        if adversarial:  # half as many again, from the prior
            new = torch.randn_like(mean[: batch // 2])
            code = torch.cat([code, model.code_of_latent(new, labels[: batch // 2])])
        all_labels = torch.cat([labels, labels[: len(code) - batch]])
        condition = {"class": all_labels} if model.condition else {}
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            frames = model.frames(code, condition)
        controls = model.head.controls(frames.float())
        real = torch.nn.functional.pad(x[:, 0], (0, model.config.length - x.shape[2]))
        fake = model.head.synthesise(controls, torch.randn(len(code), *real.shape[1:]).to(x))
        own = controls.first(batch)
        again = model.head.synthesise(own, torch.randn_like(real))
        kl = model.standard_kl(mean, log_variance).mean()
        likelihood = model.log_density(u, own.log_magnitude()).mean()
        windows = torch.randperm(len(self.energy.distances))[:WINDOWS_PER_STEP].tolist()
        return Losses(
            terms={
                "negative_log_likelihood": -likelihood / u[0].numel(),
                "energy": ENERGY_WEIGHT * self.energy(real, fake[:batch], again, windows),
                "kl": KL_WEIGHT * ramp(progress, 0, self.kl_ramp) * kl,
            },
            report={"kl_nats": float(kl.detach())},
            real=real,
            fake=fake,
            labels=labels if model.condition else None,
            fake_labels=all_labels if model.condition else None,
        )


class VAETask(Task):
    """The spectrogram VAE's size follows the clips: their length, rate and classes."""

    width = 192

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        classes = clips.classes if len(clips.classes) > 1 else ()
        hop = 512 if clips.sample_rate > 24000 else 256  # about 12 ms
        length = -(-clips.audio.shape[2] // (16 * hop)) * 16 * hop
        config = SpectrogramConfig(
            sample_rate=clips.sample_rate,
            length=length,
            classes=classes,
            n_fft=2 * hop,
            hop=hop,
            width=self.width,
        )
        self.mixed = mixed
        self.objective = VAEObjective(SpectrogramVAE(config), mixed)
        if start is not None:
            take_weights(self.objective.generator, start)
            self.objective.adversarial_start = self.objective.kl_ramp = 0.0
        windows = [window for window in WINDOWS if length >= MIN_FRAMES * window // 2]
        self.discriminator = SpectrogramDiscriminator(len(classes), windows=windows)

    @torch.no_grad()
    def settle(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Fit the prior to the codes of the training clips."""
        assert isinstance(generator, SpectrogramVAE)
        moments = []
        for start in range(0, len(clips), 32):
            x = clips.tensor(range(start, min(start + 32, len(clips)))).to(generator.device)
            with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
                moments.append(generator.posterior(generator.log_magnitude(x)))
        mean, log_variance = (torch.cat(part) for part in zip(*moments, strict=True))
        generator.fit_prior(mean, log_variance, torch.as_tensor(clips.labels).to(mean.device))
