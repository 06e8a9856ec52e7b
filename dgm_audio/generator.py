"""The one interface: every model is a deterministic map from Gaussian noise to audio.

    x = decode(z, c),    z ~ N(0, I)

`sample` is decode of noise, `interpolate` is decode along a great circle. What only some families
can do is a Protocol: `Encoder`, `HasLogProb`, `HasElbo`, `Streams`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.capabilities import Encoder, HasElbo, HasLogProb, Streams
from dgm_audio.errors import InputError
from dgm_audio.interpolation import slerp
from dgm_audio.specs import MAX_LATENT_NORM, AudioSpec, Condition, ConditionSpec, LatentSpec

__all__ = ["AudioGenerator", "Encoder", "HasElbo", "HasLogProb", "Streams", "check_integer"]

MAX_SEED = 2**63 - 1
MAX_BATCH = 4096
MAX_CALL_BYTES = 2**31
"""Memory that the latents or the audio of one call may take; larger requests are refused."""


class AudioGenerator(nn.Module, ABC):
    """A deep generative model of audio: x = decode(z, c), z ~ N(0, I).

    A family sets the class attributes `family` and `config_class` and, in its constructor, which
    takes the config, `config`, `audio`, `latent` and `condition`; it implements the one hook
    `_decode`.

    Attributes:
        family: the registered name of the family.
        config_class: the type of `config`.
        config: the frozen dataclass that the model was built from.
        audio: `AudioSpec` of x, shape (B, C, T), in [-1, 1].
        latent: `LatentSpec` of z, shape (B, D, L).
        condition: `ConditionSpec` of c.
        name: what the model was loaded as; None for one that was not loaded, like the next three.
        weights_hash: sha256 of the weights file.
        card_path: the model card.
        fingerprint: what decode gave when the model was saved (see `dgm_audio.fingerprint`).
    """

    family: str
    config_class: type
    config: Any
    audio: AudioSpec
    latent: LatentSpec
    condition: ConditionSpec
    name: str | None = None
    weights_hash: str | None = None
    card_path: Path | None = None
    fingerprint: Mapping[str, Any] | None = None

    @abstractmethod
    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        """Audio (B, C, length) from a checked z (B, D, L) and checked conditions."""

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self._weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return self._weight.dtype

    @property
    def _weight(self) -> Tensor:
        """Any floating-point tensor of the model; in inference form the weights are buffers."""
        tensors = chain(self.parameters(), self.buffers())
        return next((t for t in tensors if t.is_floating_point()), torch.empty(0))

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
            InputError: if a shape, a type, a value or a name is not allowed.
        """
        return self._decode(*self._check_call(z, condition, length)).float()

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
            seconds: duration; by default the model's clip length.
            condition: mapping from field name to value(s); absent fields take their defaults.
            seed: 0 to 2**63 - 1; None draws one from the operating system.
            temperature: factor on z, from 0 (the typical sound) upwards; 1 is the model's own
                distribution.

        Returns:
            Float32 audio (B, C, T) in [-1, 1].

        Raises:
            InputError: if an argument is not allowed.
        """
        length = self.audio.resolve_length(seconds)
        z = self.noise(batch, length=length, seed=seed, temperature=temperature)
        with torch.no_grad():
            return self.decode(z, condition, length=length)

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
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
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
                first one, so that the class does not change on the way.

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
        weights = torch.linspace(0, 1, steps, device=ends[0].device)
        z = torch.cat([slerp(ends[0], ends[1], float(weight)) for weight in weights])
        with torch.no_grad():
            return self.decode(z, first)

    def _check_call(
        self, z: Tensor, condition: Condition, length: int | None
    ) -> tuple[Tensor, dict[str, Tensor], int]:
        """The checked arguments of `decode`."""
        z = self._check_latents(z)
        length = self._check_length(z, length)
        self._check_size(len(z), length)
        return z, self._check_condition(condition, len(z)), length

    def _check_latents(self, z: Tensor) -> Tensor:
        channels = self.latent.channels
        frames = "1" if self.latent.hop is None else "L"
        if not isinstance(z, Tensor) or not z.is_floating_point():
            found = z.dtype if isinstance(z, Tensor) else type(z).__name__
            raise InputError(f"z is {found}; it must be a floating-point tensor")
        wrong = z.ndim != 3 or 0 in z.shape or z.shape[1] != channels or len(z) > MAX_BATCH
        if wrong or (self.latent.hop is None and z.shape[2] != 1):
            raise InputError(
                f"z has shape {tuple(z.shape)}; expected (B, {channels}, {frames}), "
                f"B from 1 to {MAX_BATCH}"
            )
        norms = z.detach().float().flatten(1).norm(dim=1)
        if not bool((norms < MAX_LATENT_NORM).all()):  # also catches NaN and Inf
            raise InputError(
                f"z has an item of norm {float(norms.max()):g}; it must be finite and below "
                f"{MAX_LATENT_NORM:g}"
            )
        return z.to(self.device, self.dtype)

    def _check_length(self, z: Tensor, length: int | None) -> int:
        hop, longest = self.latent.hop, self.audio.max_length
        natural = self.audio.length if hop is None else z.shape[2] * hop
        if length is None:
            length = natural if longest is None else min(natural, longest)
        most = longest if hop is None else min(natural, longest or natural)
        length = check_integer("length", length, 1, most if most is not None else 2**62)
        if self.latent.frames(length) != z.shape[2]:
            raise InputError(
                f"length is {length}; {z.shape[2]} latent frames of {hop} samples make "
                f"{natural - (hop or 1) + 1} to {natural} samples"
            )
        return length

    def _check_size(self, batch: int, length: int) -> None:
        numbers = max(
            self.audio.channels * length, self.latent.channels * self.latent.frames(length)
        )
        needed = 4 * batch * numbers
        if needed > MAX_CALL_BYTES:
            raise InputError(
                f"{batch} sounds of {length:.4g} samples would take {needed / 2**30:.4g} GiB of "
                f"memory; the limit is {MAX_CALL_BYTES / 2**30:g} GiB: ask for less"
            )

    def _check_condition(self, condition: Condition, batch: int) -> dict[str, Tensor]:
        values = self.condition.parse(condition, batch)
        return {
            key: value.to(self.device, self.dtype if value.is_floating_point() else None)
            for key, value in values.items()
        }

    def _check_audio(self, x: Tensor) -> Tensor:
        """Checked float32 audio on the model's device, for `encode`, `log_prob` and `elbo`."""
        channels, longest = self.audio.channels, self.audio.max_length
        if not isinstance(x, Tensor) or not x.is_floating_point():
            found = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise InputError(f"x is {found}; it must be a floating-point tensor")
        if x.ndim != 3 or 0 in x.shape or x.shape[1] != channels:
            raise InputError(f"x has shape {tuple(x.shape)}; expected (B, {channels}, T)")
        if longest is not None and x.shape[2] > longest:
            raise InputError(f"x has {x.shape[2]} samples; this model takes at most {longest}")
        if not float(x.detach().abs().amax()) <= 1 + 1e-6:  # also catches NaN and Inf
            raise InputError("x has values that are not finite numbers in [-1, 1]")
        return x.to(self.device, torch.float32)


def check_integer(name: str, value: Any, low: int, high: int) -> int:
    """The value as an int in [low, high].

    Raises:
        InputError: names the argument, its value and the range.
    """
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or not low <= value <= high:
        raise InputError(f"{name} is {value!r:.60}; it must be an integer from {low} to {high}")
    return int(value)
