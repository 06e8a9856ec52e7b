"""Training a VAE of long recordings on pieces of them, then its prior on long stretches of codes.

    pieces      2 E(x; y, y') + 2 E(bands of x; y, y') / 2 + beta sum_d max(KL_d, free bits)
                - log p(h) / D,    with a discriminator in the second half
    stretches   - log p(h) / D only: encoder and decoder stay as they are

y and y' are two renderings of one sequence of codes with different noise. The prior learns from the
first step on, but from pieces it cannot learn what lasts longer than they do; hence the last part.

References:
    See `dgm_audio.families.vae.waveform`; Kingma et al., "Improved variational inference with
    inverse autoregressive flow", 2016 (free bits).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.data.excerpts import Excerpts
from dgm_audio.families.vae.waveform import StreamConfig, StreamVAE
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.causal import History
from dgm_audio.nn.discriminator import SpectrogramDiscriminator
from dgm_audio.nn.stream_head import StreamControls
from dgm_audio.signal.pqmf import PQMF
from dgm_audio.training.augment import SPEED
from dgm_audio.training.losses import SpectralEnergyDistance
from dgm_audio.training.schedule import cosine_rate, ramp
from dgm_audio.training.spectrogram import ENERGY_WEIGHT
from dgm_audio.training.task import Losses, Objective, Task, take_weights

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

ADVERSARIAL_START, PRIOR_START = 0.5, 0.8
KL_WEIGHT, KL_RAMP, FREE_BITS = 3e-4, 0.2, 0.05
"""Free bits: nats of each number of a code that cost nothing."""
PIECE, STRETCH = 64, 400
"""Codes of a piece (1.5 s at 44.1 kHz), and of a stretch that the prior learns from."""
WINDOWS, BANDS, BAND_WINDOWS = (4096, 2048, 1024, 512, 256, 128), 8, (256, 128, 64)
QUIET = 1e-3
"""Level of a band, -60 dB, below which it matters less and less."""
MEASURED = 16
"""Clips whose codes say which axes matter, and how far the model's levels are from real ones."""


class StreamObjective(Objective):
    """Losses of one batch.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        clips: the training clips, whose codes the prior learns at last.
    """

    generator: StreamVAE
    adversarial_start = ADVERSARIAL_START
    adversarial_end = PRIOR_START

    def __init__(self, generator: StreamVAE, mixed: bool, clips: ClipSet) -> None:
        super().__init__()
        self.generator, self.mixed, self.clips = generator, mixed, clips
        self.energy = SpectralEnergyDistance(WINDOWS)
        self.bank = PQMF(BANDS)
        self.band_energy = SpectralEnergyDistance(BAND_WINDOWS, QUIET)
        self.kl_ramp = KL_RAMP
        self._codes: list[tuple[Tensor, Tensor]] = []

    def forward(
        self, x: Tensor, labels: Tensor, progress: float, pitch: Tensor | None = None
    ) -> Losses:
        """Reconstructions of pieces (B, C, T); in the last part only the prior's likelihood."""
        model = self.generator
        if progress >= PRIOR_START:
            code = self.stretches(x.device)
            return Losses(terms={"prior": self.prior_loss(code)})
        x = x[:, :, : (PIECE + model.delay) * model.hop]
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            mean, log_variance = model.heeded(x, History())
        mean, log_variance = mean[:, :, model.delay :], log_variance[:, :, model.delay :]
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            controls = model.controls(code, History())
        # what the first windows of a piece lack would be in the windows before
        settled = slice(model.delay * model.hop, mean.shape[2] * model.hop)
        real = x[:, :, settled].flatten(0, 1)
        tones = model.head.tones(controls._replace(tonal=controls.tonal.float()), History())
        first, second = (self.rendered(tones, controls, settled) for _ in range(2))
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean((0, 2))
        return Losses(
            terms={
                "energy": ENERGY_WEIGHT * self.energy.some(real, first, second, 2),
                "band_energy": 0.5 * ENERGY_WEIGHT * self.in_bands(real, first, second),
                "kl": KL_WEIGHT * ramp(progress, 0, self.kl_ramp) * kl.clamp_min(FREE_BITS).sum(),
                "prior": self.prior_loss(code.detach()),
            },
            report={"kl_nats": float(kl.detach().sum())},
            **self.players(real, first),
        )

    def players(self, real: Tensor, made: Tensor) -> dict[str, Any]:
        """For the discriminator one channel of each piece, of sounds (B * C, T)."""
        channels = self.generator.config.channels
        heard = torch.randint(channels, (len(real) // channels,), device=real.device)
        rows = channels * torch.arange(len(heard), device=real.device) + heard
        return {"real": real[rows], "fake": made[rows], "paired": len(rows)}

    def rendered(self, tones: Tensor, controls: StreamControls, part: slice) -> Tensor:
        """A part (B * C, T) of the sound, with new noise every time."""
        with torch.autocast(tones.device.type, torch.bfloat16, enabled=self.mixed):
            breath = self.generator.head.breath(controls, torch.randn_like(tones), History())
        return (tones + breath.float())[:, :, part].flatten(0, 1)

    def in_bands(self, real: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The energy distance of the bands of sounds (N, T), each at its own level."""
        one, other, target = (
            self.bank.analysis(x[:, None]).flatten(0, 1) for x in (first, second, real)
        )
        return self.band_energy.some(target, one, other, 1)

    def prior_loss(self, code: Tensor) -> Tensor:
        """Negative log-likelihood of codes (B, D, L) in nats per number."""
        return -self.generator.prior.log_prob(code).mean() / code.shape[1]

    def stretches(self, device: torch.device) -> Tensor:
        """Codes (B, D, STRETCH) drawn from the posteriors of the clips of this step."""
        if not self._codes:
            self._codes = [self.posterior(row, device) for row in range(len(self.clips))]
        length = min(STRETCH, min(mean.shape[1] for mean, _ in self._codes))
        drawn = []
        for row in np.concatenate([self.rows, (self.rows + len(self._codes) // 2)]):
            mean, log_variance = self._codes[row % len(self._codes)]
            start = int(torch.randint(mean.shape[1] - length + 1, ()))
            part = slice(start, start + length)
            sigma = (0.5 * log_variance[:, part].float()).exp()
            drawn.append(mean[:, part] + sigma * torch.randn_like(sigma))
        return torch.stack(drawn).to(device)

    @torch.no_grad()
    def posterior(self, row: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (D, L) of the codes of a clip."""
        return self.moments(self.generator, self.clips, row, device)

    def moments(
        self, model: StreamVAE, clips: ClipSet, row: int, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """The same of any model's."""
        x = clips.tensor([row])[:, :, : int(clips.lengths[row])].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.mixed):
            mean, log_variance = model.posterior(model.padded(x))
        return mean[0].cpu(), log_variance[0].cpu()


class StreamTask(Task):
    """The stream VAE's rate and channels follow the recordings."""

    objective: StreamObjective
    batch = 8
    whole = True

    def __init__(self, clips: ClipSet, mixed: bool, start: AudioGenerator | None = None) -> None:
        config = self.config_for(clips)
        self.objective = StreamObjective(StreamVAE(config), mixed, clips)
        if len(clips.classes) > 1:
            print(f"vae-stream learns all {len(clips.classes)} classes as one", file=sys.stderr)
        if start is not None:
            take_weights(self.objective.generator, start)
            self.objective.adversarial_start = self.objective.kl_ramp = 0.0
        self.discriminator: nn.Module = SpectrogramDiscriminator(config.sample_rate)
        model = self.objective.generator
        piece = (PIECE + model.delay) * model.hop
        self._excerpts = Excerpts(clips, int(piece * (1 + SPEED)) + 2)

    def config_for(self, clips: ClipSet) -> StreamConfig:
        """Sizes for these clips."""
        hop = 512 if clips.sample_rate > 24000 else 256
        return StreamConfig(
            sample_rate=clips.sample_rate,
            channels=clips.audio.shape[1],
            length=clips.audio.shape[2],
            n_fft=4 * hop,
            hop=hop,
        )

    def sounds(self, clips: ClipSet, rows: np.ndarray, seed: int) -> Tensor:
        """Pieces of the recordings that begin anywhere."""
        return self._excerpts.tensor(rows, seed)

    def rate_factor(self, progress: float) -> float:
        """Falls twice: for encoder and decoder, and for the prior that follows."""
        if progress < PRIOR_START:
            return cosine_rate(progress / PRIOR_START)
        return cosine_rate((progress - PRIOR_START) / (1 - PRIOR_START))

    @torch.no_grad()
    def settle(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Find the axes of the codes, and how far decoded levels are from real ones."""
        assert isinstance(generator, StreamVAE)
        rows = np.linspace(0, len(clips) - 1, min(MEASURED, len(clips))).round().astype(int)
        found = [self.objective.moments(generator, clips, row, generator.device) for row in rows]
        means, log_variances = (torch.cat(part, dim=1).T for part in zip(*found, strict=True))
        generator.order_axes(means.to(generator.device), log_variances.to(generator.device))
        gaps = []
        for row, (mean, _) in zip(rows, found, strict=True):
            x = clips.tensor([row])[:, :, : int(clips.lengths[row])].to(generator.device)
            made = generator.heard(mean[None].to(generator.device), History())
            gap = generator.levels(generator.padded(x)) - generator.levels(made)
            gaps.append(gap.abs().mean((0, 1, 2)))
        generator.log_scale.copy_(torch.stack(gaps).mean(0).clamp_min(1e-3).log())
