"""Prediction of the next samples of a sound from its past and the magnitudes of its spectrogram.

    past (B, N - H), magnitudes S (B, ahead + 1, F) -> the next hop (B, H)

Some frames that reach beyond the past contain nothing but future samples, so a few more hops than
the next one are estimated together. Each iteration replaces the magnitudes of the frames' spectra
by the given ones, and the first samples by the past:

    Y <- STFT(y),   Y <- S Y / |Y|,   y <- past, then ISTFT(Y)

The estimate of the later hops is their initial guess in the next prediction. So phases continue
those of the past, and the level is that of the magnitudes.

The iterations are chaotic: a change of one bit in the past changes all phases a second later.
So they are compiled for the CPU such that every processor gives the same bits
(`dgm_audio.runtime.kernels.inversion`), and a caller that feeds their results back rounds them
first (see `families.flow.model`). On a GPU, and for frames whose length is no power of two, the
transforms are torch's, whose last bits vary.

References:
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.
    Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", 2013 (the momentum).
    Zhu, Beauregard and Wyse, "Real-time signal estimation from modified short-time Fourier
    transform magnitude spectra", 2007 (with a look ahead).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dgm_audio.signal.portable import TABLE_BITS, hann, to_bits, turns

if TYPE_CHECKING:
    from dgm_audio.runtime.kernels.inversion import Tables

MOMENTUM = 0.9
"""Momentum of the iterations."""
GUESS = 1e-4
"""Standard deviation of the noise that is the first guess of a hop."""
_TINY = 1e-24


class Inversion:
    """Predicts a batch of sounds hop by hop: `predict`, then `update`. All in float64.

    Frame f of a sound has N samples of which the last H are hop f.

    Args:
        batch: B, sounds.
        n_fft: N, samples of a frame (Hann window).
        hop: H, samples between frames; N is a multiple of 2 H.
        ahead: hops behind the next one that are estimated with it.
        iterations: per hop.
        device: where.
    """

    def __init__(
        self,
        batch: int,
        n_fft: int,
        hop: int,
        ahead: int,
        iterations: int,
        device: torch.device | None = None,
    ) -> None:
        self.hop, self.frames, self.iterations = hop, ahead + 1, iterations
        self.known = n_fft - hop
        self.window = hann(n_fft).to(device)
        power = self.window.square().expand(1, self.frames, -1)
        self.power = self._overlapped(power)[0].clamp_min(1e-3)
        self.guess = first_guess(self.frames * hop).to(device).expand(batch, -1)
        self.past = self.window.new_zeros(batch, self.known)
        self.future = self.guess
        compiles = self.window.device.type == "cpu" and n_fft & (n_fft - 1) == 0
        self.tables = _tables(self.window, self.power) if compiles else None

    def predict(self, magnitudes: Tensor) -> Tensor:
        """Spectra (B, N / H, F) of the frames that contain the next hop; `weighted` sums them.

        Args:
            magnitudes: S (B, ahead + 1, F), of the frame that ends with the next hop and of those
                behind it.
        """
        state = self.past, self.future
        in_loops = partial(self._predict_in_loops, *state) if self.tables else None
        in_torch = partial(self.predict_in_torch, *state)
        spectra, future = _values_of(in_loops, in_torch, magnitudes)
        self.future = future.detach()
        return spectra

    def predict_in_torch(
        self, past: Tensor, future: Tensor, magnitudes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The spectra and the future: on any device, for autograd, the reference for the loops."""
        last = None
        for _ in range(self.iterations):
            y = torch.cat([past, future], dim=1)
            found = torch.fft.rfft(y.unfold(1, len(self.window), self.hop) * self.window)
            moved = found if last is None else found + MOMENTUM * (found - last)
            last = found
            power = moved.real.square() + moved.imag.square()
            spectra = moved * (magnitudes / power.clamp_min(_TINY).sqrt())
            frames = torch.fft.irfft(spectra, len(self.window)) * self.window
            future = (self._overlapped(frames) / self.power)[:, self.known :]
        return spectra[:, : len(self.window) // self.hop], future

    def _predict_in_loops(
        self, past: Tensor, future: Tensor, magnitudes: Tensor
    ) -> tuple[Tensor, Tensor]:
        from dgm_audio.runtime.kernels.inversion import iterate

        future = future.clone(memory_format=torch.contiguous_format)
        count = min(len(self.window) // self.hop, self.frames)
        shape = len(magnitudes), count, magnitudes.shape[2], 2
        spectra = torch.empty(shape, dtype=torch.float64, device="cpu")
        settings = self.hop, self.iterations, MOMENTUM, _TINY
        iterate(self.tables, *settings, *map(_array, (past, future, magnitudes, spectra)))
        return torch.view_as_complex(spectra), future

    def _overlapped(self, frames: Tensor) -> Tensor:
        """Frames (B, ahead + 1, N), each a hop behind the one before, as one sound."""
        hops = frames.unflatten(2, (-1, self.hop))
        total = frames.new_zeros(len(frames), self.frames + hops.shape[2] - 1, self.hop)
        for k in range(hops.shape[2]):
            total[:, k : k + self.frames] += hops[:, :, k]
        return total.flatten(1)

    def weighted(self, spectra: Tensor, weights: Tensor) -> Tensor:
        """The hops (..., H) of spectra (..., n, F) with weights (..., n or 1, F) of their bins."""
        compiles = self.tables is not None and spectra.dtype == torch.complex128
        in_loops = self._weighted_in_loops if compiles else None
        return _values_of(in_loops, self.weighted_in_torch, spectra, weights)

    def weighted_in_torch(self, spectra: Tensor, weights: Tensor) -> Tensor:
        """`weighted`, on any device and for autograd; the reference for the loops."""
        hop, count = self.hop, spectra.shape[-2]
        frames = torch.fft.irfft(spectra * weights, len(self.window)) * self.window
        parts = [frames[..., j, self.known - j * hop :][..., :hop] for j in range(count)]
        return torch.stack(parts).sum(0) / self.power[self.known : self.known + hop]

    def _weighted_in_loops(self, spectra: Tensor, weights: Tensor) -> Tensor:
        from dgm_audio.runtime.kernels.inversion import overlapped

        shape = spectra.shape[-2:]
        each = weights.expand(spectra.shape).reshape(-1, *shape)
        parts = torch.view_as_real(spectra).reshape(-1, *shape, 2)
        out = torch.empty(len(each), self.hop, dtype=torch.float64, device="cpu")
        overlapped(self.tables, self.hop, *map(_array, (parts, each, out)))
        return out.unflatten(0, spectra.shape[:-2])

    def update(self, x: Tensor) -> None:
        """Append the true samples (B, T), T a multiple of the hop, to the past."""
        self.past = torch.cat([self.past, x], dim=1)[:, x.shape[1] :]
        rest = self.future[:, x.shape[1] :].detach()
        self.future = torch.cat([rest, self.guess[:, rest.shape[1] :]], dim=1)


def first_guess(samples: int) -> Tensor:
    """Noise (T,), the initial guess of future samples; the same everywhere."""
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(samples, generator=rng, dtype=torch.float64, device="cpu")
    return to_bits(GUESS * noise, TABLE_BITS)


def _tables(window: Tensor, power: Tensor) -> Tables:
    from dgm_audio.runtime.kernels.inversion import Tables, places

    count = len(window)
    cosine, sine = (part.numpy() for part in turns(count))
    return Tables(window.numpy(), (power * count).numpy(), cosine, sine, places(count // 2))


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()


def _values_of(in_loops: Callable | None, in_torch: Callable, *inputs: Tensor) -> Any:
    """The result of compiled loops, with the gradients of the same formula in torch."""
    if in_loops is None:
        return in_torch(*inputs)
    if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
        return _Looped.apply(in_loops, in_torch, *inputs)
    return in_loops(*inputs)


class _Looped(torch.autograd.Function):
    """See `_values_of`; backward computes again in torch."""

    @staticmethod
    def forward(ctx: Any, in_loops: Callable, in_torch: Callable, *inputs: Tensor) -> Any:
        ctx.in_torch = in_torch
        ctx.save_for_backward(*inputs)
        return in_loops(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        inputs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
        with torch.enable_grad():
            made = ctx.in_torch(*inputs)
        made = made if isinstance(made, tuple) else (made,)
        return None, None, *torch.autograd.grad(made, inputs, gradients)
