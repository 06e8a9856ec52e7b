"""Codes of an autoencoder as what a flow models: one per clip, or a sequence of them.

    y = scale^-1 (h - mean),    h: codes of the sound, white over all classes together

The flow learns how the classes differ, which a Gaussian for each does not know for classes with few
clips.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from dgm_audio.families.flow_matching.config import FlowMatchingConfig
from dgm_audio.families.flow_matching.representation import frozen
from dgm_audio.families.spectrogram import SpectrogramGenerator
from dgm_audio.families.vae_stream.model import StreamVAE
from dgm_audio.specs import AudioSpec, LatentSpec

KNOWN = 32
"""Shrinkage of the covariance: clips that weigh as much as the sounds of the autoencoder."""


class Codes(nn.Module):
    """Whitened codes (see the module); what makes them and hears them is not trained.

    Attributes:
        audio: specification of the sounds.
        latent: that of the codes.
    """

    mean: Tensor
    scale: Tensor
    audio: AudioSpec
    latent: LatentSpec

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.eye(channels))

    @abstractmethod
    def moments(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, L) of the codes of audio (B, C, T)."""

    @abstractmethod
    def decode(self, y: Tensor, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, C, T) of y (B, D, L); z (B, D, L) says how its noise falls."""

    def encode(self, x: Tensor, condition: dict[str, Tensor]) -> Tensor:
        """y (B, D, L) of the mean codes of audio (B, C, T)."""
        return self.whitened(self.moments(x, condition)[0])

    @abstractmethod
    def covariance(self) -> Tensor:
        """That of the codes (D, D) of the sounds that the autoencoder learned from, float64."""

    @torch.no_grad()
    def fit(self, codes: Tensor, clips: int) -> None:
        """Take mean and covariance of codes (N, D, L) of so many different clips.

        Few clips say little about 64 numbers: the covariance is shrunk towards the autoencoder's,
        with weight 32 / (32 + clips).
        """
        frames = codes.double().transpose(1, 2).flatten(0, 1)
        own = frames.T.cov(correction=0).reshape(self.channels, self.channels)
        known = KNOWN / (KNOWN + clips)
        self.mean.copy_(frames.mean(0))
        self.scale.copy_(torch.linalg.cholesky(known * self.covariance() + (1 - known) * own))

    def whitened(self, h: Tensor) -> Tensor:
        """y (B, D, L) of codes h (B, D, L)."""
        scale, mean = self.scale.to(h.dtype), self.mean.to(h.dtype)
        return torch.linalg.solve_triangular(scale, h - mean[:, None], upper=False)

    def codes(self, y: Tensor) -> Tensor:
        """Codes h (B, D, L) of y (B, D, L)."""
        return self.scale.to(y.dtype) @ y + self.mean.to(y.dtype)[:, None]


class ClipCodes(Codes):
    """The one code of a clip, of an autoencoder of one-shots.

    Args:
        config: of the model.
    """

    def __init__(self, config: FlowMatchingConfig) -> None:
        assert config.autoencoder is not None
        super().__init__(config.autoencoder.latent)
        self.config = config
        self.autoencoder = frozen(SpectrogramGenerator(config.autoencoder))
        self.audio, self.latent = self.autoencoder.audio, self.autoencoder.latent

    def moments(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, 1) of the codes of audio (B, 1, T)."""
        mean, log_variance = self.autoencoder.posterior(x, condition)
        return mean[:, :, None], log_variance[:, :, None]

    def covariance(self) -> Tensor:
        """Of the classes' Gaussians, each as often as the others."""
        means, scales = self.autoencoder.prior_mean.double(), self.autoencoder.prior_scale.double()
        away = means - means.mean(0)
        return (scales @ scales.mT).mean(0) + away.T @ away / len(means)

    def decode(self, y: Tensor, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, 1, T) of y (B, D, 1)."""
        code, noise = self.codes(y)[:, :, 0].float(), z[:, :, 0].float()
        return self.autoencoder.render(code, noise, self.heard_as(condition, len(y)), length)

    def heard_as(self, condition: dict[str, Tensor], batch: int) -> dict[str, Tensor]:
        """The autoencoder's condition for one of the model."""
        config, own = self.config, self.autoencoder.config
        heard = {name: value for name, value in condition.items() if name == "pitch"}
        if own.classes:
            labels = torch.zeros(batch, dtype=torch.long, device=self.mean.device)
            labels = condition[config.label] if config.classes else labels
            table = torch.tensor(config.heard_as, dtype=torch.long, device=labels.device)
            heard[own.label] = table[labels]
        return heard


class StreamCodes(Codes):
    """The sequence of codes of an autoencoder of recordings.

    Args:
        config: of the model.
    """

    def __init__(self, config: FlowMatchingConfig) -> None:
        assert config.stream is not None
        super().__init__(config.stream.latent)
        self.autoencoder = frozen(StreamVAE(config.stream))
        of = self.autoencoder.audio
        self.audio = AudioSpec(of.sample_rate, of.channels, config.length, config.longest)
        self.latent = self.autoencoder.latent

    def moments(self, x: Tensor, condition: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D, L) of the codes of audio (B, C, T)."""
        return self.autoencoder.posterior(self.autoencoder.padded(x))

    def covariance(self) -> Tensor:
        """Of the deviations along the axes."""
        spread = self.autoencoder.axes.double() * self.autoencoder.spread.double()[:, None]
        return spread.T @ spread

    def decode(self, y: Tensor, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, C, T) of y (B, D, L)."""
        blocks = self.autoencoder.blocks_of(iter([self.codes(y).to(self.mean.dtype)]), length)
        return torch.cat(list(blocks), dim=2)
