"""A toy vocoder, a toy model of mels, and a sound that is a little like speech."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.griffin_lim import linear_magnitudes
from dgm_audio.signal.mel import LogMel, MelSpec
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, Frames, LatentSpec

RATE = 16000
SPEC = MelSpec(RATE)
SMALL = MelSpec(RATE, n_fft=256, hop=64, n_mels=20)


@dataclass(frozen=True)
class ToyVocoderConfig:
    mel: MelSpec = field(default_factory=lambda: SMALL)
    channels: int = 1
    max_length: int | None = None


class ToyVocoder(AudioGenerator):
    """Noise in, shaped frame by frame to the magnitudes of the mel: phases stay those of z."""

    family = "toy-vocoder"
    config_class = ToyVocoderConfig

    def __init__(self, config: ToyVocoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ToyVocoderConfig()
        self.audio = AudioSpec(config.mel.sample_rate, config.channels, 2048, config.max_length)
        self.latent = LatentSpec(1, hop=1)
        self.condition = ConditionSpec({"mel": Frames.of_mel(config.mel)})
        self.front = LogMel(config.mel)
        self.gain = nn.Parameter(torch.ones(()))

    def mel(self, x: Tensor) -> Tensor:
        return self.front(self._check_audio(x)[:, 0])

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        spec, window = self.config.mel, self.front.window.float()
        stft = {"n_fft": spec.n_fft, "hop_length": spec.hop, "window": window}
        noise = torch.stft(z[:, 0].float(), **stft, pad_mode="constant", return_complex=True)
        size = linear_magnitudes(condition["mel"].float().exp(), self.front.filters.float())
        size = torch.cat([size, size[..., -1:]], dim=2)[..., : noise.shape[2]]
        phased = size * noise / noise.abs().mean(1, keepdim=True).clamp_min(1e-9)
        x = self.gain * torch.istft(phased, **stft, length=length)
        return x.clamp(-1, 1)[:, None].expand(-1, self.config.channels, -1)


@dataclass(frozen=True)
class ToyMelsConfig:
    mel: MelSpec = field(default_factory=lambda: SMALL)
    codes: int = 32
    hop: int | None = 256
    length: int = 2048
    classes: tuple[str, ...] = ("low", "high")


class ToyMels(nn.Module):
    """Mels that are a linear function of the latents: a model of the kind `MakesMels`."""

    def __init__(self, config: ToyMelsConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ToyMelsConfig()
        self.mel_spec = config.mel
        longest = config.length if config.hop is None else None
        self.audio = AudioSpec(config.mel.sample_rate, 1, config.length, longest)
        self.latent = LatentSpec(config.codes, config.hop)
        self.condition = ConditionSpec({"class": Classes(config.classes)})
        rng = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(
            torch.randn(config.mel.n_mels, config.codes, generator=rng) / config.codes**0.5
        )

    def decode_mel(self, z: Tensor, condition, *, length: int) -> Tensor:
        frames = 1 + length // self.mel_spec.hop
        mel = 0.5 * self.weight @ z - 4 + condition["class"].to(z.dtype)[:, None, None]
        step = -(-frames // z.shape[2])
        return mel.repeat_interleave(step, dim=2)[..., :frames]


def voice(seconds: float, pitch: float = 120.0, seed: int = 0) -> Tensor:
    """Audio (1, T): a buzz of harmonics that glides and pauses, with a little noise."""
    time = torch.arange(int(seconds * RATE)) / RATE
    phase = 2 * math.pi * pitch * (time + 0.05 * torch.sin(5 * time))
    buzz = sum(torch.sin(k * phase) / k for k in range(1, 20))
    loud = (torch.sin(2 * math.pi * 1.5 * time) > -0.3).float()
    smooth = torch.nn.functional.avg_pool1d(loud[None], 401, 1, 200)[0]
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    return (0.15 * buzz * smooth + 0.002 * noise)[None].clamp(-1, 1)
