"""A model of mel spectrograms and a vocoder, composed into one generator of audio.

    x = vocoder(n(z), mel(z, c)),    z ~ N(0, I)

The latent is the spectrogram model's: it says what is heard. The vocoder's own noise n, which says
how the fine structure falls, is a fixed function of it. With u_i the direction of the latent frame
that belongs to the i-th number of the noise, and r_i a vector of standard normals drawn once for
all from (0, i),

    n_i = temperature * <r_i, u_i>,    u = z_frame / |z_frame|

For every z this is exactly white Gaussian noise over the draws of r, whatever the norm of z, and:

- decode stays a deterministic map; an item knows nothing of its neighbours;
- z and z' at an angle t get noises of correlation cos(t): unlike sounds have unlike noise, and on a
  great circle from z to z' the noise goes along a great circle, too. Hashing z would make it jump
  from step to step; appending it to z would let its many dimensions decide the angle of the circle;
- `sample(temperature=...)` makes spectrograms more typical and leaves the noise its level; that is
  an argument of `Vocoded`, since a vocoder has its own best one, however typical the spectrogram;
- a longer clip begins with the noise of a shorter one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.capabilities import MakesMels, Streams, Vocoder
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.mel import MelSpec
from dgm_audio.specs import AudioSpec, Condition, ConditionSpec, Frames

STAND_IN = "Griffin-Lim stands in, which is less clear than a trained one"

_PIECE = 4096
"""Frames of the vocoder's noise that are drawn at a time."""


def is_vocoder(model: Any) -> bool:
    """Whether a model makes sound of a mel spectrogram."""
    if not (isinstance(model, AudioGenerator) and isinstance(model, Vocoder)):
        return False
    known = isinstance(model.condition.fields.get("mel"), Frames)
    return known and getattr(model, "front", None) is not None


def mel_spec_of(vocoder: Any) -> MelSpec:
    """The features that a vocoder takes.

    Raises:
        InputError: if the model is no vocoder.
    """
    if is_vocoder(vocoder):
        return vocoder.front.spec
    raise InputError(f"{_name(vocoder)} is no vocoder: it has no condition 'mel'")


def own_temperature(vocoder: AudioGenerator) -> float:
    """The temperature at which a vocoder says that it sounds best; 1 if it says nothing."""
    return float(getattr(vocoder.config, "temperature", 1.0))


@dataclass(frozen=True)
class VocodedConfig:
    """What a `Vocoded` is made of.

    Args:
        spectrogram_model: its name, or else its family or class.
        vocoder: its name, or else its family.
        temperature: of the vocoder's noise.
    """

    spectrogram_model: str
    vocoder: str
    temperature: float = field(default=1.0, metadata={"low": 0.0, "high": 10.0})


class Vocoded(AudioGenerator):
    """A spectrogram model made audible by a vocoder (see the module).

    Its conditions are those of both parts but for the vocoder's "mel", its clips as long as the
    spectrogram model's. It is saved and loaded as its two parts.

    Args:
        spectrogram_model: makes mels, see `dgm_audio.capabilities.MakesMels`.
        vocoder: of mels by the same `MelSpec`; without one Griffin-Lim stands in, with a warning.
        temperature: of the vocoder's noise; by default its own.

    Raises:
        InputError: if a part cannot do its part, or the two do not fit; both specs are named.
    """

    family = "vocoded"
    config_class = VocodedConfig

    def __init__(
        self,
        spectrogram_model: MakesMels,
        vocoder: AudioGenerator | None = None,
        *,
        temperature: float | None = None,
    ) -> None:
        super().__init__()
        spec = _mels_made_by(spectrogram_model)
        if vocoder is None:
            vocoder = _stand_in(spec)
        temperature = own_temperature(vocoder) if temperature is None else temperature
        _check_equal(spectrogram_model, spec, vocoder, mel_spec_of(vocoder))
        if isinstance(temperature, bool) or not 0 <= temperature <= 10:
            raise InputError(f"temperature is {temperature!r}; it must be a number from 0 to 10")
        self.config = VocodedConfig(_name(spectrogram_model), _name(vocoder), float(temperature))
        self.spectrogram_model, self.vocoder = spectrogram_model, vocoder
        made, heard = spectrogram_model.audio, vocoder.audio
        self.audio = AudioSpec(
            heard.sample_rate,
            heard.channels,
            made.length,
            min(filter(None, (made.max_length, heard.max_length)), default=None),
            heard.levels,
        )
        self.latent = spectrogram_model.latent
        self.condition = _joined(spectrogram_model, vocoder)
        self.differentiable = vocoder.differentiable

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        noise, heard = self._described(z, condition, length)
        return self.vocoder.decode(noise, heard, length=length)

    def decode_blocks(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        """What decode(z, c) gives, in the blocks of the vocoder; in one if it does not stream.

        Raises:
            InputError: as `decode`.
            DecodeError: likewise.
        """
        z, values, length = self._check_call(z, condition, length)
        noise, heard = self._described(z, values, length)
        if isinstance(self.vocoder, Streams):
            yield from self.vocoder.decode_blocks(noise, heard, length=length)
        else:
            yield self.vocoder.decode(noise, heard, length=length)

    def vocoder_noise(self, z: Tensor, length: int) -> Tensor:
        """The vocoder's latents for latents z (B, D, L) of `length` samples (see the module)."""
        latent, hop = self.vocoder.latent, self.latent.hop
        size = z.float().norm(dim=1, keepdim=True)
        first = torch.zeros_like(z[:1, :, :1]).float()
        first[:, 0] = 1  # the direction of a frame that has none, as at temperature 0
        directions = torch.where(size > 0, z.float() / size.clamp_min(1e-30), first)
        rng = np.random.Generator(np.random.Philox(key=[0, 0]))
        pieces, count = [], latent.frames(length)
        for start in range(0, count, _PIECE):
            stop = min(start + _PIECE, count)
            shape = (stop - start, latent.channels, z.shape[1])
            draws = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)).to(z.device)
            samples = torch.arange(start, stop, device=z.device) * (latent.hop or 0)
            places = samples // hop if hop else 0 * samples
            pieces.append(torch.einsum("icd,bdi->bci", draws, directions[:, :, places]))
        return self.config.temperature * torch.cat(pieces, dim=2)

    def _described(
        self, z: Tensor, condition: dict[str, Tensor], length: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The vocoder's latents and conditions."""
        own = {key: condition[key] for key, _ in self.spectrogram_model.condition}
        mel = self.spectrogram_model.decode_mel(z, own, length=length)
        spec = self.spectrogram_model.mel_spec
        wanted = (len(z), spec.n_mels, 1 + length // spec.hop)
        if mel.shape != wanted:
            raise InputError(
                f"{self.config.spectrogram_model} made a mel of shape {tuple(mel.shape)} for "
                f"{length} samples; expected {wanted}"
            )
        heard = {key: condition[key] for key, _ in self.vocoder.condition if key != "mel"}
        return self.vocoder_noise(z, length), {**heard, "mel": mel}


def _stand_in(spec: MelSpec) -> AudioGenerator:
    """Griffin-Lim for these features, with a warning that it is no trained model."""
    from dgm_audio.families.griffin_lim import GriffinLim, GriffinLimConfig

    warnings.warn(f"there is no vocoder: {STAND_IN}", stacklevel=3)
    return GriffinLim(GriffinLimConfig(spec))


def _name(model: Any) -> str:
    """What a message calls a part."""
    named = getattr(model, "name", None) or getattr(model, "family", None)
    return named if isinstance(named, str) else type(model).__name__


def _mels_made_by(model: Any) -> MelSpec:
    if not isinstance(model, MakesMels) or not isinstance(model, torch.nn.Module):
        raise InputError(
            f"{_name(model)} makes no mels: it needs decode_mel, mel_spec and the specs of a "
            "generator (dgm_audio.capabilities.MakesMels)"
        )
    spec, rate = model.mel_spec, model.audio.sample_rate
    if spec.sample_rate != rate:
        raise InputError(
            f"{_name(model)} says that its mels are of sound at {spec.sample_rate} Hz, and its "
            f"audio at {rate} Hz; they must be equal"
        )
    return spec


def _check_equal(made_by: Any, made: MelSpec, vocoder: Any, taken: MelSpec) -> None:
    if made != taken:
        raise InputError(
            f"{_name(made_by)} and {_name(vocoder)} do not fit: the one makes {made}, "
            f"the other takes {taken}"
        )


def _joined(model: MakesMels, vocoder: AudioGenerator) -> ConditionSpec:
    """The conditions of both."""
    fields = dict(model.condition.fields)
    for key, spec in vocoder.condition:
        if key != "mel" and fields.setdefault(key, spec) != spec:
            raise InputError(
                f"{_name(model)} and {_name(vocoder)} do not fit: both have a condition {key!r}, "
                "and the two differ"
            )
    return ConditionSpec(fields)
