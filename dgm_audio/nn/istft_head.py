"""From frames to a waveform: partials with their own phase, plus shaped noise, through one ISTFT.

    S = exp(a) P + exp(b) N,    x = gain * istft(S)

a: log-magnitude of the tonal part; P: unit partials exp(i p) or, where the pitch is known, its
harmonics, so that exp(a) is a filter and notes are in tune; b: log-magnitude of the noise part;
N: the STFT of white noise, so that exp(b) is a time-varying filter (the lowest bins have no noise:
few cycles of a kick's body fit into a window, and noise there is heard as a flutter of the level);
gain: a fine envelope inside each frame, which makes attacks sharper than the window.

The phase p is integrated, as a sound's is: it advances by the bin's frequency plus a predicted
deviation. Harmonics have a gain each, exp(e) (1 + s M), of which M is slow noise, as of many
players, and phases that the noise decides: nobody can tell those of a real note from its timbre,
and with fixed ones training would take the beats of close harmonics for noise (`nn.harmonics`).

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

from dgm_audio.nn.harmonics import HARMONICS, SILENT, Harmonics
from dgm_audio.signal.stft import STFT

GAINS_PER_FRAME = 8
MAX_LOG_GAIN = 3.0
LOG_RANGE = (-14.0, 6.0)
"""Bounds of the log-magnitudes, in nepers relative to the STFT of a unit sample."""
GAIN_RANGE = (-8.0, 5.0)
"""Of the log-gains of single harmonics, in nepers."""
MAX_SWING = 0.15
"""Of a harmonic's gain: a network that is unsure of a level would rather let it wander."""
KNOT = 8
"""Frames from knot to knot of slow noise: it moves by some 5 Hz."""
NOISE_BINS = (4, 12)
"""No noise below the first bin, all of it above the second."""


class Voices(NamedTuple):
    """The harmonics that are filtered, and how loud each of the first K is.

    Args:
        harmonics: of the pitch.
        gains: (N, K, L), amplitudes.
        swing: (N, K, L), how far they and their phases wander, relative to the gains.
    """

    harmonics: Harmonics
    gains: Tensor
    swing: Tensor

    def spectrum(self, noise: Tensor) -> Tensor:
        """Complex (N, F, L), with phases and a wandering that white noise (N, T) decides."""
        knots, (batch, count, frames) = self.swing.shape[2] // KNOT, self.swing.shape
        slow = noise[:, : 2 * count * knots].reshape(batch, 2 * count, knots)
        real, imaginary = F.interpolate(slow, size=frames, mode="linear").chunk(2, dim=1)
        phase = math.pi * noise[:, -count:, None]
        wander = 1 + self.swing * torch.complex(real, imaginary)
        return self.harmonics.weighted(
            self.gains * wander * torch.polar(torch.ones_like(phase), phase)
        )

    def first(self, count: int) -> Voices:
        """Those of the first `count` items."""
        harmonics = Harmonics(*(part[:count] for part in self.harmonics))
        return Voices(harmonics, self.gains[:count], self.swing[:count])


class Controls(NamedTuple):
    """What the network says of each frame.

    Args:
        tonal: a, log-magnitude of the filter of the partials (N, F, L).
        noisy: b, log-magnitude of the noise (N, F, L).
        gain: log of the fine envelope (N, L * GAINS_PER_FRAME).
        partials: phases p (N, F, L) of unit partials, or harmonics.
    """

    tonal: Tensor
    noisy: Tensor
    gain: Tensor
    partials: Tensor | Voices

    def first(self, count: int) -> Controls:
        """Those of the first `count` items."""
        partials = self.partials
        few = partials.first(count) if isinstance(partials, Voices) else partials[:count]
        return Controls(self.tonal[:count], self.noisy[:count], self.gain[:count], few)

    def log_magnitude(self) -> Tensor:
        """Log of the root of the expected power (N, F, L)."""
        tonal = 2 * self.tonal
        if isinstance(self.partials, Voices):
            power = self.partials.harmonics.power(self.partials.gains)
            tonal = tonal + power.clamp_min(SILENT**2).log()
        return 0.5 * torch.logaddexp(tonal, 2 * self.noisy)

    def tones(self, noise: Tensor) -> Tensor:
        """exp(a) P, complex (N, F, L)."""
        loud = self.tonal.exp()
        if isinstance(self.partials, Voices):
            return loud * self.partials.spectrum(noise)
        return torch.complex(loud * self.partials.cos(), loud * self.partials.sin())


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
        ways = HARMONICS if sourced else self.bins
        self.curves = [self.bins, ways, ways, self.bins, GAINS_PER_FRAME]
        self.project = nn.Linear(width, sum(self.curves))
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)
        tonal, _, swing, noisy, _ = self.project.bias.split(self.curves)
        with torch.no_grad():  # a quiet start: about -60 dB
            tonal.fill_(-2.0)
            noisy.fill_(-2.0)
            if sourced:
                swing.fill_(-3.0)
        share = (torch.arange(self.bins) - NOISE_BINS[0]) / (NOISE_BINS[1] - NOISE_BINS[0])
        self.register_buffer("noise_share", share.clamp(1e-5, 1).log(), persistent=False)

    def forward(self, frames: Tensor, noise: Tensor, source: Harmonics | None = None) -> Tensor:
        """Audio (N, L * hop); not clipped."""
        return self.synthesise(self.controls(frames, source), noise)

    def controls(self, frames: Tensor, source: Harmonics | None = None) -> Controls:
        """The curves of frames (N, L, width), in float32.

        Args:
            frames: what the network made.
            source: harmonics, for a head that takes them.
        """
        raw = self.project(self.norm(frames)).float()
        tonal, *ways, noisy, gain = raw.split(self.curves, -1)
        tonal = tonal.clamp(*LOG_RANGE).transpose(1, 2)
        noisy = (noisy + self.noise_share).clamp(*LOG_RANGE).transpose(1, 2)
        gain = MAX_LOG_GAIN * torch.tanh(gain - gain.mean(dim=-1, keepdim=True))
        if source is None:
            deviation, offset = ways
            advance = 4 * math.pi / self.overlap * torch.tanh(deviation)  # up to two bins
            phase = torch.cumsum(advance, dim=1) + offset + self._bin_phase(raw)
            partials = phase.transpose(1, 2)
        else:
            gains, swing = (part.transpose(1, 2) for part in ways)
            gains = gains.clamp(*GAIN_RANGE).exp()
            partials = Voices(source, gains, MAX_SWING * torch.sigmoid(swing))
        return Controls(tonal, noisy, gain.flatten(1), partials)

    def _bin_phase(self, like: Tensor) -> Tensor:
        """Phase (L, F) of a stationary partial at each bin's own frequency, from frame to frame.

        It refers to the frames' centres, so that the bins of one partial share one phase.
        """
        frame = torch.arange(like.shape[1], device=like.device)[:, None]
        bins = torch.arange(self.bins, device=like.device)
        turns = (frame * bins % self.overlap).float() / self.overlap + (bins % 2).float() / 2
        return 2 * math.pi * turns

    def synthesise(self, controls: Controls, noise: Tensor) -> Tensor:
        """Audio (N, L * hop) of the curves, with the given white noise of unit variance."""
        carrier = self.stft(noise) / self.stft.window.square().sum().sqrt()
        audio = self.stft.inverse(controls.tones(noise) + controls.noisy.exp() * carrier)
        size = audio.shape[-1]
        envelope = F.interpolate(controls.gain[:, None], size=size, mode="linear")[:, 0]
        return audio * envelope.exp()
