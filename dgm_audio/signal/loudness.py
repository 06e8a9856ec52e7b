"""How loud a sound is: integrated loudness in LUFS and peak level in dBFS.

Loudness is the energy after a filter that models the head (K-weighting), averaged over blocks of
0.4 s that are not much quieter than the rest (gating). A shorter clip has no such block; it is then
measured as one block of its own length, and `Loudness.block_seconds` says so.

References:
    ITU-R BS.1770-4, "Algorithms to measure audio programme loudness", 2015.
    EBU R 128, "Loudness normalisation and permitted maximum level of audio signals", 2020.
    Steinmetz and Reiss, "pyloudnorm: a simple yet flexible loudness meter in Python", 2021.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from torch import Tensor

from dgm_audio.errors import InputError

BLOCK_SECONDS = 0.4
MIN_RATE = 4000
"""The K-weighting filter acts up to 1.7 kHz and does not exist at lower sample rates."""

LEVELS = {"peak": 0.95, "lufs": -23.0}
"""Default targets of `to_level`: a peak, and the loudness of EBU R 128."""

_ABSOLUTE_GATE = -70.0
_MAX_CHANNELS = 5


@dataclass(frozen=True)
class Loudness:
    """The result of `measure_loudness`.

    Args:
        lufs: integrated loudness; -inf for silence and for all below the gate of -70 LUFS.
        peak_dbfs: largest magnitude in dB relative to 1; -inf for digital silence.
        block_seconds: length of the measuring block; below 0.4 for a clip shorter than that.
    """

    lufs: float
    peak_dbfs: float
    block_seconds: float

    @property
    def short(self) -> bool:
        """Whether the clip was too short for the standard's block, so that lufs is indicative."""
        return self.block_seconds < BLOCK_SECONDS


def measure_loudness(audio: Tensor, sample_rate: int) -> Loudness:
    """Loudness and peak of audio (C, T) or (T,).

    Raises:
        InputError: if the audio has another shape, more than 5 channels, or is not finite, or the
            rate is below 4000 Hz.
    """
    if sample_rate < MIN_RATE:
        raise InputError(f"sample_rate is {sample_rate}; loudness needs at least {MIN_RATE} Hz")
    samples = audio.detach().cpu().double().numpy()
    samples = samples[None] if samples.ndim == 1 else samples
    if samples.ndim != 2 or 0 in samples.shape or len(samples) > _MAX_CHANNELS:
        raise InputError(
            f"audio has shape {tuple(audio.shape)}; expected (C, T) or (T,), C from 1 to 5"
        )
    if not np.isfinite(samples).all():
        raise InputError("audio has NaN or infinite samples; loudness needs finite ones")
    lufs = _integrated(samples, sample_rate) if samples.any() else -math.inf
    block = min(BLOCK_SECONDS, samples.shape[1] / sample_rate)
    return Loudness(lufs, peak_dbfs(audio), block)


def level_gain(level: str, found: Loudness, target: float | None = None) -> float:
    """The gain in dB that brings a sound to a level.

    No peak is raised beyond that of "peak" in `LEVELS`: a sound whose peaks stand out far stays
    below the loudness that was asked for. Silence stays as it is.

    Args:
        level: "peak" or "lufs".
        found: what the sound has.
        target: in dBFS or LUFS; by default what `LEVELS` says.

    Raises:
        InputError: if the level is unknown.
    """
    if level not in LEVELS:
        raise InputError(f"level is {level!r}; allowed are {', '.join(LEVELS)}")
    highest = 20 * math.log10(LEVELS["peak"])
    if level == "peak":
        gain = (highest if target is None else target) - found.peak_dbfs
    else:
        wanted = LEVELS["lufs"] if target is None else target
        gain = min(highest - found.peak_dbfs, wanted - found.lufs)
    return gain if math.isfinite(gain) else 0.0


def peak_dbfs(audio: Tensor) -> float:
    """20 log10(max |x|): 0 dBFS is a sample of magnitude 1; -inf is digital silence."""
    peak = float(audio.detach().abs().max()) if audio.numel() else 0.0
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _integrated(samples: np.ndarray, sample_rate: int) -> float:
    """LUFS of (C, T)."""
    meter = pyloudnorm.Meter(sample_rate, block_size=BLOCK_SECONDS)
    seconds = samples.shape[1] / sample_rate
    if seconds < BLOCK_SECONDS:
        # One block, a hair longer than the clip so that rounding cannot cut its last sample.
        meter = pyloudnorm.Meter(sample_rate, block_size=seconds * (1 + 1e-12), overlap=0.0)
        samples = np.pad(samples, ((0, 0), (0, 1)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the mean over no block, if all are below the gate
        lufs = float(meter.integrated_loudness(samples.T))
    return lufs if lufs > _ABSOLUTE_GATE else -math.inf
