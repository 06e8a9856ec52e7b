"""The checks that come before the work of every public method of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.errors import DecodeError, InputError
from dgm_audio.runtime.surroundings import holds
from dgm_audio.specs import MAX_LATENT_NORM, AudioSpec, Condition, ConditionSpec, LatentSpec

MAX_BATCH = 4096
MAX_CALL_BYTES = 2**31
"""Memory that the latents or the audio of one call may take; larger requests are refused."""


_NO_WEIGHT = torch.empty(0, dtype=torch.float32, device="cpu")


class CheckedModule(nn.Module):
    """A module with the specs of a generator, and what is checked against them."""

    family: str
    audio: AudioSpec
    latent: LatentSpec
    condition: ConditionSpec
    differentiable: bool
    name: str | None

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
        return next((t for t in tensors if t.is_floating_point()), _NO_WEIGHT)

    def _check_call(
        self, z: Tensor, condition: Condition, length: int | None
    ) -> tuple[Tensor, dict[str, Tensor], int]:
        """The checked arguments of `decode`."""
        z = self._check_latents(z)
        self._check_gradients(z, condition)
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
        if not holds((norms < MAX_LATENT_NORM).all()):  # also catches NaN and Inf
            raise InputError(
                f"z has an item of norm {float(norms.max()):g}; it must be finite and below "
                f"{MAX_LATENT_NORM:g}"
            )
        return z.to(self.device, self.dtype)

    def _check_gradients(self, z: Tensor, condition: Condition) -> None:
        """Whether the gradients that are asked for flow.

        Raises:
            InputError: if they do not.
        """
        if self.differentiable or not torch.is_grad_enabled():
            return
        given = {"z": z, **(condition if isinstance(condition, Mapping) else {})}
        asking = [key for key, value in given.items() if getattr(value, "requires_grad", False)]
        if asking:
            raise InputError(
                f"{asking[0]} requires a gradient, but none flows through decode of "
                f"{self.name or 'a model'} (family {self.family!r}); pass "
                f"{asking[0]}.detach(), or call decode under torch.no_grad()"
            )

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

    def _check_made(self, x: Tensor) -> Tensor:
        """What was made, in float32.

        Raises:
            DecodeError: if it is no sound; samples are in [-1, 1], so that their sum tells.
        """
        sums = x.detach().flatten(1).sum(1, dtype=torch.float32)
        if not holds(sums.isfinite().all()):
            item = int(sums.isfinite().logical_not().nonzero()[0])
            raise DecodeError(
                f"item {item} of {len(x)} came out with NaN or infinite samples: its latent or its "
                "condition is far from all that the model knows, or the weights are damaged"
            )
        return x.float()

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
        if not holds(x.detach().abs().amax() <= 1 + 1e-6):  # also catches NaN and Inf
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
