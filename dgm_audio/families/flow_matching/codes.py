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

LEAST_VARIANCE = 1e-6
"""Added to the variances of codes, relative to their mean: few clips span few directions."""


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

    @torch.no_grad()
    def fit(self, codes: Tensor) -> None:
        """Take mean and covariance of codes (N, D, L)."""
        frames = codes.double().transpose(1, 2).flatten(0, 1)
        covariance = frames.T.cov(correction=0).reshape(self.channels, self.channels)
        least = LEAST_VARIANCE * covariance.diagonal().mean() + torch.finfo(torch.float32).tiny
        eye = torch.eye(self.channels, dtype=torch.float64, device=frames.device)
        self.mean.copy_(frames.mean(0))
        self.scale.copy_(torch.linalg.cholesky(covariance + least * eye))

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
            table = torch.tensor(config.heard_as, device=labels.device)
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

    def decode(self, y: Tensor, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, C, T) of y (B, D, L)."""
        blocks = self.autoencoder.blocks_of(iter([self.codes(y).to(self.mean.dtype)]), length)
        return torch.cat(list(blocks), dim=2)
