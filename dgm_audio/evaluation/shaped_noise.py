"""The floor: noise shaped to the mean spectrogram of each class. Nothing should score below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.evaluation.spectra import batch_size, batches, peak_normalised, window_length
from dgm_audio.signal.stft import centred_stft

if TYPE_CHECKING:
    from dgm_audio.data.clip_array import ClipArray

_BATCH = 32
_WINDOW = 0.023
_OVERLAP = 4


def class_means(values: Iterator[Tensor], labels: Tensor, count: int) -> Tensor:
    """Mean (K + 1, ...) of each class's values, in batches; the last row is the mean of all.

    A class without clips gets the mean of all.

    Args:
        values: batches (B, ...) that together have N rows.
        labels: class indices (N,).
        count: K.
    """
    sums, first = torch.zeros(0), 0
    for batch in values:
        if first == 0:
            sums = batch.new_zeros(count, *batch.shape[1:], dtype=torch.float64)
        sums.index_add_(0, labels[first : first + len(batch)], batch.double())
        first += len(batch)
    numbers = torch.bincount(labels, minlength=count).double()
    overall = sums.sum(0, keepdim=True) / len(labels)
    shape = (count, *[1] * (sums.ndim - 1))
    means = torch.where((numbers > 0).view(shape), sums / numbers.clamp_min(1).view(shape), overall)
    return torch.cat([means, overall])


class ShapedNoise:
    """White noise whose short-time spectrum is that of a class, |STFT| = sqrt(mean |STFT|^2).

    Args:
        audio: training clips (N, C, T); each counts peak-normalised.
        labels: class indices (N,).
        classes: K.
        sample_rate: in Hz.
    """

    def __init__(
        self, audio: Tensor | ClipArray, labels: Tensor, classes: int, sample_rate: int
    ) -> None:
        window = torch.hann_window(window_length(_WINDOW, sample_rate))
        self._length, self._window = (
            audio.shape[2],
            window / window.norm(),
        )  # white noise: |X|^2 = 1
        powers = (
            self._spectrum(peak_normalised(part)).abs().square() for part in batches(audio, _BATCH)
        )
        self._shapes = class_means(powers, labels, classes).sqrt().float()

    def draw(self, labels: Tensor, seed: int) -> Tensor:
        """One clip (N, C, T) of noise per class index."""
        rng = torch.Generator().manual_seed(seed)
        channels = self._shapes.shape[1]
        clips = []
        for part in labels.split(batch_size(_BATCH, self._length)):
            noise = torch.randn(len(part), channels, self._length, generator=rng)
            spectrum = self._spectrum(noise) * self._shapes[part]
            clips.append(self._inverse(spectrum))
        return torch.cat(clips)

    def _spectrum(self, x: Tensor) -> Tensor:
        """Spectrum (N, C, F, L) of (N, C, T)."""
        return centred_stft(x, self._window, len(self._window) // _OVERLAP)

    def _inverse(self, spectrum: Tensor) -> Tensor:
        window, flat = self._window, spectrum.flatten(0, 1)
        hop = len(window) // _OVERLAP
        audio = torch.istft(flat, len(window), hop, window=window, length=self._length)
        return audio.unflatten(0, spectrum.shape[:2])
