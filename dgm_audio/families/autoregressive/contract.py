"""What a sampler needs of a model, and what it gives: so that neither imports the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from dgm_audio.families.autoregressive.config import WaveNetConfig
from dgm_audio.families.autoregressive.expectation import Expectation, Known
from dgm_audio.families.autoregressive.network import WaveNetwork
from dgm_audio.nn.conditioner import Conditioner
from dgm_audio.signal.differential import DifferentialMuLaw
from dgm_audio.signal.prediction import BackwardPrediction, Expected


class SteppedModel(Protocol):
    """A model that is sampled step by step: the parts of a `WaveNet` that samplers read."""

    config: WaveNetConfig
    network: WaveNetwork
    conditioner: Conditioner
    codec: DifferentialMuLaw
    predictor: BackwardPrediction

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        ...

    @property
    def edges(self) -> Tensor:
        """Edges of the symbols' differences (K + 1,)."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights."""
        ...

    def cpu(self) -> Self:
        """The model, moved to the CPU."""
        ...

    def sampler(self, batch: int) -> Sampler:
        """The fastest sampler for the model's device."""
        ...

    def known(self, symbols: Tensor) -> Known:
        """What is known before each symbol (B, T) of clips from their start."""
        ...

    def expectation(self, before: Tensor, expected: Expected) -> Expectation:
        """What is expected of differences (...), given the samples before and predictions."""
        ...

    def codes(self, last: Tensor, before: Tensor, expected: Expectation) -> Tensor:
        """The network's inputs (..., 6): last symbols (...), their samples, what is expected."""
        ...


class Steps(NamedTuple):
    """What a sampler gives for a block.

    Attributes:
        symbols: (B, T) int64.
        x: the samples (B, T), float32 in [-1, 1].
        tails: (B, T) float64, the middle of each symbol (see `distribution`).
        masses: p of each symbol (B, T), float64.
    """

    symbols: Tensor
    x: Tensor
    tails: Tensor
    masses: Tensor


class Sampler(Protocol):
    """Moves a batch of streams on."""

    def advance(
        self, bias: Tensor, *, tails: Tensor | None = None, symbols: Tensor | None = None
    ) -> Steps:
        """The next T steps.

        Args:
            bias: (B, F, layers, 2R), float32, F at least ceil(T / frame). Only the last block of a
                stream may have a T that is not a multiple of the frame.
            tails: (B, T) float64 that pick symbols; or
            symbols: (B, T) int64 that are given.
        """
        ...
