"""The parts of training that the VAE and the GAN of spectrograms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dgm_audio.families.spectrogram import SpectrogramConfig, SpectrogramGenerator
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.istft_head import Controls
from dgm_audio.nn.spectral_distance import WINDOWS, SpectralEnergyDistance
from dgm_audio.objective import Objective, Task, ramp
from dgm_audio.specs import Scalar

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ENERGY_WEIGHT = 2.0
KL_WEIGHT = 4e-4
KL_RAMP = 0.2
WINDOWS_PER_STEP = 2
LONGEST = 4096
"""Samples of a window that resolves the harmonics of low notes, where there is a pitch."""
SWAPPED = 0.5
"""Share of pairs of notes that are decoded with each other's code."""
MOST_FITTED = 2000


class SpectrogramObjective(Objective):
    """Codes of sounds, sounds of codes, and their losses.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        adversarial_start: share of the budget after which there is a discriminator.
    """

    generator: SpectrogramGenerator

    def __init__(
        self, generator: SpectrogramGenerator, mixed: bool, adversarial_start: float
    ) -> None:
        super().__init__()
        self.generator, self.mixed = generator, mixed
        longer = (LONGEST,) if generator.config.pitches else ()
        self.energy = SpectralEnergyDistance(longer + WINDOWS)
        self.adversarial_start = adversarial_start
        self.kl_ramp = KL_RAMP

    def condition(self, labels: Tensor, pitch: Tensor | None) -> dict[str, Tensor]:
        """The condition of class indices (N,) and MIDI numbers (N,)."""
        config = self.generator.config
        known = {config.label: labels} if config.classes else {}
        return known | ({} if pitch is None else {"pitch": pitch})

    def drawn_code(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """A code (N, D) drawn from the posterior of audio (N, 1, T), and its mean KL to N(0, I).

        Of notes, whose halves are pairs of one instrument (see `order.partnered`), half of the
        pairs exchange codes: so the pitch, which is a condition, is not encoded.
        """
        model = self.generator
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            mean, log_variance = model.posterior(x, condition)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        if model.pitch is not None and len(code) > 1:
            half = len(code) // 2
            changes = (torch.rand(half, 1) < SWAPPED).to(code.device)
            one, other = code[:half], code[half : 2 * half]
            mixed = torch.where(changes, other, one), torch.where(changes, one, other)
            code = torch.cat([*mixed, code[2 * half :]])
        return code, model.standard_kl(mean, log_variance).mean()

    def controls(self, code: Tensor, condition: dict[str, Tensor]) -> Controls:
        """The head's curves for codes (N, D)."""
        model = self.generator
        with torch.autocast(code.device.type, torch.bfloat16, enabled=self.mixed):
            frames = model.frames(code, condition)
        return model.head.controls(frames.float(), model.harmonics(condition))

    def render(self, controls: Controls) -> Tensor:
        """Audio (N, length), with new noise every time."""
        noise = torch.randn(len(controls.tonal), self.generator.config.length)
        return self.generator.head.synthesise(controls, noise.to(controls.tonal))

    def weighted_energy(self, real: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy distance of two renderings to the real sounds, at some of the windows."""
        return ENERGY_WEIGHT * self.energy.some(real, first, second, WINDOWS_PER_STEP)

    def weighted_kl(self, kl: Tensor, progress: float) -> Tensor:
        """The KL with a weight far above that in the ELBO, for smooth codes."""
        return KL_WEIGHT * ramp(progress, 0, self.kl_ramp) * kl


class SpectrogramTask(Task):
    """The model's size follows the clips: their length, rate and classes."""

    objective: SpectrogramObjective
    width = 192

    def config_for(self, clips: ClipSet) -> SpectrogramConfig:
        """Sizes for these clips."""
        hop = 512 if clips.sample_rate > 24000 else 256  # about 12 ms
        pitch = clips.condition_spec.fields.get("pitch")
        return SpectrogramConfig(
            sample_rate=clips.sample_rate,
            length=-(-clips.audio.shape[2] // (16 * hop)) * 16 * hop,
            classes=clips.classes if len(clips.classes) > 1 else (),
            label=clips.label_name,
            pitches=(pitch.low, pitch.high) if isinstance(pitch, Scalar) else (),
            n_fft=2 * hop,
            hop=hop,
            width=self.width,
        )

    @torch.no_grad()
    def fit_prior(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Fit the prior to the codes of the training clips."""
        assert isinstance(generator, SpectrogramGenerator)
        moments = []
        device, clips = generator.device, clips.subset(np.arange(0, len(clips), self.stride(clips)))
        for start in range(0, len(clips), 32):
            rows = range(start, min(start + 32, len(clips)))
            x, known = clips.tensor(rows).to(device), clips.condition(rows)
            known = {name: values.to(device) for name, values in known.items()}
            moments.append(generator.posterior(x, known))  # in float32, since it stays
        mean, log_variance = (torch.cat(part) for part in zip(*moments, strict=True))
        generator.fit_prior(mean, log_variance, torch.as_tensor(clips.labels).to(mean.device))

    def stride(self, clips: ClipSet) -> int:
        """The step between clips to which a prior is fitted, 1 unless the set is large."""
        return max(1, len(clips) // MOST_FITTED)
