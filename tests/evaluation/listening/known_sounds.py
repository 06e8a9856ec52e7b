"""Signals of which every measure has a known value, and one way to measure them."""

import math

import pytest
import torch

from dgm_audio.evaluation.listening import measure

both_rates = pytest.mark.parametrize("rate", [16000, 44100])


def times(seconds, rate):
    return torch.arange(round(seconds * rate), dtype=torch.float64) / rate


def tone(hertz, seconds, rate, amplitude=1.0):
    return amplitude * torch.sin(2 * math.pi * hertz * times(seconds, rate))


def noise(count, seed=0):
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dull_noise(seconds, rate, seed=0, top=7000.0):
    """Noise up to 7 kHz with power 1, the same in kind at every rate."""
    spectrum = torch.fft.rfft(noise(round(seconds * rate), seed))
    spectrum[torch.fft.rfftfreq(round(seconds * rate), 1 / rate) > top] = 0
    x = torch.fft.irfft(spectrum, round(seconds * rate))
    return x / x.square().mean().sqrt()


def decibels(level):
    """The amplitude of a level."""
    return 10 ** (torch.as_tensor(level, dtype=torch.float64) / 20)


def strokes(seconds, rate, starts, levels, fall=60.0, seed=0):
    """Strokes of noise, each falling so many dB a second, at some level."""
    x = torch.zeros(round(seconds * rate), dtype=torch.float64)
    decay = decibels(-fall * times(min(seconds, 120 / fall), rate))
    for start, level in zip(starts, levels, strict=True):
        part = x[round(start * rate) :][: len(decay)]
        part += decibels(level) * decay[: len(part)]
    return 0.2 * x * dull_noise(seconds, rate, seed)


def clip(*channels):
    return torch.stack(channels).float()[None]


def value(key, audio, rate, kind, pitch=None, length=None):
    """The value of a measure of one sound, (T,) or (1, C, T)."""
    audio = clip(audio) if audio.ndim == 1 else audio
    lengths = torch.tensor([audio.shape[2] if length is None else length])
    pitches = None if pitch is None else torch.tensor([float(pitch)])
    return float(measure(audio, lengths, rate, kind, pitches)[key])
