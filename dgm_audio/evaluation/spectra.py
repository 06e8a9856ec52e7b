"""Levels in decibels: what all judges of this folder look at. 0 dB is a sine of full scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from dgm_audio.errors import InputError
from dgm_audio.signal.stft import centred_stft

if TYPE_CHECKING:
    from dgm_audio.data.clip_array import ClipArray

FLOOR_DB = -80.0
"""Nothing is told apart below this level: what lies 80 dB under the peak is not heard."""

SILENT = 1e-4
"""A sound whose peak is below -80 dBFS."""

MAX_SAMPLES = 2**22
"""Samples of a channel that are looked at together: bounds the memory that long clips take."""


def batch_size(most: int, length: int) -> int:
    """How many clips of T samples are looked at together: `most`, or fewer long ones.

    >>> batch_size(32, 65536), batch_size(32, 882000)
    (32, 4)
    """
    return max(1, min(most, MAX_SAMPLES // length))


def batches(audio: Tensor | ClipArray, most: int) -> Iterator[Tensor]:
    """Clips (B, C, T), at most `most` at a time, of clips (N, C, T) in memory or on disk."""
    size = batch_size(most, audio.shape[2])
    for start in range(0, len(audio), size):
        yield torch.as_tensor(audio[start : start + size])


def check_clips(x: Tensor) -> Tensor:
    """The clips (N, C, T) as float32 on the CPU.

    Raises:
        InputError: if the shape or a value is not allowed.
    """
    if x.ndim != 3 or 0 in x.shape or not x.is_floating_point():
        raise InputError(f"clips are {x.dtype} {tuple(x.shape)}; expected floats (N, C, T)")
    if not bool(torch.isfinite(x).all()):
        raise InputError("clips have values that are not finite numbers")
    return x.detach().to("cpu", torch.float32)


def peak_normalised(x: Tensor) -> Tensor:
    """Clips (N, C, T) with the largest magnitude of each at 1; a silent clip stays silent.

    >>> peak_normalised(torch.tensor([[[0.5, -0.25]], [[0.0, 0.0]]])).tolist()
    [[[1.0, -0.5]], [[0.0, 0.0]]]
    """
    peak = x.abs().amax(dim=(1, 2), keepdim=True)
    return x / torch.where(peak > 0, peak, torch.ones_like(peak))


def window_length(seconds: float, sample_rate: int) -> int:
    """The power of two nearest to the duration (on a log scale), at least 32.

    >>> window_length(0.046, 44100), window_length(0.046, 16000)
    (2048, 1024)
    """
    return max(32, 2 ** round(math.log2(seconds * sample_rate)))


def power(x: Tensor, window: int, hop: int) -> Tensor:
    """Power spectrogram (N, F, L) of audio (N, T), L = 1 + T // hop; a full-scale sine has 1."""
    hann = torch.hann_window(window)
    spectrum = centred_stft(x, hann, hop)
    return (spectrum.real.square() + spectrum.imag.square()) / (hann.sum() / 2) ** 2


def mel_filters(bands: int, window: int, sample_rate: int) -> Tensor:
    """Triangular mel filters (M, F) of height one, from 0 Hz to half the sample rate."""
    filters = melscale_fbanks(
        n_freqs=window // 2 + 1,
        f_min=0.0,
        f_max=sample_rate / 2,
        n_mels=bands,
        sample_rate=sample_rate,
        norm=None,
        mel_scale="slaney",
    )
    return filters.T.contiguous()


def mel_partition(count: int, window: int, sample_rate: int) -> Tensor:
    """Which bin belongs to which band: zeros and ones (count, F), at least one bin per band.

    The bands are equally wide in mel where the bins are fine enough, 2595 log10(1 + f / 700 Hz).

    >>> mel_partition(3, 32, 16000).sum(1).tolist()
    [2.0, 4.0, 11.0]
    """
    bins = window // 2 + 1
    top = math.log10(1 + sample_rate / 2 / 700)
    edges = [
        round((10 ** (top * i / count) - 1) * 700 * window / sample_rate) for i in range(count)
    ]
    edges = [min(max(edge, i), bins - count + i) for i, edge in enumerate(edges)]
    band = torch.bucketize(torch.arange(bins), torch.tensor(edges), right=True) - 1
    return torch.nn.functional.one_hot(band, count).T.float()


def decibels(power: Tensor, floor: float = FLOOR_DB) -> Tensor:
    """10 log10(power), not below the floor in dB.

    >>> decibels(torch.tensor([1.0, 0.01, 0.0])).tolist()
    [0.0, -20.0, -80.0]
    """
    return 10 * power.clamp_min(10 ** (floor / 10)).log10()


def log_mel(x: Tensor, sample_rate: int, *, bands: int, window: int, hop: int) -> Tensor:
    """Mel levels in dB (N, M, L) of audio (N, C, T); the power of the channels is averaged."""
    filters = mel_filters(bands, window, sample_rate)
    levels = []
    for part in x.split(32):
        mel = filters @ power(part.flatten(0, 1), window, hop)
        levels.append(decibels(mel.unflatten(0, part.shape[:2]).mean(1)))
    return torch.cat(levels)
