"""A second embedding: wavelets, and wavelets of what they find, which see fine structure in time.

    U_i(t)   = max(|x * psi_i|(t), g max |x * psi|)     envelope of a band, Q bands per octave
    S_i      = 20 log10 mean_t U_i / max U              how loud the band is, by section of time
    V_ik(t)  = |U_i * psi_k|(t)                         its modulation, by octave of rate
    R_ik     = 20 log10(mean_t V_ik / mean_t U_i + r)   depth of modulation, by section of time

Statistics of log-mel frames average over 3 to 46 ms, and see modulation in wide bands only.
Envelopes of wavelets are as quick as their band is wide, so that a transient of 3 ms, roughness,
beating partials and the rate of a tremolo are told apart band by band. What lies further below the
strongest envelope than the gate g does not count: such an envelope is constant, and has no
modulation.

Each envelope is computed from the few bins of the spectrum that its band has, at the rate which
they need: all of them together have a few times as many samples as the sound.

References:
    Andén and Mallat, "Deep scattering spectrum", 2014 (both orders, and the second one's
    normalisation by the first).
    Dau, Kollmeier and Kohlrausch, "Modeling auditory processing of amplitude modulation", 1997
    (octave-wide modulation filters).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_audio.evaluation.spectra import check_clips

GATE_DB = -55.0
"""Envelopes are not followed below this level, beneath the strongest of the clip."""
LEAST_DEPTH = 0.1
"""r: modulation is hardly heard where it is shallower, and noise has as much by chance."""
HIGHEST_DEPTH = 0.35
"""Modulation is as fast as the band is wide, at most: this share of the band's frequency."""
DEVIATIONS = 4.0
"""Where the filters' Gaussians are cut off."""
HALF_POWER = math.log(2) ** -0.5
"""Deviation of a Gaussian of amplitudes that has half the power at a distance of 1."""
SILENCE = 0.1
"""Seconds of silence behind a clip, where its slowest filters ring."""
QUIETEST = 1e-5
"""Clips whose strongest envelope is lower are silent."""
_SAMPLES = 2**20


class Envelopes(NamedTuple):
    """Of the Q bands of an octave.

    Attributes:
        values: at the octave's own rate (N, Q, n), silence behind the clip included.
        centres: frequencies of the bands in Hz (Q,).
    """

    values: Tensor
    centres: Tensor


@dataclass(frozen=True)
class ScatteringEmbedding:
    """Levels and modulations of wavelet bands (N, E) of clips (N, C, T); channels are averaged.

    Args:
        lowest: centre of the lowest band in Hz.
        bands: Q, bands per octave.
        slowest: centre of the slowest octave of modulation in Hz.
        fastest: no octave of modulation has a centre above it, in Hz.
        sections: sections of time for levels, each twice as long as the one before.
        modulated: the same for modulations, of which two neighbouring bands are averaged.

    Example:
        >>> clips = torch.randn(3, 1, 8000, generator=torch.Generator().manual_seed(0))
        >>> ScatteringEmbedding()(clips, 16000).shape[0]
        3
    """

    lowest: float = 40.0
    bands: int = 4
    slowest: float = 4.0
    fastest: float = 1024.0
    sections: int = 5
    modulated: int = 3

    def __call__(self, x: Tensor, sample_rate: int) -> Tensor:
        """Float32 numbers (N, E)."""
        clips = check_clips(x)
        parts = clips.flatten(0, 1).split(max(1, _SAMPLES // clips.shape[2]))
        numbers = torch.cat([self._embed(part, sample_rate) for part in parts])
        return numbers.unflatten(0, clips.shape[:2]).mean(1)

    def _embed(self, x: Tensor, sample_rate: int) -> Tensor:
        length = _fast(x.shape[1] + round(SILENCE * sample_rate))
        share = x.shape[1] / length
        octaves = self.envelopes(x, sample_rate, length)
        strongest = torch.stack([octave.values.amax((1, 2)) for octave in octaves]).amax(0)
        scale = strongest.masked_fill(strongest < QUIETEST, torch.inf)[:, None, None]
        gate, numbers = 10 ** (GATE_DB / 20), []
        for values, centres in octaves:
            gated = (values / scale).clamp_min(gate)
            numbers.append(20 * _sections(gated, share, self.sections).log10())
            rate = values.shape[2] * sample_rate / length
            numbers.append(self._depths(gated, centres, rate, share))
        return torch.cat([part.flatten(1) for part in numbers], 1)

    def envelopes(self, x: Tensor, sample_rate: int, length: int) -> list[Envelopes]:
        """|x * psi_i| of audio (N, T), followed by silence up to `length`, octave by octave."""
        spectrum = torch.fft.rfft(x, length)
        found, first = [], self.lowest
        while first * self._edge < sample_rate / 2:
            steps = torch.arange(self.bands, dtype=torch.float64)
            centres = first * 2 ** (steps / self.bands)
            centres = centres[centres * self._edge < sample_rate / 2]
            deviation = (self._edge - 1) * centres * HALF_POWER
            values = _filtered(spectrum[:, None], length, sample_rate, centres, deviation)
            found.append(Envelopes(values, centres))
            first *= 2
        return found

    @property
    def _edge(self) -> float:
        """Where a band meets the next one, in units of its centre."""
        return 2 ** (0.5 / self.bands)

    def _depths(self, values: Tensor, centres: Tensor, rate: float, share: float) -> Tensor:
        """R (N, Q / 2, octaves, sections) of envelopes (N, Q, n) of a rate in Hz."""
        level = _sections(values, share, self.modulated)
        spectrum, depths = torch.fft.rfft(values), []
        modulation = self.slowest
        while modulation <= min(self.fastest, HIGHEST_DEPTH * float(centres[0])):
            centre = torch.tensor([modulation], dtype=torch.float64)
            deviation = (2**0.5 - 1) * centre * HALF_POWER
            moved = _filtered(spectrum, values.shape[2], rate, centre, deviation)
            depth = _sections(moved, share, self.modulated) / level
            depths.append(20 * (depth + LEAST_DEPTH).log10())
            modulation *= 2
        if not depths:
            return level.new_zeros(len(values), 0)
        pairs = torch.stack(depths, 2).split(2, dim=1)
        return torch.stack([pair.mean(1) for pair in pairs], 1)


def _filtered(
    spectrum: Tensor, length: int, rate: float, centres: Tensor, deviations: Tensor
) -> Tensor:
    """Magnitudes (N, Q, n) of analytic Morlet bands of real signals, at the rate that they need.

    Args:
        spectrum: of the signals (N, 1 or Q, F).
        length: of the signals, in samples.
        rate: of the signals, in Hz.
        centres: of the bands in Hz (Q,); (1,) for the same band of all signals.
        deviations: of their Gaussians, in Hz.
    """
    step, last = rate / length, spectrum.shape[2] - 1
    count = _fast(max(2, round(2 * DEVIATIONS * float(deviations.max()) / step)))
    firsts = (centres / step).round().long() - count // 2
    bins = firsts[:, None] + torch.arange(count)
    frequency, centre, deviation = bins * step, centres[:, None], deviations[:, None]
    mean = _gaussian(centre / deviation)
    morlet = _gaussian((frequency - centre) / deviation) - mean * _gaussian(frequency / deviation)
    morlet = (2 * morlet * ((bins > 0) & (bins <= last))).float()
    bins = bins.clamp(0, last)
    picked = spectrum[:, 0][:, bins] if len(centres) > 1 else spectrum[:, :, bins[0]]
    return torch.fft.ifft(picked * morlet).abs() * (count / length)


def _fast(length: int) -> int:
    """The next 8 to 15 times a power of two, whose transforms are quick.

    >>> _fast(1025), _fast(5)
    (1152, 5)
    """
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def _gaussian(deviations: Tensor) -> Tensor:
    return (-0.5 * deviations.square()).exp()


def _sections(values: Tensor, share: float, sections: int) -> Tensor:
    """Means (N, Q, sections) over sections of doubling length of the first share of (N, Q, n)."""
    length = max(1, round(values.shape[2] * share))
    edges = [round(length * (2**i - 1) / (2**sections - 1)) for i in range(sections + 1)]
    starts = [min(edge, length - 1) for edge in edges[:-1]]
    pieces = [values[:, :, a : max(b, a + 1)] for a, b in zip(starts, edges[1:], strict=True)]
    return torch.stack([piece.mean(2) for piece in pieces], 2)
