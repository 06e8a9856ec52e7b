"""One code per clip, decoded through a spectrogram: what the VAE and the GAN of one-shots share.

    x = head(frames(h, c), texture(z)),    h = mean_c + scale_c z,    z ~ N(0, I)

h is the code, in whatever coordinates training left it; a Gaussian per class, fitted to the codes
of the training clips after each stretch of training, maps z to it, so that z is standard normal and
decode(z, c) meets codes that the decoder knows. Texture (the noise part of a sound) is drawn from z
as well: decode stays a deterministic map. An encoder finds codes of sounds.

References:
    Ghosh et al., "From variational to deterministic autoencoders", 2020 (fitting the prior after).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import ConfigError
from dgm_audio.generator import AudioGenerator
from dgm_audio.nn.frames import FrameDecoder, SpectrogramEncoder
from dgm_audio.nn.istft_head import ISTFTHead
from dgm_audio.nn.texture import TextureNoise
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, LatentSpec

MAGNITUDE_FLOOR = 3e-3
"""Smallest STFT magnitude in the modelled representation: for a window of 1024 samples, in which a
full-scale sine has 256, it lies at -99 dB."""
PRIOR_SHRINKAGE = 16
"""So many clips weigh as much in the covariance of a class as all other classes do."""


@dataclass(frozen=True)
class SpectrogramConfig:
    """Sizes of a `SpectrogramGenerator`; frames = length / hop must be a multiple of 16.

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


class SpectrogramGenerator(AudioGenerator):
    """An STFT encoder and an ISTFT decoder around one code per clip (see the module)."""

    config_class = SpectrogramConfig
    prior_mean: Tensor
    prior_scale: Tensor

    def __init__(self, config: SpectrogramConfig) -> None:
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
        count = max(classes, 1)
        self.register_buffer("prior_mean", torch.zeros(count, config.latent))
        self.register_buffer("prior_scale", torch.eye(config.latent).repeat(count, 1, 1))

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        flat = z[:, :, 0]
        code = self.code_of_latent(flat, self.labels(condition, len(z)))
        x = self.head(self.frames(code, condition), self.texture(flat))
        return x[:, None, :length].clamp(-1, 1)

    # --- the parts that training uses ----------------------------------------------------------

    def log_magnitude(self, x: Tensor) -> Tensor:
        """u = log(max(|STFT(x)|, 0.003)) (B, F, L) of audio (B, 1, T), padded to a full clip."""
        return self.head.stft(self.padded(x).float()).abs().clamp_min(MAGNITUDE_FLOOR).log()

    def padded(self, x: Tensor) -> Tensor:
        """Audio (B, length) of audio (B, 1, T), T <= length, with silence at the end."""
        return F.pad(x[:, 0], (0, self.config.length - x.shape[2]))

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

    def standard_kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """KL(q(h | x) || N(0, I)) in nats per clip (B,), which training keeps small."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    def labels(self, condition: dict[str, Tensor], batch: int) -> Tensor:
        """Class indices (B,); zeros if there are no classes."""
        if self.condition:
            return condition["class"]
        return torch.zeros(batch, dtype=torch.long, device=self.device)

    # --- the prior -----------------------------------------------------------------------------

    def code_of_latent(self, z: Tensor, labels: Tensor) -> Tensor:
        """h = mean_c + scale_c z, (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return mean + (scale @ z.float()[:, :, None])[:, :, 0]

    def latent_of_code(self, code: Tensor, labels: Tensor) -> Tensor:
        """z = scale_c^-1 (h - mean_c), (B, D)."""
        scale, mean = self.prior_scale[labels].float(), self.prior_mean[labels].float()
        return torch.linalg.solve_triangular(scale, (code - mean)[:, :, None], upper=False)[:, :, 0]

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
