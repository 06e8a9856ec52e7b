"""The harmonics of a pitch: features for networks, spectra for synthesis, levels in a sound.

    PitchFeatures    MIDI numbers (N,) -> (N, BUMPS + 1)
    HarmonicSource   MIDI numbers (N,) -> harmonics in a spectrum (N, F, L); levels (N, K, L)

    s(t) = sum over k = K + 1 .. N of sin(2 pi k f0 t)
         = (cos((2K + 1) pi f0 t) - cos((2N + 1) pi f0 t)) / (2 sin(pi f0 t))

The first K = `HARMONICS` of them are separate, so that a network can give each its level, however
close together they lie in a spectrum: a clarinet has mainly the odd ones.

References:
    Wang, Takaki and Yamagishi, "Neural source-filter waveform models", 2020.
    Moorer, "The synthesis of complex audio spectra by means of discrete summation formulas", 1976.
    Engel et al., "DDSP: differentiable digital signal processing", 2020 (a gain per harmonic).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.signal.pitch import frequency
from dgm_audio.signal.stft import STFT

HARMONICS = 64
BUMPS = 11
HIGHEST = 0.95
"""Share of half the sample rate up to which there are harmonics."""
SILENT = 1e-4
ANALYSIS = 4
"""Length of the window in which levels of harmonics are measured, in windows of the spectrum."""


class PitchFeatures(nn.Module):
    """MIDI numbers (N,) -> (N, BUMPS + 1): the position in the range, and Gaussian bumps over it.

    Args:
        low: lowest MIDI number.
        high: highest MIDI number.
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


class Harmonics(NamedTuple):
    """A pitch's harmonics in a spectrum, peaks of magnitude one.

    Args:
        rest: those above the first K, complex (N, F, L).
        turning: e^(i phase) of each of the first K at the frames' centres, complex (N, K, L).
        lobes: their shapes in frequency (N, 2, F, K), for imaginary and real parts of `turning`.
    """

    rest: Tensor
    turning: Tensor
    lobes: Tensor

    def weighted(self, gains: Tensor) -> Tensor:
        """The spectrum (N, F, L) with gains, complex (N, K, L), on the first K."""
        turned = self.turning * gains
        parts = torch.stack([turned.imag, -turned.real], dim=1)
        first = (parts.mT @ self.lobes.mT).mT  # frames stay the slower axis, as in a spectrum
        return self.rest + torch.complex(*first.unbind(1))

    def power(self, gains: Tensor) -> Tensor:
        """Mean |spectrum|^2 (N, F, L) over the phases of the first K, with gains (N, K, L)."""
        shape = self.lobes.square().mean(1)
        return (gains.square().mT @ shape.mT).mT + self.rest.abs().square()


class HarmonicSource(nn.Module):
    """MIDI numbers (N,) -> their `Harmonics`.

    Args:
        sample_rate: in Hz.
        stft: of the spectrum.
        frames: L.
    """

    def __init__(self, sample_rate: int, stft: STFT, frames: int) -> None:
        super().__init__()
        self.sample_rate, self.stft, self.frames = sample_rate, stft, frames

    def forward(self, pitch: Tensor) -> Harmonics:
        """In float32 and complex64."""
        cycles = self._cycles(pitch)
        centre = (torch.arange(self.frames, device=pitch.device) + 0.5) * self.stft.hop
        phase = 2 * math.pi * (cycles[:, :, None] * centre).remainder(1).float()
        return Harmonics(
            self.stft(self.audio(pitch)) * (2 / self.stft.window.sum()),
            torch.polar(torch.ones_like(phase), phase),
            self._lobes(cycles),
        )

    def audio(self, pitch: Tensor) -> Tensor:
        """The sum of the sines above the first K (N, L * hop), each of amplitude one."""
        turns = frequency(pitch)[:, None] / self.sample_rate
        count = (HIGHEST / 2 / turns).floor().clamp_min(HARMONICS).float()
        start = torch.arange(self.frames, device=pitch.device) * self.stft.hop
        first, within = (  # in turns, so that float32 suffices
            (turns * time).remainder(1).float()
            for time in (start, torch.arange(self.stft.hop, device=pitch.device))
        )
        turned = (first[:, :, None] + within[:, None]).flatten(1)
        half = math.pi * (turned - turned.round())
        sine = half.sin()
        ratio = ((2 * HARMONICS + 1) * half).cos() - ((2 * count + 1) * half).cos()
        return torch.where(sine.abs() < 1e-6, 0.0, ratio / (2 * sine))

    def _cycles(self, pitch: Tensor) -> Tensor:
        """Frequencies (N, K) of the first harmonics, in cycles per sample."""
        order = torch.arange(1, HARMONICS + 1, device=pitch.device)
        return frequency(pitch)[:, None] / self.sample_rate * order

    def _lobes(self, cycles: Tensor) -> Tensor:
        """The window's spectrum around each harmonic and around its mirror image (N, 2, F, K).

        At a distance of x bins a Hann window has sin(pi x) / (pi x (1 - x^2)) of its peak; bins
        are whole numbers, so that one sine per harmonic will do.
        """
        place = (cycles * self.stft.n_fft)[:, None]
        nearest = place.round()
        off = place - nearest
        off = torch.where(off == 0, 1e-4, off)
        sine = (math.pi * off).sin() / math.pi * (1 - 2 * (nearest % 2))
        sine = (sine * (cycles < HIGHEST / 2)[:, None]).float()
        bins = torch.arange(self.stft.n_fft // 2 + 1, device=cycles.device)[:, None]
        off, nearest = off.float(), nearest.float()
        distances = off + (nearest - bins), off + (nearest + bins)
        above, below = (1 / (x - x * x * x) for x in distances)
        return torch.stack([sine * (above + below), sine * (above - below)], dim=1)

    def levels(self, x: Tensor, pitch: Tensor) -> Tensor:
        """Log-amplitudes (N, K, L) of the first harmonics of audio (N, L * hop), -80 dB at least.

        Measured in windows four times as long as those of the spectrum, which separate low
        harmonics.

        """
        size = ANALYSIS * self.stft.n_fft
        window = torch.hann_window(size, dtype=x.dtype, device=x.device)
        padded = F.pad(x, [(size - self.stft.hop) // 2] * 2)
        pieces = padded.unfold(-1, size, self.stft.hop) * (window * (2 / window.sum()))
        cycles = self._cycles(pitch).float()
        angle = 2 * math.pi * cycles[:, None] * torch.arange(size, device=x.device)[:, None]
        waves = torch.cat([angle.cos(), angle.sin()], dim=2) * (cycles < 0.5).repeat(1, 2)[:, None]
        cosine, sine = (pieces @ waves).transpose(1, 2).chunk(2, dim=1)
        return 0.5 * (cosine.square() + sine.square() + SILENT**2).log()
