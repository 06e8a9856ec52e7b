"""The one interface: every model is a deterministic map from Gaussian noise to audio.

    x = decode(z, c),    z ~ N(0, I)

    z (B, D, L), c -> decode -> x (B, C, T)

`sample` is decode of noise, `interpolate` is decode along a great circle. Capabilities of only some
families are Protocols: `Encoder`, `HasLogProb`, `HasElbo`, `Streams`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio._checks import MAX_BATCH, CheckedModule, check_integer
from dgm_audio.capabilities import Encoder, HasElbo, HasLogProb, Streams
from dgm_audio.errors import InputError
from dgm_audio.interpolation import slerp
from dgm_audio.runtime.memory import in_parts
from dgm_audio.runtime.surroundings import in_own_precision
from dgm_audio.specs import Condition

__all__ = ["AudioGenerator", "Encoder", "HasElbo", "HasLogProb", "Streams", "check_integer"]

MAX_SEED = 2**63 - 1
PUBLIC = frozenset(
    "codes decode decode_blocks decode_mel elbo encode latents log_prob mel sample_blocks".split()
)
"""Methods whose results are float32, also where autocast is on."""


class AudioGenerator(CheckedModule, ABC):
    """A deep generative model of audio: x = decode(z, c), z ~ N(0, I).

    A family sets the class attributes `family` and `config_class` and, in its constructor, which
    takes the config, `config`, `audio`, `latent` and `condition`; it implements the one hook
    `_decode`.

    Models may be used by several threads at a time. Their sounds are those of float32 and of their
    weights, whatever torch's default type and device are, and with autocast on as well. A model is
    a module whose `forward` is `decode`. While it is exported or compiled, shapes and names are
    checked, values are not.

    Attributes:
        family: the registered name of the family.
        config_class: the type of `config`.
        config: the frozen dataclass that the model was built from.
        audio: `AudioSpec` of x, shape (B, C, T), in [-1, 1].
        latent: `LatentSpec` of z, shape (B, D, L).
        condition: `ConditionSpec` of c.
        differentiable: whether gradients flow from x to z and to frames of a condition; where they
            do not, `decode` refuses arguments that ask for them.
        name: the name it was loaded by; None if it was not loaded, like the next three.
        weights_hash: sha256 of the weights file.
        card_path: the model card.
        fingerprint: of the decoder's output when it was saved (see `dgm_audio.fingerprint`).
    """

    family: str
    config_class: type
    config: Any
    differentiable: bool = True
    name: str | None = None
    weights_hash: str | None = None
    card_path: Path | None = None
    fingerprint: Mapping[str, Any] | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in PUBLIC & vars(cls).keys():
            if isinstance(method := vars(cls)[name], FunctionType):
                setattr(cls, name, in_own_precision(method))

    @abstractmethod
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, C, length) from a checked z (B, D, L) and checked conditions."""

    @in_own_precision
    def decode(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Tensor:
        """Audio of the given latents.

        Args:
            z: latents (B, D, L); numbers of any floating type on any device.
            condition: mapping from field name to value(s); absent fields take their defaults.
            length: T, samples to return; by default L * hop, or the model's clip length if it has
                one code per clip.

        Returns:
            Float32 audio (B, C, T) in [-1, 1] on the model's device.

        Raises:
            InputError: if a shape, a type, a value or a name is not allowed, or if an argument
                requires a gradient that the model does not have.
            DecodeError: if the audio has NaN or infinite values.
        """
        return self._check_made(in_parts(self._decode, *self._check_call(z, condition, length)))

    def forward(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Tensor:
        """As `decode`, for wrappers and exporters of modules."""
        return self.decode(z, condition, length=length)

    def sample(
        self,
        batch: int = 1,
        *,
        seconds: float | None = None,
        condition: Condition = None,
        seed: int | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw `batch` new sounds: decode(temperature * noise(seed)).

        Item i depends on (seed, i) only: it is the same sound whatever the batch size.

        Args:
            batch: number of sounds, B.
            seconds: duration; by default that of `lengths`.
            condition: mapping from field name to value(s); absent fields take their defaults.
            seed: 0 to 2**63 - 1; None draws one from the operating system.
            temperature: factor on z, from 0 (the typical sound) upwards; 1 is the model's own
                distribution.

        Returns:
            Float32 audio (B, C, T) in [-1, 1]; shorter items end in silence.

        Raises:
            InputError: if an argument is not allowed.
        """
        batch = check_integer("batch", batch, 1, MAX_BATCH)
        seed = drawn_seed() if seed is None else seed
        if seconds is None:
            lengths = self.lengths(condition, batch)
        else:
            lengths = [self.audio.resolve_length(seconds)] * batch
        with torch.no_grad():
            if len(set(lengths)) == 1:
                z = self.noise(batch, length=lengths[0], seed=seed, temperature=temperature)
                return self.decode(z, condition, length=lengths[0])
            parsed, items = self.condition.parse(condition, batch), []
            for item, length in enumerate(lengths):
                z = self.noise(1, length=length, seed=seed, temperature=temperature, first=item)
                own = {key: value[item : item + 1] for key, value in parsed.items()}
                items.append(self.decode(z, own, length=length))
        return torch.cat([F.pad(x, (0, max(lengths) - x.shape[2])) for x in items])

    def lengths(self, condition: Condition = None, batch: int = 1) -> list[int]:
        """Samples T of each sound of a batch where no duration is asked for.

        The model's clip length; where a text is to be said, as long as that takes.

        Raises:
            InputError: if the condition is not allowed.
        """
        return [self.audio.length] * batch

    def noise(
        self,
        batch: int,
        *,
        length: int | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
        first: int = 0,
    ) -> Tensor:
        """The latents (B, D, L) that `sample` decodes: items `first` to `first + batch - 1`.

        Item i comes from a counter-based generator (Philox) keyed by (seed, i), frame by frame, so
        that a longer clip begins with the latents of a shorter one.
        """
        length = self.audio.length if length is None else length
        self._check_size(check_integer("batch", batch, 1, MAX_BATCH), length)
        draw = self._noise_source(batch, seed, temperature, first)
        return draw(self.latent.frames(length))

    def _noise_source(
        self, batch: int, seed: int | None, temperature: float, first: int = 0
    ) -> Callable[[int], Tensor]:
        """Draws the latents of `noise` piece by piece: a number of frames -> (B, D, frames)."""
        batch = check_integer("batch", batch, 1, MAX_BATCH)
        seed = drawn_seed() if seed is None else seed
        seed = check_integer("seed", seed, 0, MAX_SEED)
        number = isinstance(temperature, int | float | np.integer | np.floating)
        if not number or isinstance(temperature, bool) or not 0 <= temperature <= 10:
            raise InputError(f"temperature is {temperature!r}; it must be a number from 0 to 10")
        items = [
            np.random.Generator(np.random.Philox(key=[seed, index]))
            for index in range(first, first + batch)
        ]

        def draw(frames: int) -> Tensor:
            shape = (frames, self.latent.channels)
            z = np.stack([item.standard_normal(shape, dtype=np.float32) for item in items])
            return torch.from_numpy(z).transpose(1, 2).contiguous() * float(temperature)

        return draw

    def interpolate(
        self, z0: Tensor, z1: Tensor, steps: int, condition: Condition = None
    ) -> Tensor:
        """Decode `steps` points on the great circle from z0 to z1; both ends are included.

        Args:
            z0: first latent (D, L) or (1, D, L).
            z1: last latent, same shape.
            steps: number of sounds, at least 2.
            condition: as in `decode`, for all steps or one value per step; an absent class is the
                first one at every step.


        Returns:
            Audio (steps, C, T).

        Raises:
            InputError: if the shapes differ or an argument is not allowed.
        """
        steps = check_integer("steps", steps, 2, MAX_BATCH)
        items = [z[None] if isinstance(z, Tensor) and z.ndim == 2 else z for z in (z0, z1)]
        ends = [self._check_latents(z) for z in items]
        if ends[0].shape != ends[1].shape or len(ends[0]) != 1:
            raise InputError(
                f"z0 and z1 have shapes {tuple(z0.shape)} and {tuple(z1.shape)}; "
                f"both must be one latent (1, {self.latent.channels}, L)"
            )
        first = self.condition.parse(condition, steps)
        for key in first:
            if condition is None or condition.get(key) is None:
                first[key] = first[key][:1]
        weights = torch.linspace(0, 1, steps, dtype=torch.float32, device="cpu").tolist()
        z = torch.cat([slerp(ends[0], ends[1], weight) for weight in weights])
        with torch.no_grad():
            return self.decode(z, first)


def drawn_seed() -> int:
    """A seed from the operating system."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
