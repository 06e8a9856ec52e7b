"""A batch of clips as the measures see it, with what several of them need computed once.

level[l] = 10 log10( sum_j w[j] mean |x|^2 in hop l + j ),  w a Hann window that sums to 1
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.evaluation.listening.partials import Note
from dgm_audio.evaluation.spectra import SILENT
from dgm_audio.signal.pitch import frequency

FLOOR_DB = -160.0
"""Of levels; digital silence has it."""

STEP = 0.01
STEADY = (0.05, 0.9)
"""Shares of the energy: between them a note is neither struck nor released."""


@dataclass(frozen=True, eq=False)
class Sounds:
    """B clips of one rate, at the level that they have.

    Args:
        audio: (B, C, T) float32, zeros behind the valid samples.
        lengths: valid samples (B,).
        sample_rate: in Hz.
        pitches: MIDI numbers (B,), NaN where unknown.
    """

    audio: Tensor
    lengths: Tensor
    sample_rate: int
    pitches: Tensor

    def __len__(self) -> int:
        return len(self.audio)

    @cached_property
    def peak(self) -> Tensor:
        """Largest magnitude (B,) float64; NaN of a silent clip, below -80 dBFS."""
        peak = self.audio.abs().amax((1, 2)).double()
        return peak.where(peak >= SILENT, torch.nan)

    @cached_property
    def mono(self) -> Tensor:
        """Mean of the channels (B, T), on a scale where the peak of the clip is 1."""
        return self.audio.mean(1) / self.peak.nan_to_num(1.0)[:, None].float()

    @cached_property
    def sounding(self) -> Tensor:
        """Samples (B,) until the last one that is less than 60 dB below the peak."""
        loud = (self.audio.abs() >= 1e-3 * self.peak.float()[:, None, None]).any(1)
        places = torch.arange(1, loud.shape[1] + 1)
        return (loud * places).amax(1).clamp_min(1)

    def hop(self, seconds: float) -> int:
        """Samples, at least one."""
        return max(1, round(seconds * self.sample_rate))

    def level(self, hop: float, width: int = 1) -> Tensor:
        """Level in dB (B, L) relative to a full-scale square wave; channels' power is averaged.

        Args:
            hop: in seconds.
            width: hops in the Hann window, odd; 1 takes each hop by itself.
        """
        return levels(self.audio, self.hop(hop), width)

    def between(self, low: float, high: float) -> list[tuple[int, int]]:
        """Samples at which these shares of each clip's energy have come, to 10 ms."""
        energy = (10 ** (self.level(STEP) / 10)).cumsum(1)
        share = energy / energy[:, -1:]
        start, end = ((share < edge).sum(1) * self.hop(STEP) for edge in (low, high))
        return list(zip(start.tolist(), end.tolist(), strict=True))

    @cached_property
    def notes(self) -> list[Note]:
        """The steady parts of B notes."""
        fundamentals = frequency(self.pitches).tolist()
        return [
            Note(x[start:end], self.sample_rate, f0)
            for x, (start, end), f0 in zip(
                self.mono, self.between(*STEADY), fundamentals, strict=True
            )
        ]

    def nan_where_silent(self, values: Tensor) -> Tensor:
        """The values (B,) as float64, NaN for silent clips."""
        return values.double().where(~self.peak.isnan(), torch.nan)


def levels(audio: Tensor, hop: int, width: int = 1) -> Tensor:
    """Levels in dB (B, L), float64, of audio (B, C, T), L = ceil(T / hop); see `Sounds.level`.

    >>> levels(torch.tensor([[[1.0, -1.0, 0.5, -0.5, 0.0]]]), 2).round(decimals=2).tolist()
    [[0.0, -6.02, -160.0]]
    """
    padded = F.pad(audio, (0, -audio.shape[2] % hop))
    power = padded.unflatten(2, (-1, hop)).square().mean((1, 3)).double()
    if width > 1:
        hann = torch.hann_window(width + 2, periodic=False, dtype=torch.float64)[1:-1]
        power = F.conv1d(power[:, None], (hann / hann.sum())[None, None], padding=width // 2)[:, 0]
    return 10 * power.clamp_min(10 ** (FLOOR_DB / 10)).log10()
