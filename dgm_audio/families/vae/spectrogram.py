"""A variational autoencoder of one-shots: one code per clip, spectrogram in, waveform out.

    h ~ q(h | x) = N(mu(x), diag sigma(x)^2),    log|X| ~ Laplace(m(h, c), s),
    h = mean_c + scale_c z,    z ~ N(0, I)

The last line is the prior: a Gaussian per class, fitted to the codes of the training clips after
each stretch of training, so that z is standard normal and decode(z, c) meets codes that the
decoder knows. Texture (the noise part of a sound) is drawn from z as well: decode stays a
deterministic map. Interpolating z morphs the sound.

References:
    Kingma and Welling, "Auto-encoding variational Bayes", 2014.
    Ghosh et al., "From variational to deterministic autoencoders", 2020 (fitting the prior after).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.errors import ConfigError
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.convnext import ConvNeXtBlock, Downsample, Upsample
from dgm_audio.nn.istft_head import ISTFTHead
from dgm_audio.nn.texture import TextureNoise
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, LatentSpec

MAGNITUDE_FLOOR = 3e-3
"""Smallest STFT magnitude in the modelled representation: for a window of 1024 samples, in which a
full-scale sine has 256, it lies at -99 dB."""
PRIOR_SHRINKAGE = 16
"""So many clips weigh as much in the covariance of a class as all other classes do."""


@dataclass(frozen=True)
class SpectrogramVAEConfig:
    """Sizes of a `SpectrogramVAE`; frames = length / hop must be a multiple of 16.

    Args:
        sample_rate: in Hz.
        length: samples of a full clip; shorter sounds are padded with silence.
        classes: names of the classes; empty for an unconditional model.
        n_fft: STFT window in samples.
        hop: samples per frame.
        width: channels of the backbone.
        latent: D, numbers in a code.
        blocks: ConvNeXt blocks at 1/16, at 1/4 and at the full frame rate.
    """

    sample_rate: int = field(default=44100, metadata={"low": 1000, "high": 384000})
    length: int = field(default=65536, metadata={"low": 1024, "high": 2**24})
    classes: tuple[str, ...] = ()
    n_fft: int = field(default=1024, metadata={"low": 64, "high": 8192})
    hop: int = field(default=512, metadata={"low": 16, "high": 4096})
    width: int = field(default=192, metadata={"low": 8, "high": 2048})
    latent: int = field(default=64, metadata={"low": 1, "high": 4096})
    blocks: tuple[int, int, int] = (3, 6, 2)


class SpectrogramEncoder(nn.Module):
    """Log-magnitudes (N, F, L) -> mean and log-variance of the code, each (N, D)."""

    def __init__(self, bins: int, frames: int, width: int, latent: int) -> None:
        super().__init__()
        self.embed = nn.Linear(bins, width)
        self.stages = nn.Sequential(
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            Downsample(width, 4),
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            Downsample(width, 4),
            ConvNeXtBlock(width),
            ConvNeXtBlock(width),
            nn.LayerNorm(width),
        )
        self.code = nn.Linear(frames // 16 * width, 2 * latent)

    def forward(self, log_magnitude: Tensor) -> tuple[Tensor, Tensor]:
        """The log-variance is bounded to [-10, 4] nats."""
        tokens = self.embed(log_magnitude.transpose(1, 2) * 0.25)
        mean, raw = self.code(self.stages(tokens).flatten(1)).float().chunk(2, dim=1)
        return mean, raw.clamp(-10, 4)


class FrameDecoder(nn.Module):
    """Code and class (N, style) -> frames (N, L, width), from coarse to fine."""

    def __init__(self, style: int, frames: int, width: int, blocks: tuple[int, int, int]) -> None:
        super().__init__()
        self.start = nn.Linear(style, frames // 16 * width)
        self.style = nn.Sequential(nn.Linear(style, width), nn.GELU())
        self.position = nn.Parameter(0.02 * torch.randn(frames, width))
        coarse, middle, fine = (
            nn.ModuleList(ConvNeXtBlock(width, style_width=width) for _ in range(count))
            for count in blocks
        )
        self.coarse, self.middle, self.fine = coarse, middle, fine
        self.up_middle, self.up_fine = Upsample(width, 4), Upsample(width, 4)

    def forward(self, style: Tensor) -> Tensor:
        """(N, style) -> (N, L, width)."""
        tokens = self.start(style).unflatten(1, (len(self.position) // 16, -1))
        style = self.style(style)
        for block in self.coarse:
            tokens = block(tokens, style)
        tokens = self.up_middle(tokens)
        for block in self.middle:
            tokens = block(tokens, style)
        tokens = self.up_fine(tokens) + self.position
        for block in self.fine:
            tokens = block(tokens, style)
        return tokens


class SpectrogramVAE(AudioGenerator):
    """Variational autoencoder with an STFT encoder and an ISTFT decoder (see the module)."""

    family = "vae"
    config_class = SpectrogramVAEConfig
    prior_mean: Tensor
    prior_scale: Tensor

    def __init__(self, config: SpectrogramVAEConfig) -> None:
        super().__init__()
        self.config = config
        classes = len(config.classes)
        frames = config.length // config.hop
        if config.length % config.hop or frames % 16:
            raise ConfigError(
                f"config.length is {config.length}; it must be a multiple of 16 hops "
                f"({16 * config.hop} samples)"
            )
        self.audio = AudioSpec(config.sample_rate, 1, config.length, config.length)
        self.latent = LatentSpec(config.latent)
        self.condition = ConditionSpec({"class": Classes(config.classes)} if classes else {})
        self.head = ISTFTHead(config.width, config.n_fft, config.hop)
        self.encoder = SpectrogramEncoder(self.head.bins, frames, config.width, config.latent)
        self.decoder = FrameDecoder(config.latent + classes, frames, config.width, config.blocks)
        self.texture = TextureNoise(config.latent, config.length)
        self.log_scale = nn.Parameter(torch.zeros(self.head.bins))
        count = max(classes, 1)
        self.register_buffer("prior_mean", torch.zeros(count, config.latent))
        self.register_buffer("prior_scale", torch.eye(config.latent).repeat(count, 1, 1))

    # --- the interface -------------------------------------------------------------------------

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        flat = z[:, :, 0]
        code = self.code_of_latent(flat, self._labels(condition, len(z)))
        x = self.head(self.frames(code, condition), self.texture(flat))
        return x[:, None, :length].clamp(-1, 1)

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, 1) of audio (B, 1, T): the posterior mean, in prior coordinates.

        Sounds shorter than a clip are padded with silence at the end.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        mean, _ = self.posterior(self.log_magnitude(x))
        return self.latent_of_code(mean, self._labels(values, len(x)))[:, :, None]

    def elbo(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Lower bound of log p(u | c) in nats per clip, (B,), of a stated representation u.

        u = log(max(|STFT(x)|, 0.003)), F x L numbers per clip, with an independent Laplace density
        around m(h, c) and one learned scale per frequency bin. It is no bound on log p(x): phases
        are not part of u. One code is drawn per call (reparametrised).

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        u = self.log_magnitude(x)
        mean, log_variance = self.posterior(u)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        expected = self.head.controls(self.frames(code, values)).log_magnitude()
        labels = self._labels(values, len(x))
        return self.log_density(u, expected) - self.prior_kl(mean, log_variance, labels)

    # --- the parts that training uses ----------------------------------------------------------

    def log_magnitude(self, x: Tensor) -> Tensor:
        """The modelled representation u (B, F, L) of audio (B, 1, T), padded to a full clip."""
        x = F.pad(x[:, 0], (0, self.config.length - x.shape[2]))
        return self.head.stft(x.float()).abs().clamp_min(MAGNITUDE_FLOOR).log()

    def posterior(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D) of q(h | x)."""
        return self.encoder(u.to(self.dtype))

    def frames(self, code: Tensor, condition: dict[str, Tensor]) -> Tensor:
        """Backbone output (B, L, width) of codes (B, D)."""
        style = code
        if self.condition:
            one_hot = F.one_hot(condition["class"], len(self.config.classes))
            style = torch.cat([code, one_hot.to(code.dtype)], dim=1)
        return self.decoder(style.to(self.dtype))

    def log_density(self, u: Tensor, expected: Tensor) -> Tensor:
        """sum over f, l of log Laplace(u | expected, s_f), nats per clip (B,)."""
        log_scale = self.log_scale.float().clamp(-3, 3)[:, None]
        nats = -(u - expected).abs() * (-log_scale).exp() - log_scale - math.log(2)
        return nats.sum(dim=(1, 2))

    def standard_kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """KL(q(h | x) || N(0, I)) in nats per clip (B,), which training keeps small."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    # --- the prior -----------------------------------------------------------------------------

    def code_of_latent(self, z: Tensor, labels: Tensor) -> Tensor:
        """h = mean_c + scale_c z, (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return mean + (scale @ z.float()[:, :, None])[:, :, 0]

    def latent_of_code(self, code: Tensor, labels: Tensor) -> Tensor:
        """z = scale_c^-1 (h - mean_c), (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return torch.linalg.solve_triangular(scale, (code - mean)[:, :, None], upper=False)[:, :, 0]

    def prior_kl(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> Tensor:
        """KL(q(h | x) || p(h | c)) in nats per clip (B,), exact."""
        scale = self.prior_scale[labels].float()
        spread = torch.linalg.solve_triangular(
            scale, torch.diag_embed((0.5 * log_variance).exp()), upper=False
        )
        distance = self.latent_of_code(mean, labels)
        log_det = scale.diagonal(dim1=1, dim2=2).log().sum(1)
        moments = spread.square().sum((1, 2)) + distance.square().sum(1) - mean.shape[1]
        return 0.5 * (moments - log_variance.sum(1)) + log_det

    @torch.no_grad()
    def fit_prior(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> None:
        """Fit the Gaussian of each class to the aggregate posterior of the training clips.

        Covariances of classes with few clips are shrunk towards the pooled one, with weight
        16 / (16 + n_c).

        Args:
            mean: posterior means (N, D).
            log_variance: posterior log-variances (N, D).
            labels: class indices (N,); ignored by an unconditional model.
        """
        if not self.condition:
            labels = torch.zeros_like(labels)
        centre = torch.stack(
            [
                mean[labels == k].mean(0) if (labels == k).any() else mean.mean(0)
                for k in range(len(self.prior_mean))
            ]
        ).double()
        residual = mean.double() - centre[labels]
        pooled = residual.T @ residual / len(mean) + log_variance.double().exp().mean(0).diag()
        for k in range(len(self.prior_mean)):
            own = labels == k
            count = int(own.sum())
            covariance = pooled
            if count:
                scatter = residual[own].T @ residual[own] / count
                scatter = scatter + log_variance[own].double().exp().mean(0).diag()
                weight = PRIOR_SHRINKAGE / (PRIOR_SHRINKAGE + count)
                covariance = weight * pooled + (1 - weight) * scatter
            self.prior_mean[k] = centre[k]
            self.prior_scale[k] = torch.linalg.cholesky(covariance)

    def _labels(self, condition: dict[str, Tensor], batch: int) -> Tensor:
        if self.condition:
            return condition["class"]
        return torch.zeros(batch, dtype=torch.long, device=self.device)
