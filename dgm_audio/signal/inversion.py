"""The next samples of a sound, from all that was heard and the magnitudes of its spectrogram.

Of the frames that reach beyond what was heard some see nothing but the future, so a few more hops
than the next one are sought together. Each iteration gives the frames' spectra the magnitudes that
they should have, and what was heard back to the sound:

    Y <- STFT(y),   Y <- S Y / |Y|,   y <- heard, then ISTFT(Y)

What it found of the later hops is its first guess for them when their turn comes. So phases grow
out of the past, as they do in a real sound, and the level is that of the magnitudes.

The iterations are chaotic: a change of one bit in what was heard changes all phases a second later.
Whoever feeds them with their own results rounds these (see `families.flow.flow`).

References:
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.
    Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", 2013 (the momentum).
    Zhu, Beauregard and Wyse, "Real-time signal estimation from modified short-time Fourier
    transform magnitude spectra", 2007 (with a look ahead).
"""

from __future__ import annotations

import torch
from torch import Tensor

MOMENTUM = 0.9
"""Of the iterations: how far they go on in the direction of the last change."""
GUESS = 1e-4
"""Standard deviation of the noise that is the first guess of a hop."""
_TINY = 1e-24


class Inversion:
    """Follows a batch of sounds hop by hop: `expect`, then `hear`. All in float64.

    Frame f of a sound sees N samples of which the last H are hop f.

    Args:
        batch: B, sounds.
        n_fft: N, samples of a frame (Hann window).
        hop: H, samples between frames; N is a multiple of 2 H.
        ahead: hops behind the next one that are sought with it.
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
        self.window = torch.hann_window(n_fft, dtype=torch.float64, device=device)
        power = self.window.square().expand(1, self.frames, -1)
        self.power = self._overlapped(power)[0].clamp_min(1e-3)
        rng = torch.Generator().manual_seed(0)
        noise = GUESS * torch.randn(self.frames * hop, generator=rng, dtype=torch.float64)
        self.guess = noise.to(device).expand(batch, -1)
        self.heard = self.window.new_zeros(batch, self.known)
        self.future = self.guess

    def expect(self, magnitudes: Tensor) -> Tensor:
        """Spectra (B, N / H, F) of the frames that see the next hop; `weighted` sums them.

        Args:
            magnitudes: S (B, ahead + 1, F), of the frame that ends with the next hop and of those
                behind it.
        """
        last = None
        for _ in range(self.iterations):
            y = torch.cat([self.heard, self.future], dim=1)
            found = torch.fft.rfft(y.unfold(1, len(self.window), self.hop) * self.window)
            moved = found if last is None else torch.lerp(last, found, 1 + MOMENTUM)
            last = found
            power = moved.real.square() + moved.imag.square()
            spectra = moved * (magnitudes * power.clamp_min(_TINY).rsqrt())
            frames = torch.fft.irfft(spectra, len(self.window)) * self.window
            self.future = (self._overlapped(frames) / self.power)[:, self.known :]
        return spectra[:, : len(self.window) // self.hop]

    def _overlapped(self, frames: Tensor) -> Tensor:
        """Frames (B, ahead + 1, N), each a hop behind the one before, as one sound."""
        hops = frames.unflatten(2, (-1, self.hop))
        total = frames.new_zeros(len(frames), self.frames + hops.shape[2] - 1, self.hop)
        for k in range(hops.shape[2]):
            total[:, k : k + self.frames] += hops[:, :, k]
        return total.flatten(1)

    def weighted(self, spectra: Tensor, weights: Tensor) -> Tensor:
        """The hops (..., H) of spectra (..., n, F) with weights (..., n or 1, F) of their bins."""
        hop, count = self.hop, spectra.shape[-2]
        frames = torch.fft.irfft(spectra * weights, len(self.window)) * self.window
        parts = [frames[..., j, self.known - j * hop :][..., :hop] for j in range(count)]
        return torch.stack(parts).sum(0) / self.power[self.known : self.known + hop]

    def hear(self, x: Tensor) -> None:
        """What came next: samples (B, T), T a multiple of the hop."""
        self.heard = torch.cat([self.heard, x], dim=1)[:, x.shape[1] :]
        rest = self.future[:, x.shape[1] :].detach()
        self.future = torch.cat([rest, self.guess[:, rest.shape[1] :]], dim=1)
