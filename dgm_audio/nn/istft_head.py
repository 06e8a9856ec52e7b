"""From frames to a waveform: partials with their own phase, plus shaped noise, through one ISTFT.

    S = exp(a) exp(i p) H + exp(b) N,    x = gain * istft(S)

a, p: log-magnitude and phase of the tonal part; H: one or, where the pitch is known, the STFT of
all its harmonics (see `nn.harmonics`), so that exp(a) exp(i p) is a filter and notes are in tune;
b: log-magnitude of the noise part; N: the STFT of white noise, so that exp(b) is a time-varying
filter (the lowest bins have no noise: few cycles of a kick's body fit into a window, and noise
there is heard as a flutter of the level); gain: a fine envelope inside each frame, which makes
attacks sharper than the window. Without harmonics the phase is integrated, as a sound's is: p
advances by the bin's frequency plus a predicted deviation.

References:
    Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", 2023.
    Serra and Smith, "Spectral modeling synthesis", 1990 (partials plus shaped noise).
    Engel et al., "GANSynth", 2019 (instantaneous frequency).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.harmonics import SILENT
from dgm_audio.signal.stft import STFT

GAINS_PER_FRAME = 8
MAX_LOG_GAIN = 3.0
LOG_RANGE = (-14.0, 6.0)
"""Bounds of the log-magnitudes, in nepers relative to the STFT of a unit sample."""
NOISE_BINS = (4, 12)
"""No noise below the first bin, all of it above the second."""


class Controls(NamedTuple):
    """What the network says of each frame.

    Args:
        tonal: a, log-magnitude of the partials (N, F, L).
        noisy: b, log-magnitude of the noise (N, F, L).
        partials: exp(a) exp(i p), complex (N, F, L).
        gain: log of the fine envelope (N, L * GAINS_PER_FRAME).
    """

    tonal: Tensor
    noisy: Tensor
    partials: Tensor
    gain: Tensor

    def first(self, count: int) -> Controls:
        """Those of the first `count` items."""
        return Controls(*(part[:count] for part in self))

    def log_magnitude(self) -> Tensor:
        """Log sqrt(exp(2a) + exp(2b)), (N, F, L): half the log of the expected power."""
        return 0.5 * torch.logaddexp(2 * self.tonal, 2 * self.noisy)


class ISTFTHead(nn.Module):
    """(N, L, width) frames and (N, L * hop) white noise -> (N, L * hop) audio.

    Args:
        width: channels of the frames.
        n_fft: window length in samples.
        hop: samples per frame; a multiple of `GAINS_PER_FRAME`.
        sourced: whether the harmonics are given.
    """

    noise_share: Tensor

    def __init__(self, width: int, n_fft: int, hop: int, sourced: bool = False) -> None:
        super().__init__()
        self.sourced = sourced
        self.stft = STFT(n_fft, hop)
        self.bins = n_fft // 2 + 1
        self.overlap = n_fft // hop
        self.norm = nn.LayerNorm(width)
        self.curves = 3 if sourced else 4
        self.project = nn.Linear(width, self.curves * self.bins + GAINS_PER_FRAME)
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)
        with torch.no_grad():  # a quiet start: about -60 dB
            self.project.bias[: self.bins] = -2.0
            self.project.bias[(self.curves - 1) * self.bins : self.curves * self.bins] = -2.0
        share = (torch.arange(self.bins) - NOISE_BINS[0]) / (NOISE_BINS[1] - NOISE_BINS[0])
        self.register_buffer("noise_share", share.clamp(1e-5, 1).log(), persistent=False)

    def forward(self, frames: Tensor, noise: Tensor, source: Tensor | None = None) -> Tensor:
        """Audio (N, L * hop); not clipped."""
        return self.synthesise(self.controls(frames, source), noise)

    def controls(self, frames: Tensor, source: Tensor | None = None) -> Controls:
        """The curves of frames (N, L, width), in float32.

        Args:
            frames: what the network made.
            source: harmonics (N, F, L), for a head that takes them.
        """
        raw = self.project(self.norm(frames)).float()
        *tones, noisy, gain = raw.split([self.bins] * self.curves + [GAINS_PER_FRAME], -1)
        if source is None:
            tonal, deviation, offset = tones
            advance = 4 * math.pi / self.overlap * torch.tanh(deviation)  # up to two bins
            phase = torch.cumsum(advance, dim=1) + offset + self._bin_phase(raw)
        else:
            tonal, phase = tones
        gain = MAX_LOG_GAIN * torch.tanh(gain - gain.mean(dim=-1, keepdim=True))
        noisy = (noisy + self.noise_share).clamp(*LOG_RANGE).transpose(1, 2)
        tonal = tonal.clamp(*LOG_RANGE).transpose(1, 2)
        partials = torch.polar(tonal.exp(), phase.transpose(1, 2))
        if source is not None:
            partials, tonal = partials * source, tonal + source.abs().clamp_min(SILENT).log()
        return Controls(tonal, noisy, partials, gain.flatten(1))

    def _bin_phase(self, like: Tensor) -> Tensor:
        """Phase (L, F) of a stationary partial at each bin's own frequency, from frame to frame.

        It refers to the frames' centres, so that the bins of one partial share one phase.
        """
        frame = torch.arange(like.shape[1], device=like.device)[:, None]
        bins = torch.arange(self.bins, device=like.device)
        turns = (frame * bins % self.overlap) / self.overlap + bins % 2 / 2
        return 2 * math.pi * turns

    def synthesise(self, controls: Controls, noise: Tensor) -> Tensor:
        """Audio (N, L * hop) of the curves, with the given white noise of unit variance."""
        carrier = self.stft(noise) / self.stft.window.square().sum().sqrt()
        audio = self.stft.inverse(controls.partials + controls.noisy.exp() * carrier)
        size = audio.shape[-1]
        envelope = F.interpolate(controls.gain[:, None], size=size, mode="linear")[:, 0]
        return audio * envelope.exp()
