"""What linear prediction alone knows of the next sample: a model without anything to learn.

    p(k_t | past) = (1 - u) (L_k(d_t, s_1) + L_k(d_t, s_2)) / 2 + u / K
    d_t = p_t - a x_{t-1},    s_i = 0.6 mean |x - p| of the last 32 and 512 samples

p_t is the prediction from the samples before it (`BackwardPrediction`), and L_k the mass that a
logistic puts on all that is rounded to level k. The levels are the model's own, so that bits may be
compared, and the masses of the K levels sum to one. Nothing is fitted to any clip: what is known of
a sound is what the sound itself has shown so far. A network that needs more bits than that has
learned less than a recursion of a few lines knows.

References:
    Makhoul, "Linear prediction: a tutorial review", 1975.
    Robinson, "SHORTEN: simple lossless and near-lossless waveform compression", 1994 (prediction
    and a distribution of its errors as a code).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.families.autoregressive.lpc_prior import LPCPrior, edges_of
from dgm_audio.signal.prediction import BackwardPrediction

UNIFORM = 2.0**-10
"""u: what no prediction foresees, as the blow after a silence, costs 10 + log2 K bits at most."""


@runtime_checkable
class Codec(Protocol):
    """Audio as symbols of differences x_t - a x_{t-1}, as `DifferentialMuLaw` has them."""

    @property
    def emphasis(self) -> float:
        """a; 0 if the symbols stand for the samples themselves."""
        ...

    def values(self) -> Tensor:
        """The differences (K,), rising."""
        ...

    def encode(self, x: Tensor) -> Tensor:
        """Symbols (..., T), int64, of audio (..., T)."""
        ...

    def decode(self, symbols: Tensor) -> Tensor:
        """Audio (..., T) of symbols (..., T)."""
        ...


@dataclass(frozen=True)
class Pcm:
    """Samples in equal steps of 2 / 2^bits, those of a file.

    >>> Pcm(3).values().tolist()
    [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]
    """

    bits: int = 16
    emphasis: float = 0.0

    def values(self) -> Tensor:
        """The levels (2^bits,), float32, rising."""
        half = 1 << (self.bits - 1)
        return torch.arange(-half, half) / half

    def encode(self, x: Tensor) -> Tensor:
        """Symbols (..., T), int64, of audio (..., T)."""
        half = 1 << (self.bits - 1)
        return (x * half).round().clamp(-half, half - 1).long() + half

    def decode(self, symbols: Tensor) -> Tensor:
        """Audio (..., T) of symbols (..., T)."""
        return self.values()[symbols]


class LinearPredictor:
    """Likelihood of sounds under linear prediction from their own past.

    Args:
        codec: of the symbols that are scored.
        prediction: from the past; by default of order 128.

    Example:
        >>> noise = 0.1 * torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
        >>> tone = torch.sin(0.3 * torch.arange(4000.0))[None]
        >>> predictor = LinearPredictor(Pcm(8))
        >>> [round(float(predictor.bits(x).mean())) for x in (noise, tone)]
        [6, 2]
    """

    def __init__(self, codec: Codec, prediction: BackwardPrediction | None = None) -> None:
        self.codec = codec
        self.prediction = BackwardPrediction() if prediction is None else prediction
        self._edges = edges_of(codec.values().double())

    def bits(self, x: Tensor) -> Tensor:
        """Bits of every sample (B, T), float64, of sounds x (B, T), given those before it."""
        return self.symbol_bits(self.codec.encode(x))

    def symbol_bits(self, symbols: Tensor) -> Tensor:
        """-log2 p(k_t | k_1, ..., k_{t-1}) (B, T), float64, of symbols k (B, T).

        Raises:
            InputError: if the symbols are not (B, T).
        """
        if symbols.ndim != 2:
            raise InputError(f"the symbols have shape {tuple(symbols.shape)}; expected (B, T)")
        x = self.codec.decode(symbols)
        prediction = self.prediction(x)
        before = F.pad(x, (1, 0))[:, :-1].double()
        difference = prediction.mean.double() - self.codec.emphasis * before
        logistics = LPCPrior(difference, prediction.spread.double()).mixture()

        mass = logistics.log_mass(self._edges[symbols], self._edges[symbols + 1]).exp()
        levels = len(self._edges) - 1
        return -((1 - UNIFORM) * mass + UNIFORM / levels).log() / math.log(2)
