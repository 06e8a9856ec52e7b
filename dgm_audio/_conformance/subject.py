"""What a check works on, and how it says that the model failed or that it does not apply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_audio.errors import ConformanceError
from dgm_audio.fingerprint import example_condition
from dgm_audio.generator import AudioGenerator

SHORT_SAMPLES = 64


class NotApplicable(Exception):
    """The model does not have what the check is about; the message is the reason."""


@dataclass(frozen=True)
class Subject:
    """A model under test.

    Args:
        model: in evaluation mode.
        tolerance: allowed absolute difference of audio in [-1, 1].
        encode_error: allowed relative error of encode -> decode; None asks for none unless the
            latents have as many numbers as the audio.
    """

    model: AudioGenerator
    tolerance: float
    encode_error: float | None = None

    @property
    def length(self) -> int:
        """A short T: whole latent frames where the model streams, else a full clip."""
        hop, longest = self.model.latent.hop, self.model.audio.max_length
        if hop is None:
            return self.model.audio.length
        length = hop * max(2, -(-SHORT_SAMPLES // hop))
        return length if longest is None else min(length, longest)

    def latents(self, batch: int, seed: int = 0, length: int | None = None) -> Tensor:
        """Standard normal latents (B, D, L)."""
        return self.model.noise(batch, length=length or self.length, seed=seed)

    def condition(self, batch: int, length: int | None = None) -> dict[str, Tensor]:
        """A valid condition for a batch."""
        return example_condition(self.model, batch, length or self.length)

    def decode(self, z: Tensor, condition: dict[str, Tensor] | None = None) -> Tensor:
        """Audio of latents without gradients; every item gets the same condition by default."""
        with torch.no_grad():
            return self.model.decode(z, condition or self.condition(1), length=self.length)

    def sounds(self, batch: int) -> Tensor:
        """Audio (B, C, T) of the model's own making, strictly inside [-1, 1]."""
        return self.decode(self.latents(batch, seed=7), self.condition(batch)).clamp(-0.999, 0.999)

    def close(self, a: Tensor, b: Tensor, what: str) -> None:
        """Require equality within the tolerance."""
        require(a.shape == b.shape, f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)} differ")
        difference = float((a.float() - b.float()).abs().max())
        require(
            difference <= self.tolerance,
            f"{what}: the difference is {difference:.3g}, allowed are {self.tolerance:g}",
        )


def require(holds: bool, message: str) -> None:
    """Raise unless the property holds.

    Raises:
        ConformanceError: with the message.
    """
    if not holds:
        raise ConformanceError(message)


def capability(model: AudioGenerator, name: str) -> Callable[..., Tensor]:
    """The method of that name.

    Raises:
        NotApplicable: if the model does not have it.
    """
    method = getattr(model, name, None)
    if method is None:
        raise NotApplicable(f"the model has no {name}")
    return method  # type: ignore[return-value]


def first(names: Sequence[str], limit: int = 5) -> str:
    """The first few names of a list, for a message."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
