"""The interfaces of samplers and of the models they sample, so that neither imports the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from dgm_audio.families.autoregressive.config import WaveNetConfig
from dgm_audio.families.autoregressive.lpc_prior import LPCPrior, StepInputs
from dgm_audio.families.autoregressive.network import WaveNetwork
from dgm_audio.nn.conditioner import Conditioner
from dgm_audio.signal.differential import DifferentialMuLaw
from dgm_audio.signal.prediction import BackwardPrediction, Prediction


class SteppedModel(Protocol):
    """A model that is sampled step by step: the parts of a `WaveNet` that samplers use."""

    config: WaveNetConfig
    network: WaveNetwork
    conditioner: Conditioner
    codec: DifferentialMuLaw
    predictor: BackwardPrediction

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
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

    def step_inputs(self, symbols: Tensor) -> StepInputs:
        """The inputs of each step of symbols (B, T) of clips from their start."""
        ...

    def lpc_prior(self, before: Tensor, prediction: Prediction) -> LPCPrior:
        """The LPC prior of differences (...), from the samples before and predictions (...)."""
        ...

    def codes(self, last: Tensor, before: Tensor, prior: LPCPrior) -> Tensor:
        """The network's inputs (..., 6) of last symbols (...), their samples and the prior."""
        ...


class Steps(NamedTuple):
    """The results of a sampler for a block of T steps.

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
