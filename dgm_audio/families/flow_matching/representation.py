"""What a flow models, and how it is heard: log-mel frames, or the codes of an autoencoder."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from dgm_audio.errors import ConfigError
from dgm_audio.families.flow.config import FlowConfig
from dgm_audio.families.flow.model import MEL_STEPS, InversionFlow
from dgm_audio.signal.full_scale import below_full_scale
from dgm_audio.specs import AudioSpec, LatentSpec

LEAST_SCALE = 1e-3
HEADROOM = 710 / 1024
"""Nepers, 6 dB, that the vocoder is given, so that what goes beyond full scale is lowered by us."""
Network = TypeVar("Network", bound=nn.Module)


class MelFrames(nn.Module):
    """Log-mel frames, standardised band by band, and the vocoder that makes them audible.

        y = (log mel(x) - mean) / scale,    x = vocoder(mean + scale y)

    Mels are rounded to 1/1024 neper, as the vocoder's are, so that its sound follows from them on
    every processor. A sound of T samples has L = ceil(T / hop) frames; where the vocoder takes one
    more, the last one holds.

    Args:
        config: of the vocoder, which is used at temperature 0.
        length: samples of a usual clip.
        longest: samples of the longest one.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: FlowConfig, length: int, longest: int) -> None:
        super().__init__()
        if config.temperature:
            raise ConfigError(f"config.vocoder.temperature is {config.temperature:g}; it must be 0")
        self.vocoder = frozen(InversionFlow(config))
        self.spec = config.mel
        self.channels = config.mel.n_mels
        self.audio = AudioSpec(config.mel.sample_rate, 1, length, longest)
        self.latent = LatentSpec(self.channels, config.mel.hop)
        self.register_buffer("mean", torch.zeros(self.channels))
        self.register_buffer("scale", torch.ones(self.channels))

    @torch.no_grad()
    def fit(self, mels: Tensor) -> None:
        """Take mean and deviation of frames (M, N)."""
        self.mean.copy_(mels.mean(1))
        self.scale.copy_(mels.std(1).clamp_min(LEAST_SCALE))

    def standardised(self, mel: Tensor) -> Tensor:
        """y (..., M, L) of log-mels."""
        return (mel - self.mean[:, None]) / self.scale[:, None]

    def encode(self, x: Tensor, condition: dict[str, Tensor] | None = None) -> Tensor:
        """y (B, M, L) of audio (B, 1, T), whatever the condition."""
        mel = self.vocoder.front(x[:, 0].float())[:, :, : self.latent.frames(x.shape[2])]
        return self.standardised(mel)

    def mel(self, y: Tensor, length: int) -> Tensor:
        """Log-mels (B, M, 1 + T // hop) of y (B, M, L) for T samples, float32."""
        mel = y.double() * self.scale[:, None].double() + self.mean[:, None].double()
        low, high = self.spec.range
        mel = mel.clamp(low, high)
        mel = (mel + ((mel * MEL_STEPS).round() / MEL_STEPS - mel).detach()).float()
        missing = 1 + length // self.spec.hop - mel.shape[2]
        whole = torch.cat([mel, mel[:, :, -1:].expand(-1, -1, max(0, missing))], dim=2)
        return whole.clamp(low, high)  # what was rounded may be above

    def decode(self, y: Tensor, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, 1, T) of y (B, M, L), whatever the latents and the condition."""
        silence = torch.zeros(len(y), 1, length, dtype=torch.float32, device=y.device)
        mel = (self.mel(y, length) - HEADROOM).clamp_min(self.spec.range[0])
        x = self.vocoder.decode(silence, {"mel": mel}, length=length)
        return below_full_scale(math.exp(HEADROOM) * x)


def frozen(module: Network) -> Network:
    """The module with buffers in place of its parameters: a part that is not trained."""
    for part in module.modules():
        for name, weight in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, weight.detach())
    return module
