"""The mel front end: one definition for every model, metric and picture that speaks mel.

log_mel = log(max(mel(|STFT(x)|), floor)), natural logarithm, magnitudes (not power).

References:
    Slaney, "Auditory Toolbox", 1998 (the mel scale and the filters' area normalisation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.signal.portable import hann
from dgm_audio.signal.stft import centred_stft


@dataclass(frozen=True)
class MelSpec:
    """The definition of a mel spectrogram; two models fit together if their specs are equal.

    Args:
        sample_rate: in Hz.
        n_fft: window length in samples (Hann).
        hop: samples between frames.
        n_mels: M.
        f_min: lower edge in Hz.
        f_max: upper edge in Hz.
        floor: smallest magnitude before the logarithm.
    """

    sample_rate: int = field(metadata={"low": 1000, "high": 384000})
    n_fft: int = field(default=1024, metadata={"low": 16, "high": 2**16})
    hop: int = field(default=256, metadata={"low": 1, "high": 2**14})
    n_mels: int = field(default=80, metadata={"low": 1, "high": 1024})
    f_min: float = field(default=0.0, metadata={"low": 0.0, "high": 2e5})
    f_max: float = field(default=8000.0, metadata={"low": 0.0, "high": 2e5})
    floor: float = field(default=1e-5, metadata={"low": 1e-12, "high": 1.0})

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest plausible log-mel: 20 dB beyond the possible range.

        No magnitude is below the floor; a sine of full scale has n_fft / 2 in its bin, and a filter
        of area 1 sums it up with 1 / (bin width) = n_fft / sample_rate.

        >>> [round(edge, 2) for edge in MelSpec(16000).range]
        [-13.82, 5.79]
        """
        loudest = self.n_fft / 2 * self.n_fft / self.sample_rate
        return math.log(self.floor / 10), math.log(10 * max(loudest, self.floor))


class LogMel(nn.Module):
    """Natural log of the mel magnitudes, equal to librosa's (Slaney scale, Slaney norm).

    Frames are centred at multiples of the hop, with zero padding:
    (..., T) -> (..., M, 1 + T // hop).
    """

    window: Tensor
    filters: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", hann(spec.n_fft).float(), persistent=False)
        self.register_buffer("filters", mel_filters(spec).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log-mel spectrogram (..., M, 1 + T // hop) of audio (..., T)."""
        return self._of(centred_stft(x, self.window, self.spec.hop).abs())

    def frame(self, x: Tensor) -> Tensor:
        """The log-mel (..., M) of single frames (..., n_fft)."""
        return self._of(torch.fft.rfft(x * self.window).abs()[..., None])[..., 0]

    def _of(self, magnitude: Tensor) -> Tensor:
        return (self.filters @ magnitude).clamp_min(self.spec.floor).log()


BREAK, BREAK_MEL, LOG_STEP = 1000.0, 15.0, math.log(6.4) / 27
"""Where Slaney's scale, linear below, becomes logarithmic: Hz, mel, nepers per mel."""


def mel_filters(spec: MelSpec) -> Tensor:
    """Triangles (M, n_fft / 2 + 1) of unit area: float64, the same on every machine.

    Their corners are rounded to 2^-20 Hz; what follows are sums and quotients.
    """
    low, high = (to_mel(edge) for edge in (spec.f_min, spec.f_max))
    mels = low + (high - low) * np.arange(spec.n_mels + 2) / (spec.n_mels + 1)
    above = BREAK * np.exp((np.maximum(mels, BREAK_MEL) - BREAK_MEL) * LOG_STEP)
    corners = np.round(np.where(mels < BREAK_MEL, mels * BREAK / BREAK_MEL, above) * 2**20) / 2**20
    hertz = np.arange(spec.n_fft // 2 + 1) * (spec.sample_rate / spec.n_fft)
    left, centre, right = (corners[i : i + spec.n_mels, None] for i in range(3))
    rising, falling = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)) * (2 / (right - left)))


def to_mel(hertz: float) -> float:
    """A frequency on Slaney's scale."""
    if hertz < BREAK:
        return hertz * BREAK_MEL / BREAK
    return BREAK_MEL + math.log(hertz / BREAK) / LOG_STEP
