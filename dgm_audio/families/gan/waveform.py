"""An adversarial generator of one-shots in the time domain: bands of a waveform, no spectrogram.

    x = synthesis(exp(g) u + exp(b) texture(z)),    (u, g, b) = pyramid(h, c)
    h = mean_c + scale_c z,    z ~ N(0, I)
    min over D  E max(0, 1 - D(x, c)) + E max(0, 1 + D(G(z, c), c)),    min over G  -E D(G(z, c), c)

A pyramid of convolutions goes from a few frames up to the rate of a filter bank's bands; the filter
bank puts the waveform together. Every step up is a windowed sinc, so that no images are heard. G is
implicit: there is no density, and no encoder; `encode` finds a sound's latent by optimisation.

References:
    Goodfellow et al., "Generative adversarial nets", 2014.
    Lim and Ye, "Geometric GAN" (the hinge), 2017.
    Donahue et al., "Adversarial audio synthesis" (WaveGAN), 2019.
    Karras et al., "A style-based generator architecture for generative adversarial networks", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.errors import ConfigError
from dgm_audio.families.class_prior import ClassPriorGenerator
from dgm_audio.inversion import invert, separately
from dgm_audio.nn.texture import TextureNoise
from dgm_audio.nn.wave import WavePyramid
from dgm_audio.signal.full_scale import below_full_scale
from dgm_audio.signal.pqmf import PQMF
from dgm_audio.specs import AudioSpec, Classes, Condition, ConditionSpec, LatentSpec

FACTOR = 4
"""Between the rates of two scales."""


@dataclass(frozen=True)
class WaveformGANConfig:
    """Sizes of a `WaveformGAN`; length is a multiple of bands * 4^(scales - 1).

    Args:
        sample_rate: in Hz.
        length: samples of a full clip; shorter sounds are padded with silence.
        classes: names of the classes; empty for an unconditional model.
        label: what the class is called as a condition.
        latent: D, numbers in a code.
        bands: of the filter bank, even; its design takes a time that grows with their cube.
        style: channels of the vector that modulates the blocks.
        widths: channels of the scales, from coarse to fine, each at four times the rate of the one
            before; the last one at that of the bands.
        blocks: of each scale.
        textured: whether there is noise, which z decides.
    """

    sample_rate: int = field(default=44100, metadata={"low": 1000, "high": 384000})
    length: int = field(default=65536, metadata={"low": 256, "high": 2**24})
    classes: tuple[str, ...] = ()
    label: str = "class"
    latent: int = field(default=64, metadata={"low": 1, "high": 4096})
    bands: int = field(default=64, metadata={"low": 2, "high": 64})
    style: int = field(default=128, metadata={"low": 1, "high": 4096})
    widths: tuple[int, ...] = (256, 192, 128, 96)
    blocks: tuple[int, ...] = (2, 2, 2, 1)
    textured: bool = True


class WaveformGAN(ClassPriorGenerator):
    """Adversarial generator in the time domain (see the module)."""

    family = "gan-waveform"
    config_class = WaveformGANConfig

    def __init__(self, config: WaveformGANConfig) -> None:
        super().__init__()
        self.config = config
        _check(config)
        classes, frames = len(config.classes), config.length // config.bands
        self.audio = AudioSpec(config.sample_rate, 1, config.length, config.length)
        self.latent = LatentSpec(config.latent)
        self.condition = ConditionSpec({config.label: Classes(config.classes)} if classes else {})
        self.style = nn.Sequential(
            nn.Linear(config.latent + classes, config.style),
            nn.GELU(),
            nn.Linear(config.style, config.style),
        )
        self.pyramid = WavePyramid(
            config.style,
            frames,
            config.widths,
            config.blocks,
            FACTOR,
            config.bands,
            config.textured,
        )
        self.texture = TextureNoise(config.latent, config.length) if config.textured else None
        self.bank = PQMF(config.bands)
        self.set_up_prior(classes, config.latent)

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        flat = z[:, :, 0]
        labels = self.labels(condition, len(z))
        style = self.styled(self.code_of_latent(flat, labels), labels)
        noise = None if self.texture is None else self.texture(flat)
        x = self.rendered_by_parts(self.pyramid(style), style, noise)
        return below_full_scale(x[:, None])[:, :, :length]

    def encode(self, x: Tensor, condition: Condition = None) -> Tensor:
        """Latent (B, D, 1) of audio (B, 1, T) by optimisation from z = 0.

        Deterministic; some seconds per sound on one CPU core; without gradients. Sounds shorter
        than a clip are padded with silence at the end.

        Raises:
            InputError: if the audio or the condition is not allowed.
        """
        x = self._check_audio(x)
        values = self._check_condition(condition, len(x))
        return separately(self._inverted, x, values)[:, :, None]

    def _inverted(self, x: Tensor, condition: dict[str, Tensor]) -> Tensor:
        """The latent (1, D) of one sound (1, 1, T)."""

        def decode(z: Tensor) -> Tensor:
            made = self._decode(z[:, :, None].to(self.dtype), condition, self.config.length)
            return made[:, 0].float()

        start = x.new_zeros(1, self.config.latent)
        return invert(decode, self.padded(x), start)

    # --- the parts that training uses ----------------------------------------------------------

    def padded(self, x: Tensor) -> Tensor:
        """Audio (B, length) of audio (B, 1, T), T <= length, with silence at the end."""
        return F.pad(x[:, 0], (0, self.config.length - x.shape[2]))

    def styled(self, code: Tensor, labels: Tensor) -> Tensor:
        """Style (B, S) of codes (B, D) and class indices (B,)."""
        known = [code.to(self.dtype)]
        if self.config.classes:
            known.append(F.one_hot(labels, len(self.config.classes)).to(self.dtype))
        return self.style(torch.cat(known, dim=1))

    def rendered(self, curves: Tensor, noise: Tensor | None) -> Tensor:
        """Audio (B, length), not clipped, of the pyramid's curves and white noise (B, length)."""
        if noise is not None:  # white in time is white in bands
            noise = noise.unflatten(1, (-1, self.config.bands))
        return self.bank.synthesis(self.pyramid.mixed(curves, noise))[:, 0]

    def rendered_by_parts(self, frames: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Audio (B, length) of frames; on a CPU sound by sound: what one needs fits into caches."""
        size = 1 if frames.device.type == "cpu" else len(frames)
        noises = [None] * len(frames) if noise is None else noise.split(size)
        made = [
            self.rendered(self.pyramid.curves(*part), own)
            for *part, own in zip(frames.split(size), style.split(size), noises, strict=False)
        ]
        return torch.cat(made)


def _check(config: WaveformGANConfig) -> None:
    if config.bands % 2:
        raise ConfigError(f"config.bands is {config.bands}; it must be even")
    if not config.widths or not all(1 <= width <= 4096 for width in config.widths):
        raise ConfigError(
            f"config.widths is {list(config.widths)}; it must be numbers from 1 to 4096"
        )
    if len(config.blocks) != len(config.widths) or not all(0 <= n <= 64 for n in config.blocks):
        raise ConfigError(
            f"config.blocks is {list(config.blocks)}; it must be {len(config.widths)} numbers from "
            "0 to 64"
        )
    step = config.bands * FACTOR ** (len(config.widths) - 1)
    if config.length % step:
        raise ConfigError(
            f"config.length is {config.length}; with {config.bands} bands and "
            f"{len(config.widths)} scales it must be a multiple of {step}"
        )
