"""Short-time Fourier transform and its inverse, with an exact frame law.

X[f, l] = sum_n w[n] x[l * hop + n - (n_fft - hop) / 2] exp(-2 pi i f n / n_fft)

A signal of L * hop samples has exactly L frames ("same" padding, as in a strided convolution), so
models can count in frames; the inverse of the transform is the transform's input.

References:
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class STFT(nn.Module):
    """Hann-window STFT of signals whose length is a multiple of `hop`.

    Args:
        n_fft: window and transform length in samples; even.
        hop: samples between frames, at most n_fft / 2; n_fft - hop must be even.

    Shapes: audio (..., L * hop) <-> complex spectrum (..., F = n_fft / 2 + 1, L).
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        if n_fft % 2 or not 0 < hop <= n_fft // 2 or (n_fft - hop) % 2:
            raise ValueError(f"n_fft {n_fft} and hop {hop} do not fit: see the docstring")
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Complex spectrum (..., F, L) of audio (..., L * hop)."""
        if x.shape[-1] % self.hop:
            raise ValueError(f"length {x.shape[-1]} is no multiple of the hop {self.hop}")
        flat = F.pad(x.reshape(-1, x.shape[-1]), [(self.n_fft - self.hop) // 2] * 2)
        spectrum = torch.stft(
            flat, self.n_fft, self.hop, window=self.window, center=False, return_complex=True
        )
        return spectrum.reshape(*x.shape[:-1], *spectrum.shape[-2:])

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Audio (..., L * hop) of a spectrum (..., F, L), by windowed least-squares overlap-add."""
        frames = spectrum.shape[-1]
        pieces = torch.fft.irfft(spectrum.flatten(0, -3), self.n_fft, dim=1)
        audio = self._overlap_add(pieces * self.window[:, None])
        weight = self._overlap_add(self.window.square()[None, :, None].expand(1, -1, frames))
        return (audio / weight).reshape(*spectrum.shape[:-2], frames * self.hop)

    def _overlap_add(self, pieces: Tensor) -> Tensor:
        """(N, n_fft, L) -> (N, L * hop), the padding cut off."""
        length = (pieces.shape[-1] - 1) * self.hop + self.n_fft
        pad = (self.n_fft - self.hop) // 2
        audio = F.fold(pieces, (1, length), (1, self.n_fft), stride=(1, self.hop))
        return audio[:, 0, 0, pad : length - pad]
