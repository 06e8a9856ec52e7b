"""The all-pole envelope that a mel spectrogram describes: a filter that makes its sound white.

    u_t = x_t - sum_{i=1}^{P} a_i x_{t-i},    a, level from the mel at t

The power spectrum of a frame is that of the flattest magnitudes with its mel; its autocorrelation
gives the coefficients by Levinson's recursion, whose last error is the level of u. Powers are
interpolated between frames.

References:
    Makhoul, "Linear prediction: a tutorial review", 1975.
    Juvela et al., "Speech waveform synthesis from MFCC sequences with generative adversarial
    networks", 2018 (linear prediction from mel-scale features).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_audio.signal.griffin_lim import linear_magnitudes
from dgm_audio.signal.mel import LogMel, MelSpec

HOP = 64
"""Samples between two filters."""
HEAVIER = 1 + 1e-4
"""White noise 40 dB below the sound keeps the filters tame."""
QUIET = 1e-10
"""Least power of a sample before that."""
LOWEST = 1e-5
"""Least level."""


class MelEnvelope:
    """Filters of mel frames.

    Args:
        spec: of the mel.
        order: P.
    """

    def __init__(self, spec: MelSpec, order: int) -> None:
        self.spec, self.order = spec, order
        front = LogMel(spec)
        self.filters = front.filters.double()
        self.energy = float(front.window.double().square().sum())

    def __call__(self, mel: Tensor, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Coefficients (B, N, P) and levels (B, N), float64, of N hops of 64 samples.

        Args:
            mel: log-mel frames (B, M, L).
            first: hop of the first filter.
            count: N.
        """
        place = (torch.arange(first, first + count) + 0.5) * HOP / self.spec.hop
        place = place.to(mel.device).clamp(max=mel.shape[2] - 1)
        begin = int(place[0])
        frames = mel[:, :, begin : int(place[-1]) + 2].double().exp()
        power = linear_magnitudes(frames, self.filters.to(mel.device)).square()
        r = torch.fft.irfft(power, dim=1)[:, : self.order + 1] / self.energy
        index = place.floor().long() - begin
        later = (index + 1).clamp(max=frames.shape[2] - 1)
        r = torch.lerp(r[:, :, index], r[:, :, later], (place % 1).double()).transpose(1, 2)
        r = torch.cat([r[..., :1] * HEAVIER + QUIET, r[..., 1:]], dim=-1)
        a, error = levinson(r)
        return a, error.sqrt().clamp_min(LOWEST)


def levinson(r: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (..., P) and last errors (...) of autocorrelations (..., P + 1)."""
    a, error = r[..., :0], r[..., 0]
    for i in range(r.shape[-1] - 1):
        known = (a * r[..., 1 : i + 1].flip(-1)).sum(-1)
        k = (r[..., i + 1] - known) / error
        a = torch.cat([a - k[..., None] * a.flip(-1), k[..., None]], dim=-1)
        error = error * (1 - k.square())
    return a, error
