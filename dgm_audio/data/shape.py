"""The rules that turn a decoded sound into a clip of fixed length; all are pure functions.

A clip starts at the onset of the sound (silence and noise before it are cut), ends with a short
fade-out where the sound goes on, and is filled with zeros at the end where the sound is shorter.
The level is changed only where the configuration says so, or to keep samples in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from dgm_audio.data.onset import Start, find_start

TAIL_DB = -70.0
"""The sound ends where it last comes within 70 dB of its peak."""
FADE_OUT = 0.05
"""Seconds of the raised-cosine fade-out at a cut; at most a quarter of the clip."""
PEAK = 0.95
"""Largest sample after peak normalisation."""
MAX_GAIN = 100.0
"""Peak normalisation amplifies by at most 40 dB, so that faint hiss does not become full scale."""
SILENT = 1e-4
"""A sound whose peak is below -80 dBFS is called silent and is left as it is."""

STEPS = {
    "resampled": "resampled from {:.0f} Hz",
    "mixed": "{:.0f} channels mixed to mono",
    "spread": "{:.0f} channel(s) made stereo",
    "silent": "silent (peak below -80 dBFS)",
    "clipped": "clipped ({:.2f} % of its samples at full scale)",
    "offset": "DC offset of {:+.3f}",
    "trimmed": "{:.3f} s of leading silence cut",
    "room": "{:.3f} s of room noise before the sound cut",
    "ended": "{:.3f} s of trailing silence cut",
    "cut": "{:.3f} s after the clip cut, with a fade-out",
    "padded": "{:.3f} s of zeros put at the end",
    "normalised": "{:+.1f} dB to bring the peak to 0.95",
    "lowered": "{:+.1f} dB to keep it within full scale",
    "sliced": "sliced into {:.0f} clips",
    "unused": "{:.1f} s between or after the slices not used",
}
"""What may happen to a file: name of the step -> words for its amount."""


class Shaped(NamedTuple):
    """A clip (C, length), its number of valid samples, and the steps that made it."""

    audio: np.ndarray
    valid: int
    steps: Mapping[str, float]


def shape_clip(
    sound: np.ndarray,
    length: int,
    rate: int,
    *,
    trim: bool = True,
    normalize: Literal["none", "peak"] = "peak",
    goes_on: bool = False,
) -> Shaped:
    """One clip from one sound.

    Args:
        sound: (C, T), T at least 1, finite.
        length: samples of the clip.
        rate: in Hz.
        trim: cut what is before the onset (see `onset`), and silence after the tail.
        normalize: "peak" brings the largest sample to 0.95.
        goes_on: the sound was cut at its end and needs a fade-out.

    Returns:
        The clip; `valid` counts the samples before the zeros at its end.

    Example:
        >>> clip = shape_clip(np.array([[0.0] * 10 + [0.5, 0.5]]), length=4, rate=1000)
        >>> (clip.audio * 100).round().tolist(), clip.valid
        ([[0.0, 0.0, 95.0, 95.0]], 4)
    """
    steps: dict[str, float] = {}
    peak = float(np.abs(sound).max())
    if peak < SILENT:
        steps["silent"] = 1
    elif trim:
        (start, fade, noisy), stop = sounding(sound, rate)
        steps |= _seconds(**{"room" if noisy else "trimmed": start / rate})
        steps |= _seconds(ended=(sound.shape[1] - stop) / rate)
        sound = fade_in(sound[:, start:stop], fade)
    rest = max(0, sound.shape[1] - length)
    if rest or goes_on:
        sound = fade_out(sound[:, :length], rate)
        steps |= _seconds(cut=rest / rate)
    gain, name = gain_for(float(np.abs(sound).max()), normalize)
    if name:
        steps[name] = 20 * float(np.log10(gain))
    valid = sound.shape[1]
    clip = np.zeros((sound.shape[0], length), dtype=np.float32)
    clip[:, :valid] = np.clip(sound * gain, -1, 1)  # 1 / peak * peak may round beyond 1
    if valid < length:
        steps |= _seconds(padded=(length - valid) / rate)
    return Shaped(clip, valid, steps)


def sounding(sound: np.ndarray, rate: int) -> tuple[Start, int]:
    """Where a sound (C, T) starts, and the last-plus-one sample of what is not silence.

    The level is measured from the median, so that a DC offset does not count as sound.
    """
    level = np.abs(sound - np.median(sound, axis=1, keepdims=True)).max(axis=0)
    peak = level.max()
    if peak < SILENT:
        return Start(0, 0, False), sound.shape[1]
    stop = len(level) - int(np.argmax(level[::-1] >= peak * 10 ** (TAIL_DB / 20)))
    return find_start(level, rate), stop


def fade_in(sound: np.ndarray, samples: int) -> np.ndarray:
    """Linear fade-in over the first samples; a copy."""
    faded = sound.copy()
    samples = min(samples, sound.shape[1])
    faded[:, :samples] *= np.linspace(0, 1, samples, endpoint=False, dtype=sound.dtype)
    return faded


def fade_out(sound: np.ndarray, rate: int) -> np.ndarray:
    """Raised-cosine fade-out over the last 50 ms, or the last quarter if that is less; a copy."""
    faded = sound.copy()
    samples = min(round(FADE_OUT * rate), sound.shape[1] // 4)
    ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(samples) + 1) / (samples + 1))
    faded[:, sound.shape[1] - samples :] *= ramp.astype(sound.dtype)
    return faded


def to_channels(sound: np.ndarray, channels: int) -> tuple[np.ndarray, dict[str, float]]:
    """(C, T) with the wanted number of channels, and the step that this was.

    One channel is the mean of all. Two are the first two (front left and right); mono is doubled.
    """
    found = sound.shape[0]
    if found == channels:
        return sound, {}
    if channels == 1:
        return sound.mean(axis=0, keepdims=True), {"mixed": found}
    return (sound[:2] if found > 2 else np.repeat(sound, 2, axis=0)), {"spread": found}


def gain_for(peak: float, normalize: str) -> tuple[float, str]:
    """Factor for a sound of this peak, and the name of the step ("" if the level stays)."""
    if normalize == "peak" and peak >= SILENT:
        return min(PEAK / peak, MAX_GAIN), "normalised"
    return (1 / peak, "lowered") if peak > 1 else (1.0, "")


def _seconds(**steps: float) -> dict[str, float]:
    """The steps that took at least a millisecond."""
    return {name: seconds for name, seconds in steps.items() if seconds >= 0.001}
