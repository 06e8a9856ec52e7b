"""From frames to a waveform: partials with their own phase, plus shaped noise, through one ISTFT.

    S = exp(a) P + exp(b) N,    x = gain * istft(S)

    frames (N, L, width) -> a, p, b (N, F, L), gain (N, 8 L) -> S (N, F, L) -> x (N, L * hop)

a: log-magnitude of the harmonic part; P: unit partials exp(i p) or, where the pitch is a condition,
its harmonics, so that exp(a) is a filter and notes are in tune; b: log-magnitude of the noise part;
N: the STFT of white noise, so that exp(b) is a time-varying filter (the lowest bins have no noise:
few cycles of a kick's body fit into a window, where noise sounds like a flutter of the level);
gain: a fine envelope inside each frame, which makes attacks sharper than the window.

The phase p is integrated: it advances by the bin's frequency plus a predicted deviation. Each
harmonic has a gain exp(e) (1 + s M), where M is slow noise, as of an ensemble, and a phase that is
drawn from the noise: phases of real notes do not follow from their timbre, and with fixed ones the
beats of close harmonics would be modelled as noise (`nn.harmonics`).

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
"""Bounds of the log-gains of single harmonics, in nepers."""
MAX_MODULATION = 0.15
"""Bound of s: without it a network that is uncertain of a level models it as modulation."""
KNOT = 8
"""Frames between the knots of slow noise, whose bandwidth is about 5 Hz."""
NOISE_BINS = (4, 12)
"""No noise below the first bin, all of it above the second."""


class WeightedHarmonics(NamedTuple):
    """The harmonics of a pitch, with a gain and a random modulation of each of the first K.

    Args:
        harmonics: of the pitch.
        gains: (N, K, L), amplitudes.
        modulation: s (N, K, L), relative depth of the slow noise on amplitudes and phases.
    """

    harmonics: Harmonics
    gains: Tensor
    modulation: Tensor

    def spectrum(self, noise: Tensor) -> Tensor:
        """Complex (N, F, L), with phases and modulation drawn from white noise (N, T)."""
        knots, (batch, count, frames) = self.modulation.shape[2] // KNOT, self.modulation.shape
        slow = noise[:, : 2 * count * knots].reshape(batch, 2 * count, knots)
        real, imaginary = F.interpolate(slow, size=frames, mode="linear").chunk(2, dim=1)
        phase = math.pi * noise[:, -count:, None]
        wander = 1 + self.modulation * torch.complex(real, imaginary)
        return self.harmonics.weighted(
            self.gains * wander * torch.polar(torch.ones_like(phase), phase)
        )

    def first(self, count: int) -> WeightedHarmonics:
        """Those of the first `count` items."""
        harmonics = Harmonics(*(part[:count] for part in self.harmonics))
        return WeightedHarmonics(harmonics, self.gains[:count], self.modulation[:count])


class Controls(NamedTuple):
    """Curves that an `ISTFTHead` synthesises.

    Args:
        tonal: a, log-magnitude of the filter of the partials (N, F, L).
        noisy: b, log-magnitude of the noise (N, F, L).
        gain: log of the fine envelope (N, L * GAINS_PER_FRAME).
        partials: phases p (N, F, L) of unit partials, or harmonics.
    """

    tonal: Tensor
    noisy: Tensor
    gain: Tensor
    partials: Tensor | WeightedHarmonics

    def first(self, count: int) -> Controls:
        """Those of the first `count` items."""
        partials = self.partials
        few = partials.first(count) if isinstance(partials, WeightedHarmonics) else partials[:count]
        return Controls(self.tonal[:count], self.noisy[:count], self.gain[:count], few)

    def log_magnitude(self) -> Tensor:
        """Log of the root of the expected power (N, F, L)."""
        tonal = 2 * self.tonal
        if isinstance(self.partials, WeightedHarmonics):
            power = self.partials.harmonics.power(self.partials.gains)
            tonal = tonal + power.clamp_min(SILENT**2).log()
        return 0.5 * torch.logaddexp(tonal, 2 * self.noisy)

    def harmonic(self, noise: Tensor) -> Tensor:
        """The harmonic part exp(a) P, complex (N, F, L)."""
        magnitude = self.tonal.exp()
        if isinstance(self.partials, WeightedHarmonics):
            return magnitude * self.partials.spectrum(noise)
        return torch.complex(magnitude * self.partials.cos(), magnitude * self.partials.sin())


class ISTFTHead(nn.Module):
    """(N, L, width) frames and (N, L * hop) white noise -> (N, L * hop) audio.

    Args:
        width: channels of the frames.
        n_fft: window length in samples.
        hop: samples per frame; a multiple of `GAINS_PER_FRAME`.
        with_source: whether harmonics of a pitch are an input.
    """

    noise_share: Tensor

    def __init__(self, width: int, n_fft: int, hop: int, with_source: bool = False) -> None:
        super().__init__()
        self.with_source = with_source
        self.stft = STFT(n_fft, hop)
        self.bins = n_fft // 2 + 1
        self.overlap = n_fft // hop
        self.norm = nn.LayerNorm(width)
        ways = HARMONICS if with_source else self.bins
        self.curves = [self.bins, ways, ways, self.bins, GAINS_PER_FRAME]
        self.project = nn.Linear(width, sum(self.curves))
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)
        tonal, _, modulation, noisy, _ = self.project.bias.split(self.curves)
        with torch.no_grad():  # a quiet start: about -60 dB
            tonal.fill_(-2.0)
            noisy.fill_(-2.0)
            if with_source:
                modulation.fill_(-3.0)
        share = (torch.arange(self.bins) - NOISE_BINS[0]) / (NOISE_BINS[1] - NOISE_BINS[0])
        self.register_buffer("noise_share", share.clamp(1e-5, 1).log(), persistent=False)

    def forward(self, frames: Tensor, noise: Tensor, source: Harmonics | None = None) -> Tensor:
        """Audio (N, L * hop); not clipped."""
        return self.synthesise(self.controls(frames, source), noise)

    def controls(self, frames: Tensor, source: Harmonics | None = None) -> Controls:
        """The curves of frames (N, L, width), in float32.

        Args:
            frames: of the network.
            source: harmonics, for a head `with_source`.

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
            gains, modulation = (part.transpose(1, 2) for part in ways)
            gains = gains.clamp(*GAIN_RANGE).exp()
            partials = WeightedHarmonics(source, gains, MAX_MODULATION * torch.sigmoid(modulation))
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
        audio = self.stft.inverse(controls.harmonic(noise) + controls.noisy.exp() * carrier)
        size = audio.shape[-1]
        envelope = F.interpolate(controls.gain[:, None], size=size, mode="linear")[:, 0]
        return audio * envelope.exp()
