"""The partials of a note of known pitch: their frequencies, amplitudes and noise between them.

    f_k    the highest peak of a long spectrum within 60 cents of k f0
    y_k[l] = sum_n w[n] x[l h + n] exp(-2 pi i f_k (l h + n) / rate)

|y_k| is the amplitude of partial k over time; how its phase turns is the movement of its frequency.

References:
    Flanagan and Golden, "Phase vocoder", 1966.
    Fletcher, Blackham and Stratton, "Quality of piano tones", 1962 (inharmonic partials).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
import torch.signal.windows
from torch import Tensor

PARTIALS, TRACKED = 20, 8
"""Looked for, and followed over time, the strongest first."""
CENTS = 60.0
"""So far from its harmonic place a partial is looked for."""
RANGE_DB, CLEAR_DB = -50.0, 15.0
"""A partial is at most so far below the strongest one, and so far above what is around it."""
LONGEST, HOP = 0.6, 0.01
"""Seconds."""
HIGHEST = 8000.0
"""Hz up to which noise is counted."""
_PADDING = 4


@dataclass(frozen=True)
class Partials:
    """K partials of one note.

    Args:
        number: k (K,) int64, rising.
        hertz: f_k (K,) float64.
        level: in dB (K,) relative to the strongest.
    """

    number: Tensor
    hertz: Tensor
    level: Tensor

    def cents(self) -> Tensor:
        """Deviations (K,) from multiples of one fundamental, the median of f_k / k."""
        fundamental = (self.hertz / self.number).quantile(0.5)
        return 1200 * (self.hertz / self.number / fundamental).log2()


@dataclass(frozen=True)
class Tracks:
    """Partials over time, L frames of 10 ms; NaN where one is 30 dB below its maximum.

    Args:
        level: in dB (K, L).
        cents: deviation (K, L) from the partial's mean frequency.
    """

    level: Tensor
    cents: Tensor


@dataclass(frozen=True, eq=False)
class Note:
    """The steady part of a note.

    Args:
        x: audio (T,).
        sample_rate: in Hz.
        f0: the fundamental in Hz that was asked for; NaN where unknown.
    """

    x: Tensor
    sample_rate: int
    f0: float

    @cached_property
    def partials(self) -> Partials:
        """None of them if the pitch is not known or the part does not last four periods."""
        if math.isnan(self.f0) or len(self.x) < 4 / self.f0 * self.sample_rate:
            empty = torch.zeros(0, dtype=torch.float64)
            return Partials(empty.long(), empty, empty)
        return find_partials(self.x, self.sample_rate, self.f0)

    @cached_property
    def tracks(self) -> Tracks:
        """Of the strongest partials."""
        return track(self.x, self.sample_rate, self.f0, self.partials)


def find_partials(x: Tensor, sample_rate: int, f0: float) -> Partials:
    """The partials of the steady part (T,) of a note whose fundamental is near f0 in Hz."""
    x = x[: round(LONGEST * sample_rate)]
    size = _PADDING * len(x)
    width = sample_rate / size
    count = min(PARTIALS, int(0.45 * sample_rate / f0))
    spectrum = torch.fft.rfft(x * torch.hann_window(len(x)), size)
    spectrum = spectrum[: round((count + 1) * f0 / width) + 1].abs().double()
    level = 20 * (spectrum / spectrum.max().clamp_min(1e-30)).clamp_min(1e-8).log10()
    found = []
    for number in range(1, count + 1):
        half = max(number * f0 * (2 ** (CENTS / 1200) - 1), 1.5 * _PADDING * width)
        half = min(half, 0.45 * f0)
        low, high = (round((number * f0 + side * half) / width) for side in (-1, 1))
        low, high = max(low, 1), min(high, len(level) - 2)
        place = low + int(level[low : high + 1].argmax())
        before, top, after = level[place - 1 : place + 2].tolist()
        if top < RANGE_DB or not (before < top >= after):
            continue
        reach = round(f0 / 2 / width)
        if top >= float(level[max(0, place - reach) : place + reach + 1].median()) + CLEAR_DB:
            shift = 0.5 * (before - after) / (before - 2 * top + after)
            found.append((number, (place + shift) * width, top))
    columns = torch.tensor(found, dtype=torch.float64).reshape(-1, 3).T
    top = columns[2].max() if len(found) else 0.0
    return Partials(columns[0].long(), columns[1], columns[2] - top)


def track(x: Tensor, sample_rate: int, f0: float, partials: Partials) -> Tracks:
    """The strongest partials of a part (T,) over time; L is 0 if it is too short."""
    chosen = partials.level.argsort(descending=True, stable=True)[:TRACKED].sort().values
    hertz = partials.hertz[chosen]
    window, hop = track_window(sample_rate, f0), round(HOP * sample_rate)
    if len(x) < window + hop or not len(chosen):
        return Tracks(torch.zeros(len(chosen), 0), torch.zeros(len(chosen), 0))
    frames = x.unfold(0, window, hop) * torch.hann_window(window)
    turn = -2 * math.pi / sample_rate * hertz
    angle = turn[:, None] * torch.arange(window, dtype=torch.float64)
    kernel = torch.cat([angle.cos(), angle.sin()]).float()
    real, imaginary = (frames @ kernel.T).double().T.chunk(2)
    start = turn[:, None] * hop * torch.arange(len(frames), dtype=torch.float64)
    y = torch.complex(real, imaginary) * torch.polar(torch.ones_like(start), start)
    level = 20 * y.abs().clamp_min(1e-12).log10()
    level = level.where(level > level.amax(1, keepdim=True) - 30, torch.nan)
    moved = (y[:, 1:] * y[:, :-1].conj()).angle() * sample_rate / (2 * math.pi * hop)
    cents = 1200 / math.log(2) * moved / hertz[:, None]
    heard = ~(level[:, 1:].isnan() | level[:, :-1].isnan())
    return Tracks(level, cents.where(heard, torch.nan))


def track_window(sample_rate: int, f0: float) -> int:
    """Samples: 60 ms, or four periods, so that the next partial is outside the main lobe."""
    return round(max(0.06, 4 / f0) * sample_rate)


def harmonic_to_noise(note: Note) -> float:
    """Power within a quarter of f0 around the partials over that of the noise, in dB.

    The noise is what lies between the partials, from f0 / 2 up to 8 kHz or the half of the rate,
    and as much per Hz again within them. A window of Blackman and Harris, whose side lobes are
    92 dB down, is taken of up to 600 ms. NaN if the part is too short to resolve the partials.
    """
    sample_rate, f0, partials = note.sample_rate, note.f0, note.partials
    x = note.x[: round(LONGEST * sample_rate)]
    width = sample_rate / len(x)
    if 4 * width > 0.4 * f0:
        return math.nan
    power = torch.fft.rfft((x - x.mean()).double() * _blackman_harris(len(x)))
    power = power[: round(HIGHEST / width) + 1].abs().square()
    hertz = torch.arange(len(power), dtype=torch.float64) * width
    fundamental = float((partials.hertz / partials.number).quantile(0.5))
    number = (hertz / fundamental).round().long()
    centres = torch.arange(max(int(number[-1]), PARTIALS) + 1, dtype=torch.float64) * fundamental
    centres[partials.number] = partials.hertz
    inside = (hertz - centres[number]).abs() <= max(f0 / 4, 4 * width)
    within, between = power[inside & (number > 0)], power[~inside & (hertz > fundamental / 2)]
    density = float(between.mean())
    harmonic = max(float(within.sum()) - density * len(within), 1e-30)
    noise = max(density * (len(within) + len(between)), 1e-30)
    return 10 * math.log10(harmonic / noise)


@lru_cache(64)
def _blackman_harris(length: int) -> Tensor:
    return torch.signal.windows.general_cosine(
        length, a=(0.35875, 0.48829, 0.14128, 0.01168), sym=False, dtype=torch.float64
    )
