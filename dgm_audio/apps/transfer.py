"""A sound as a streaming model makes it: encoded, moved along the axes of its codes, and decoded.

    a' = scale * a + bias,    a: the codes along their axes, in deviations from the mean sound

The result lies in time where the sound lay. It is made block by block, so memory does not grow with
its length.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio._version import __version__
from dgm_audio.apps.long_recording import in_blocks
from dgm_audio.apps.loudness_following import LoudnessFollower
from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.signal.full_scale import STEP, Limiter, tell_lowered

MAX_SCALE, MAX_BIAS = 4.0, 10.0
FRAMES = 64
"""Codes that are made at a time."""
MARKER = "dgm_audio transfer, JSON: "


def transfer(
    model: AudioGenerator,
    x: Tensor,
    *,
    bias: Mapping[int, float] | None = None,
    scale: float = 1.0,
    follow: bool = True,
) -> Tensor:
    """A sound as the model makes it.

    Args:
        model: one that streams.
        x: audio (B, C, T) in [-1, 1], at the model's rate and with its channels.
        bias: by how many deviations (-10 to 10) to move which axis; 1 is the strongest.
        scale: how far from the mean sound, 0 to 4; 1 leaves it.
        follow: give each moment the loudness that it has in x (see `LoudnessFollower`).

    Returns:
        Audio (B, C, T) in [-1, 1].

    Raises:
        InputError: if the model does not stream, or an argument is not allowed.
    """
    through = TransferStream(model, bias=bias, scale=scale, follow=follow)
    x = through.model._check_audio(x)
    return torch.cat(list(through.whole([x])), dim=2)


class TransferStream:
    """The same, of a sound that comes in blocks.

    The first blocks give fewer samples: what comes out is late by `latency` samples.

    Args:
        model: as those of `transfer`, like what follows.
        bias: see there.
        scale: see there.
        follow: see there.

    Attributes:
        model: the model.
        hop: blocks are of n * hop samples.
        latency: samples between what goes in and what comes out, besides the block itself.

    Raises:
        InputError: if the model does not stream, or an argument is not allowed.
    """

    def __init__(
        self,
        model: AudioGenerator,
        *,
        bias: Mapping[int, float] | None = None,
        scale: float = 1.0,
        follow: bool = True,
    ) -> None:
        self.model = model
        self.scale = _number("scale", scale, 0.0, MAX_SCALE)
        self._stream = streaming(model).stream()
        self._moved = _moves(model, bias or {})
        rate = self.model.audio.sample_rate
        self._follower = LoudnessFollower(rate) if follow else None
        self._limiter = Limiter(rate)  # of the sound that follows no other
        self._waiting: Tensor | None = None
        self.hop = self._stream.hop
        self.latency = self._stream.latency + STEP

    @property
    def lowered_db(self) -> float:
        """By how much the sound was lowered at most, to stay below full scale."""
        return (self._follower or self._limiter).lowered_db

    def __call__(self, block: Tensor) -> Tensor:
        """The next samples (B, C, t), t at most T, of the next block (B, C, T).

        Raises:
            InputError: if the block is not of whole hops, or its audio is not allowed.
        """
        axes = self._stream.encode_axes(block)
        made = self._stream.decode_axes(axes * self.scale + self._moved)
        if self._follower is None:
            return self._limiter(made) if made.shape[2] else made
        return self._follower(self._beside(block, made), made)

    def whole(self, parts: Iterable[Tensor]) -> Iterator[Tensor]:
        """All of a sound of the parts (B, C, t) of another: as many samples, in blocks."""
        heard = told = 0
        for block in in_blocks(parts, FRAMES * self.hop):
            heard += block.shape[2]
            made = self(F.pad(block, (0, -block.shape[2] % self.hop)))
            told += made.shape[2]
            yield made[:, :, : made.shape[2] - max(0, told - heard)]
        if heard:
            silence = math.ceil(self.latency / self.hop) * self.hop
            rest = self(block.new_zeros(*block.shape[:2], silence))
            tell_lowered(self.lowered_db)
            yield rest[:, :, : max(0, heard - told)]

    def _beside(self, block: Tensor, made: Tensor) -> Tensor:
        """What was heard when that which is made now was."""
        block = block.to(made)
        heard = block if self._waiting is None else torch.cat([self._waiting, block], dim=2)
        self._waiting = heard[:, :, made.shape[2] :]
        return heard[:, :, : made.shape[2]]


def streaming(model: AudioGenerator) -> RunsLive:
    """The model, if it streams.

    Raises:
        InputError: if it does not; the message names models that do.
    """
    if isinstance(model, RunsLive):
        return model
    from dgm_audio.registry import list_families
    from dgm_audio.shipped import list_models

    families = [info.name for info in list_families() if info.live]
    names = [info.name for info in list_models() if info.family in families]
    known = ", ".join(names) or f"one of your own, of the family {' or '.join(families)}"
    raise InputError(
        f"{model.name or model.family!r} makes whole clips; this needs a model that takes "
        f"sound as it comes: {known}"
    )


def comment_of(model: AudioGenerator, name: str, source: str, **parameters: Any) -> str:
    """How a sound was made, as the comment of its file: one line of ASCII behind a marker.

    Args:
        model: as `dgm_audio.load` gave it.
        name: what to call it.
        source: name of the recording.
        **parameters: those of `transfer`, as JSON values.
    """
    facts = {
        "call": "transfer",
        "model": name,
        "weights": model.weights_hash,
        "version": __version__,
        "parameters": {"source": source[:100], **parameters},
    }
    return MARKER + json.dumps(facts, sort_keys=True, separators=(",", ":"))


def _moves(model: AudioGenerator, bias: Mapping[int, float]) -> Tensor:
    """What to add to the codes (D, 1)."""
    moved, last = torch.zeros(model.latent.channels, 1), model.latent.channels
    for axis, value in bias.items():
        if not isinstance(axis, int) or isinstance(axis, bool) or not 1 <= axis <= last:
            raise InputError(f"bias names axis {axis!r}; this model has axes 1 to {last}")
        moved[axis - 1] = _number(f"bias of axis {axis}", value, -MAX_BIAS, MAX_BIAS)
    return moved.to(model.device)


def _number(name: str, value: float, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")
    return float(value)
