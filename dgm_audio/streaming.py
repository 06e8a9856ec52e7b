"""The base of generators that decode block by block, vocoders among them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.mel import LogMel
from dgm_audio.specs import Condition


class StreamingGenerator(AudioGenerator):
    """A generator that implements `_blocks` instead of `_decode`.

    Attributes:
        front: computes the condition "mel" of a vocoder; None for other models.
    """

    front: LogMel | None

    @abstractmethod
    def _blocks(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Iterator[Tensor]:
        """Audio (B, C, t), block by block, of checked arguments as those of `_decode`."""

    def _decode(self, z: Tensor, condition: dict[str, Tensor], length: int) -> Tensor:
        return torch.cat(list(self._blocks(z, condition, length)), dim=2)

    def decode_blocks(
        self, z: Tensor, condition: Condition = None, *, length: int | None = None
    ) -> Iterator[Tensor]:
        """The audio of decode(z, c), in blocks (B, C, t) as they are decoded.

        Raises:
            InputError: as `decode`.
            DecodeError: as `decode`, at the block that is not finite.
        """
        yield from map(self._check_made, self._blocks(*self._check_call(z, condition, length)))

    def mel(self, x: Tensor) -> Tensor:
        """The condition "mel" (B, M, 1 + T // hop) that describes audio (B, 1, T), for a vocoder.

        Raises:
            InputError: if the model has no such condition, or the audio is not allowed.
        """
        if self.front is None:
            raise InputError("this model has no condition 'mel'")
        return self.front(self._check_audio(x)[:, 0])

    def _check_frames(self, condition: dict[str, Tensor], length: int) -> None:
        """Refuse a vocoder's mel that is too short.

        Raises:
            InputError: if it has too few frames.
        """
        if self.front is None:
            return
        needed, found = -(-length // self.front.spec.hop), condition["mel"].shape[2]
        if found < needed:
            raise InputError(
                f"condition 'mel' has {found} frames; {length} samples need at least {needed}"
            )
