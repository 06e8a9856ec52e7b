"""Training a VAE of long recordings on pieces of them, then its prior on long stretches of codes.

    levels      w |u - log E|X|(h)| + beta sum_d max(KL_d, free bits) - log p(h) / D
    sound       the same + 2 E(x; y, y') + E(bands of x; bands of y, y'),  then a discriminator, too
    stretches   - log p(h) / D only: encoder and decoder stay as they are

u are the levels of a piece (see `StreamVAE.elbo`); w weights octaves equally. A new model starts
from the principal components of the levels: encoder and decoder are fixed linear maps plus networks
that learn the rest. y and y' are two renderings of one sequence of codes with different noise. The
prior is trained from the first step on, but pieces do not show it dependencies that are longer than
they are; hence the last part.

References:
    See `dgm_audio.families.vae_stream.model`; Kingma et al., "Improved variational inference with
    inverse autoregressive flow", 2016 (free bits).
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.data.augment import SPEED
from dgm_audio.data.excerpts import Excerpts
from dgm_audio.families.spectrogram_training import ENERGY_WEIGHT
from dgm_audio.families.vae_stream.config import StreamConfig
from dgm_audio.families.vae_stream.model import StreamVAE
from dgm_audio.families.vae_stream.network import MAGNITUDE_FLOOR
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.causal import History
from dgm_audio.nn.discriminator import SpectrogramDiscriminator
from dgm_audio.nn.spectral_distance import SpectralEnergyDistance
from dgm_audio.nn.stream_head import StreamControls
from dgm_audio.objective import Losses, Objective, Task, cosine_rate, ramp, take_weights
from dgm_audio.signal.pqmf import PQMF

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

SOUND_START, ADVERSARIAL_START, PRIOR_START = 0.3, 0.55, 0.8
KL_WEIGHT, KL_RAMP, FREE_BITS = 3e-4, 0.2, 0.05
"""Free bits: nats per dimension of a code that cost nothing."""
PIECE, STRETCH = 64, 400
"""Codes of a piece (1.5 s at 44.1 kHz), and of a stretch that the prior learns from."""
WINDOWS, BANDS, BAND_WINDOWS = (4096, 2048, 1024, 512, 256, 128), 8, (256, 128, 64)
QUIET = 1e-3
"""Mean magnitude of a piece below which errors count less; a fourth of music lies below it."""
ANALYSED = 160
"""Pieces from whose principal components a new model starts."""
MEASURED = 16
"""Clips from which the axes of the codes and the scale of the levels' errors are estimated."""


class StreamObjective(Objective):
    """Losses of one batch.

    Args:
        generator: the model.
        mixed: run its networks in bfloat16.
        clips: the training clips, on whose codes the prior is trained in the last part.
    """

    generator: StreamVAE
    octaves: Tensor
    adversarial_start = ADVERSARIAL_START
    adversarial_end = PRIOR_START

    def __init__(self, generator: StreamVAE, mixed: bool, clips: ClipSet) -> None:
        super().__init__()
        self.generator, self.mixed, self.clips = generator, mixed, clips
        self.energy = SpectralEnergyDistance(WINDOWS, QUIET)
        self.bank = PQMF(BANDS)
        self.band_energy = SpectralEnergyDistance(BAND_WINDOWS, QUIET / 3)
        self.kl_ramp, self.sound_start = KL_RAMP, SOUND_START
        weight = 1 / (torch.arange(generator.head.bins) / generator.config.n_fft + 0.005)
        self.register_buffer("octaves", weight / weight.mean(), persistent=False)
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
            mean, log_variance = model.encode_with_history(x, History())
        mean, log_variance = mean[:, :, model.delay :], log_variance[:, :, model.delay :]
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.mixed):
            controls = model.controls(code, History())
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean((0, 2))
        losses = Losses(
            terms={
                "levels": self.level_distance(x, controls),
                "kl": KL_WEIGHT * ramp(progress, 0, self.kl_ramp) * kl.clamp_min(FREE_BITS).sum(),
                "prior": self.prior_loss(code.detach()),
            },
            report={"kl_nats": float(kl.detach().sum())},
        )
        if progress >= self.sound_start:
            self._compare_sounds(losses, x, controls)
        return losses

    def level_distance(self, x: Tensor, controls: StreamControls) -> Tensor:
        """Mean |difference| of log-magnitudes, in nepers, with equal weight per octave."""
        levels = self.generator.levels_of_codes(x).flatten(1, 2)
        expected = self.generator.head.log_magnitude(controls)
        floor = math.log(MAGNITUDE_FLOOR)
        return ((expected.clamp_min(floor) - levels).abs() * self.octaves).mean()

    def _compare_sounds(self, losses: Losses, x: Tensor, controls: StreamControls) -> None:
        """Add the losses of the waveform, beside those of its levels."""
        model = self.generator
        # the first windows of a piece lack the audio before it
        complete = slice(model.delay * model.hop, PIECE * model.hop)
        real = x[:, :, complete].flatten(0, 1)
        harmonic = model.head.harmonic(controls, History())
        first, second = (self.rendered(harmonic, controls, complete) for _ in range(2))
        losses.terms["energy"] = ENERGY_WEIGHT * self.energy.some(real, first, second, 2)
        losses.terms["band_energy"] = 0.5 * ENERGY_WEIGHT * self.in_bands(real, first, second)
        channels = model.config.channels  # the discriminator gets one of them
        one = torch.randint(channels, (len(x),), device=x.device)
        rows = channels * torch.arange(len(x), device=x.device) + one
        losses.real, losses.fake, losses.paired = real[rows], first[rows], len(rows)

    def rendered(self, harmonic: Tensor, controls: StreamControls, part: slice) -> Tensor:
        """A part (B * C, T) of the sound, with new noise every time."""
        white = torch.randn_like(harmonic)
        with torch.autocast(harmonic.device.type, torch.bfloat16, enabled=self.mixed):
            noise = self.generator.head.noise(controls, white, History())
        return (harmonic + noise.float())[:, :, part].flatten(0, 1)

    def in_bands(self, real: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The energy distance of the sounds' bands (N, T), each at its own level."""
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
        usual = int(np.median([mean.shape[1] for mean, _ in self._codes])) - 1
        length = max(1, min(STRETCH, usual))
        long = [moments for moments in self._codes if moments[0].shape[1] >= length]
        drawn = []
        for row in np.concatenate([self.rows, self.rows + len(long) // 2]):
            mean, log_variance = long[row % len(long)]
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
        """As `posterior`, of any model and clips; in float32, as the results are kept."""
        x = clips.tensor([row])[:, :, : int(clips.lengths[row])].to(device)
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
        if start is None:
            self._start(self.objective.generator, clips)
        else:
            take_weights(self.objective.generator, start)
            self.objective.adversarial_start = self.objective.kl_ramp = 0.0
            self.objective.sound_start = 0.0
        self.discriminator: nn.Module = SpectrogramDiscriminator(config.sample_rate)
        model = self.objective.generator
        for line in (model.encoder.line, model.decoder.line):
            line.requires_grad_(False)  # steps that suit the networks would scatter them
        piece = (PIECE + model.delay) * model.hop
        self.crop = PIECE * model.hop
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

    @torch.no_grad()
    def _start(self, model: StreamVAE, clips: ClipSet) -> None:
        """Set the linear parts of a new model to principal components of levels."""
        length = (PIECE + model.delay) * model.hop
        rows = np.linspace(0, len(clips) - 1, ANALYSED).round().astype(int)
        pieces = Excerpts(clips, length).tensor(rows, seed=0).split(8)
        levels = torch.cat([model.levels_of_codes(part).flatten(0, 1) for part in pieces])
        weight = self.objective.octaves.sqrt()
        apart = ((levels - levels.mean((0, 1, 2))) * weight).flatten(1)
        size = min(model.config.latent, *apart.shape)
        basis = torch.svd_lowrank(apart, min(size + 16, *apart.shape), niter=4)[2][:, :size]
        missing = model.config.latent - size
        basis = torch.cat([basis, 1e-3 * torch.randn(len(basis), missing)], dim=1)
        model.start_from(levels, basis, weight)

    def sounds(self, clips: ClipSet, rows: np.ndarray, seed: int) -> Tensor:
        """Pieces of the recordings that begin anywhere."""
        return self._excerpts.tensor(rows, seed)

    def rate_factor(self, progress: float) -> float:
        """Two cosine schedules: one for encoder and decoder, one for the prior that follows."""
        if progress < PRIOR_START:
            return cosine_rate(progress / PRIOR_START)
        return cosine_rate((progress - PRIOR_START) / (1 - PRIOR_START))

    @torch.no_grad()
    def fit_prior(self, generator: AudioGenerator, clips: ClipSet) -> None:
        """Find the axes of the codes, and how far decoded levels are from real ones."""
        assert isinstance(generator, StreamVAE)
        rows = np.linspace(0, len(clips) - 1, min(MEASURED, len(clips))).round().astype(int)
        found = [self.objective.moments(generator, clips, row, generator.device) for row in rows]
        means, log_variances = (torch.cat(part, dim=1).T for part in zip(*found, strict=True))
        generator.order_axes(means.to(generator.device), log_variances.to(generator.device))
        gaps = []
        for row, (mean, _) in zip(rows, found, strict=True):
            x = clips.tensor([row])[:, :, : int(clips.lengths[row])].to(generator.device)
            made = generator.decode_clipped(mean[None].to(generator.device), History())
            gap = generator.levels(generator.padded(x)) - generator.levels(made)
            gaps.append(gap.abs().mean((0, 1, 2)))
        generator.log_scale.copy_(torch.stack(gaps).mean(0).clamp_min(1e-3).log())
