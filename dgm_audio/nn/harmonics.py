"""A pitch as networks and synthesis want it: smooth features, and a source of all its harmonics.

    s(t) = sum over k = 1 .. K of cos(2 pi k f0 t) = sin((2K + 1) pi f0 t) / (2 sin(pi f0 t)) - 1/2

References:
    Wang, Takaki and Yamagishi, "Neural source-filter waveform models", 2020.
    Moorer, "The synthesis of complex audio spectra by means of discrete summation formulas", 1976.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dgm_audio.signal.stft import STFT

BUMPS = 11
HIGHEST = 0.95
"""Of half the sample rate, up to which there are harmonics."""
SILENT = 1e-4


def frequency(pitch: Tensor) -> Tensor:
    """Hz of MIDI numbers; 69 is 440 Hz.

    >>> frequency(torch.tensor([69.0, 57.0])).tolist()
    [440.0, 220.0]
    """
    return 440 * 2 ** ((pitch.double() - 69) / 12)


class PitchFeatures(nn.Module):
    """MIDI numbers (N,) -> (N, BUMPS + 1): where they lie in the range, and bumps along it.

    Args:
        low: MIDI number.
        high: the same.
    """

    centres: Tensor
    size = BUMPS + 1

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.middle, self.reach = (low + high) / 2, max((high - low) / 2, 1.0)
        self.register_buffer("centres", torch.linspace(-1, 1, BUMPS), persistent=False)

    def forward(self, pitch: Tensor) -> Tensor:
        """Neighbouring pitches have similar features."""
        place = ((pitch.float() - self.middle) / self.reach)[:, None]
        distance = (place - self.centres.float()) * (BUMPS - 1) / 2
        return torch.cat([place, (-0.5 * distance.square()).exp()], dim=1)


class HarmonicSource(nn.Module):
    """MIDI numbers (N,) -> spectrum (N, F, L) of all harmonics at once, peaks of magnitude one.

    Args:
        sample_rate: in Hz.
        stft: of the spectrum.
        frames: L.
    """

    def __init__(self, sample_rate: int, stft: STFT, frames: int) -> None:
        super().__init__()
        self.sample_rate, self.stft, self.frames = sample_rate, stft, frames

    def audio(self, pitch: Tensor) -> Tensor:
        """The sum of cosines (N, L * hop), each of amplitude one."""
        turns = frequency(pitch)[:, None] / self.sample_rate
        count = (HIGHEST / 2 / turns).floor().clamp_min(1)
        time = torch.arange(self.frames * self.stft.hop, device=pitch.device, dtype=torch.float64)
        phase = (turns * time + 0.5).remainder(1) - 0.5  # in turns, so that float32 suffices
        half = math.pi * phase.float()
        sine = half.sin()
        ratio = ((2 * count.float() + 1) * half).sin() / (2 * sine)
        return torch.where(sine.abs() < 1e-6, count.float() + 0.5, ratio) - 0.5

    def forward(self, pitch: Tensor) -> Tensor:
        """Complex, in float32."""
        return self.stft(self.audio(pitch)) * (2 / self.stft.window.sum())
