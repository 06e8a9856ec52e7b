"""What is noticed of single notes of known pitch: partials, beating, noise, movement."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dgm_audio.evaluation.listening.partials import Note, harmonic_to_noise
from dgm_audio.evaluation.listening.sounds import STEP, Sounds

LEAST_PARTIALS, LEAST_FRAMES = 3, 10
MIDDLE = (0.2, 0.8)
WINDOW = 0.05


def inharmonicity_cents(sounds: Sounds) -> Tensor:
    """Median |deviation| in cents (B,) of the partials from multiples of one fundamental.

    The fundamental is the median of f_k / k; partials that are not within 60 cents of k times the
    pitch that was asked for are not found. NaN if fewer than three are found.
    """
    return _of_notes(sounds, _inharmonicity)


def beating_db(sounds: Sounds) -> Tensor:
    """Fluctuation of the partials in dB (B,): the median over the eight strongest.

    Of each the standard deviation of its level over time, less a parabola that follows the decay.
    A level is that of 60 ms or four periods. NaN if less than 0.1 s can be followed.
    """
    return _of_notes(sounds, _beating)


def pitch_movement_cents(sounds: Sounds) -> Tensor:
    """Standard deviation over time of the pitch in cents (B,), in the steady part.

    The pitch of a frame is the mean over the eight strongest partials, weighted by their power.
    """
    return _of_notes(sounds, _pitch_movement)


def harmonic_to_noise_db(sounds: Sounds) -> Tensor:
    """Power of the partials over that of the noise up to 8 kHz in dB (B,), in the steady part."""
    return _of_notes(sounds, harmonic_to_noise)


def centroid_movement(sounds: Sounds) -> Tensor:
    """Standard deviation over time of the spectral centroid in semitones (B,).

    Of the power spectrum in frames of 50 ms, between 20 and 80 % of the energy; NaN if there are
    fewer than three frames.
    """
    ends = sounds.between(*MIDDLE)
    parts = [x[start:end] for x, (start, end) in zip(sounds.mono, ends, strict=True)]
    values = [_centroid_movement(part, sounds) for part in parts]
    return sounds.nan_where_silent(torch.tensor(values, dtype=torch.float64))


def _of_notes(sounds: Sounds, figure: Callable[[Note], float]) -> Tensor:
    """A figure (B,) of each note; NaN without sound, pitch or partials."""
    values = [
        figure(note) if len(note.partials.number) >= LEAST_PARTIALS else math.nan
        for note in sounds.notes
    ]
    return sounds.nan_where_silent(torch.tensor(values, dtype=torch.float64))


def _inharmonicity(note: Note) -> float:
    return float(note.partials.cents().abs().quantile(0.5))


def _beating(note: Note) -> float:
    level = note.tracks.level
    heard = level.isfinite().double()
    kept = heard.sum(1) >= LEAST_FRAMES
    if not kept.any():
        return math.nan
    level, heard = level[kept].nan_to_num(0.0), heard[kept]
    time = torch.linspace(-1, 1, level.shape[1], dtype=torch.float64)
    powers = torch.stack([time**0, time, time**2], 1)
    gram = torch.einsum("kl,li,lj->kij", heard, powers, powers)
    decay = torch.linalg.solve(gram, (heard * level) @ powers) @ powers.T
    squares = (heard * (level - decay).square()).sum(1) / heard.sum(1)
    return float(squares.sqrt().quantile(0.5))


def _pitch_movement(note: Note) -> float:
    cents, level = note.tracks.cents, note.tracks.level[:, 1:]
    if cents.shape[1] < LEAST_FRAMES:
        return math.nan
    power = (10 ** (level / 10)).where(cents.isfinite(), 0.0)
    heard = power.sum(0) > 0
    pitch = (power * cents.nan_to_num(0.0)).sum(0)[heard] / power.sum(0)[heard]
    return float(pitch.std(correction=0)) if len(pitch) >= LEAST_FRAMES else math.nan


def _centroid_movement(x: Tensor, sounds: Sounds) -> float:
    window, hop = sounds.hop(WINDOW), sounds.hop(STEP)
    if len(x) < window + 2 * hop:
        return math.nan
    power = torch.fft.rfft(x.unfold(0, window, hop) * torch.hann_window(window)).abs().square()
    hertz = torch.arange(power.shape[1], dtype=torch.float64) * sounds.sample_rate / window
    centroid = (power.double() @ hertz) / power.double().sum(1).clamp_min(1e-30)
    return float(12 * centroid.clamp_min(1.0).log2().std(correction=0))
