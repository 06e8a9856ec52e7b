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
        hop: samples between frames: n_fft divided by 2, 3, 4, ..., and even.

    Shapes: audio (..., L * hop) <-> complex spectrum (..., F = n_fft / 2 + 1, L).
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        if n_fft % 2 or hop < 1 or n_fft % hop or n_fft < 2 * hop or (n_fft - hop) % 2:
            raise ValueError(f"n_fft {n_fft} and hop {hop} do not fit: see the docstring")
        self.n_fft, self.hop = n_fft, hop
        window = torch.hann_window(n_fft, dtype=torch.float32)
        self.register_buffer("window", window, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Complex spectrum (..., F, L) of audio (..., L * hop)."""
        if x.shape[-1] % self.hop:
            raise ValueError(f"length {x.shape[-1]} is no multiple of the hop {self.hop}")
        padded = F.pad(x, [(self.n_fft - self.hop) // 2] * 2)
        pieces = padded.unfold(-1, self.n_fft, self.hop) * self.window
        return torch.fft.rfft(pieces).transpose(-1, -2)

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Audio (..., L * hop) of a spectrum (..., F, L), by windowed least-squares overlap-add."""
        pieces = torch.fft.irfft(spectrum.transpose(-1, -2), self.n_fft) * self.window
        weight = self.window.square().expand(spectrum.shape[-1], -1)
        return self._overlap_add(pieces) / self._overlap_add(weight)

    def _overlap_add(self, pieces: Tensor) -> Tensor:
        """(..., L, n_fft) -> (..., L * hop), the padding cut off."""
        frames, parts = pieces.shape[-2], pieces.split(self.hop, dim=-1)
        audio = pieces.new_zeros(*pieces.shape[:-2], frames + len(parts) - 1, self.hop)
        for start, part in enumerate(parts):
            audio[..., start : start + frames, :] += part
        pad = (self.n_fft - self.hop) // 2
        return audio.flatten(-2)[..., pad : pad + frames * self.hop]


def centred_stft(x: Tensor, window: Tensor, hop: int, pad_mode: str = "constant") -> Tensor:
    """Complex spectrum (..., F, 1 + T // hop) of audio (..., T).

    Frames are centred at multiples of the hop; `STFT` has frames that fill whole hops instead.

    Args:
        x: the sound.
        window: (n_fft,).
        hop: samples between frames.
        pad_mode: what lies beyond the ends, silence by default (see `torch.stft`).
    """
    flat = torch.stft(
        x.reshape(-1, x.shape[-1]),
        len(window),
        hop,
        window=window,
        pad_mode=pad_mode,
        return_complex=True,
    )
    return flat.reshape(*x.shape[:-1], *flat.shape[-2:])
