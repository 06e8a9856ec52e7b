"""One code per clip, decoded through a spectrogram: the base of the VAE and the GAN of one-shots.

    x = head(frames(h, c), texture(z)),    h = mean_c + scale_c z,    z ~ N(0, I)

    z (B, D, 1) -> h (B, D) -> frames (B, L, width) -+-> head -> x (B, 1, T)
    z (B, D, 1) -> texture noise (B, T) -------------+

h is the code in the encoder's coordinates, of which a Gaussian per class is the prior (see
`families.class_prior`). Texture, the noise part of a sound, is a function of z as well: decode is a
deterministic map. A sound beyond full scale is lowered, not clipped.

Where the pitch is a condition, the head filters its harmonics, so that notes are in tune, and the
code describes the timbre only.

References:
    See `dgm_audio.nn.istft_head` and `dgm_audio.nn.texture`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import ConfigError
from dgm_audio.families.class_prior import ClassPriorGenerator
from dgm_audio.nn.frames import FrameDecoder, SpectrogramEncoder
from dgm_audio.nn.harmonics import HARMONICS, Harmonics, HarmonicSource, PitchFeatures
from dgm_audio.nn.istft_head import ISTFTHead
from dgm_audio.nn.texture import TextureNoise
from dgm_audio.signal.full_scale import below_full_scale
from dgm_audio.specs import AudioSpec, Classes, ConditionSpec, Field, LatentSpec, Scalar

MAGNITUDE_FLOOR = 3e-3
"""Smallest STFT magnitude in the modelled representation: for a window of 1024 samples, in which a
full-scale sine has 256, it lies at -99 dB."""


@dataclass(frozen=True)
class SpectrogramConfig:
    """Sizes of a `SpectrogramGenerator`; frames = length / hop must be a multiple of 16.

    Args:
        sample_rate: in Hz.
        length: samples of a full clip; shorter sounds are padded with silence.
        classes: names of the classes; empty for an unconditional model.
        label: name of the class condition.
        pitches: lowest and highest MIDI number of the condition "pitch"; empty for none.
        n_fft: STFT window in samples.
        hop: samples per frame.
        width: channels of the backbone.
        latent: D, numbers in a code.
        blocks: ConvNeXt blocks at 1/16, at 1/4 and at the full frame rate.
    """

    sample_rate: int = field(default=44100, metadata={"low": 1000, "high": 384000})
    length: int = field(default=65536, metadata={"low": 1024, "high": 2**24})
    classes: tuple[str, ...] = ()
    label: str = "class"
    pitches: tuple[float, ...] = ()
    n_fft: int = field(default=1024, metadata={"low": 64, "high": 8192})
    hop: int = field(default=512, metadata={"low": 16, "high": 4096})
    width: int = field(default=192, metadata={"low": 8, "high": 2048})
    latent: int = field(default=64, metadata={"low": 1, "high": 4096})
    blocks: tuple[int, int, int] = (3, 6, 2)


class SpectrogramGenerator(ClassPriorGenerator):
    """An STFT encoder and an ISTFT decoder around one code per clip (see the module)."""

    config_class = SpectrogramConfig

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
        fields: dict[str, Field] = {config.label: Classes(config.classes)} if classes else {}
        self.pitch = self.source = None
        if config.pitches:
            fields["pitch"] = _pitch_field(config.pitches)
            self.pitch = PitchFeatures(*config.pitches)
        self.condition = ConditionSpec(fields)
        self.head = ISTFTHead(config.width, config.n_fft, config.hop, bool(config.pitches))
        if config.pitches:
            self.source = HarmonicSource(config.sample_rate, self.head.stft, frames)
        known = self.pitch.size if self.pitch else 0
        style, width = config.latent + classes + known, config.width
        bins = self.head.bins + (HARMONICS if self.pitch else 0)
        self.encoder = SpectrogramEncoder(bins, frames, width, config.latent, known)
        self.decoder = FrameDecoder(style, frames, width, config.blocks)
        self.texture = TextureNoise(config.latent, config.length)
        self.set_up_prior(classes, config.latent)

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        flat = z[:, :, 0]
        code = self.code_of_latent(flat, self.labels(condition, len(z)))
        return self.render(code, flat, condition, length)

    def render(
        self, code: Tensor, noise: Tensor, condition: dict[str, Tensor], length: int
    ) -> Tensor:
        """Audio (B, 1, length) of codes (B, D); its texture is a function of noise (B, D)."""
        frames, source = self.frames(code, condition), self.harmonics(condition)
        x = self.head(frames, self.texture(noise), source)
        return below_full_scale(x[:, None])[:, :, :length]

    # --- the parts that training uses ----------------------------------------------------------

    def log_magnitude(self, x: Tensor) -> Tensor:
        """u = log(max(|STFT(x)|, 0.003)) (B, F, L) of audio (B, 1, T), padded to a full clip."""
        return self.head.stft(self.padded(x).float()).abs().clamp_min(MAGNITUDE_FLOOR).log()

    def padded(self, x: Tensor) -> Tensor:
        """Audio (B, length) of audio (B, 1, T), T <= length, with silence at the end."""
        return F.pad(x[:, 0], (0, self.config.length - x.shape[2]))

    def posterior(
        self, x: Tensor, condition: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, D) of q(h | x, c) of audio (B, 1, T).

        Of the condition only the pitch matters: the levels of its harmonics are inputs, too.
        """
        seen, known = [self.log_magnitude(x)], None
        if self.pitch and self.source:
            pitch = (condition or {})["pitch"]
            known = self.pitch(pitch)
            seen.append(self.source.levels(self.padded(x).float(), pitch))
        return self.encoder(torch.cat(seen, dim=1).to(self.dtype), known)

    def frames(self, code: Tensor, condition: dict[str, Tensor]) -> Tensor:
        """Backbone output (B, L, width) of codes (B, D)."""
        style = [code]
        if self.config.classes:
            style.append(F.one_hot(condition[self.config.label], len(self.config.classes)))
        if self.pitch is not None:
            style.append(self.pitch(condition["pitch"]))
        return self.decoder(torch.cat([part.to(self.dtype) for part in style], dim=1))

    def harmonics(self, condition: dict[str, Tensor]) -> Harmonics | None:
        """The harmonics of the condition "pitch"; None without such a condition."""
        return None if self.source is None else self.source(condition["pitch"])

    def standard_kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """KL(q(h | x) || N(0, I)) in nats per clip (B,), a regulariser of training."""
        return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def _pitch_field(pitches: tuple[float, ...]) -> Scalar:
    if len(pitches) != 2 or not 0 <= pitches[0] <= pitches[1] <= 127:
        raise ConfigError(
            f"config.pitches is {list(pitches)}; it must be the lowest and the highest MIDI number"
        )
    low, high = pitches
    return Scalar(low, high, "MIDI number", min(max(60.0, low), high))
