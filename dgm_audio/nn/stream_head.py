"""From frames to a sound of any number of channels, block by block: partials and shaped noise.

    x_c = istft(exp(a_c) exp(i phi)) + synthesis(exp(b_c) noise_c)

    frames (N, L, width) -> a (N, L, C, F), b (N, C, BANDS, L * hop / BANDS) -> x (N, C, L * hop)

a_c: log-magnitudes of the partials of channel c; phi: phases that follow from the magnitudes, one
for all channels, which keeps stereo positions (`signal.phases`); b_c: log-levels of noise in the
bands of a filter bank, finer in time than the frames, for attacks and breath. The ISTFT emits the
first hop of each window as soon as the frame is there.

References:
    Serra and Smith, "Spectral modeling synthesis", 1990 (partials plus shaped noise).
    Caillon and Esling, "RAVE", 2021 (noise in the bands of a filter bank).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_audio.nn.causal import History
from dgm_audio.nn.rowwise import is_plain, linear, normed
from dgm_audio.signal.causal_bank import CausalBank
from dgm_audio.signal.phases import follow

LOG_RANGE = (-14.0, 6.0)
"""Of the partials' magnitudes, in nepers relative to the STFT of a unit sample."""
NOISE_RANGE = (-14.0, 1.0)
"""Of the noise's levels, in nepers below full scale."""
BANDS = 64
HELD = 2
"""Band samples that share one level of noise."""
POWER = 3 / 8
"""Mean square of a Hann window."""


class StreamControls(NamedTuple):
    """Curves that a `StreamHead` synthesises.

    Args:
        tonal: a, log-magnitudes of the partials (N, L, C, F).
        noisy: b, log-levels of the noise (N, C, BANDS, L * hop / BANDS).
    """

    tonal: Tensor
    noisy: Tensor


class WindowedFrames:
    """Causal STFT with Hann windows, block by block, and its inverse by overlap-add.

    Args:
        n_fft: window in samples.
        hop: samples between frames, a divisor of n_fft / 2.
        window: (n_fft,).
    """

    def __init__(self, n_fft: int, hop: int, window: Tensor) -> None:
        self.n_fft, self.hop, self.window = n_fft, hop, window
        self.tail = n_fft - hop

    def spectrum(self, x: Tensor, history: History) -> Tensor:
        """(N, C, L * hop) -> complex (N, C, L, F); each frame ends with its hop."""
        padded = history.joined("analysis", x, self.tail)
        return torch.fft.rfft(padded.unfold(-1, self.n_fft, self.hop) * self.window)

    def sound(self, spectrum: Tensor, history: History) -> Tensor:
        """(N, C, L, F) -> (N, C, L * hop); each frame begins with its hop."""
        pieces = torch.fft.irfft(spectrum, self.n_fft)
        window = self.window * (self.hop / (POWER * self.n_fft))
        if is_plain(pieces):
            return self._compiled(pieces, window, history)
        pieces = pieces * window
        frames, parts = pieces.shape[-2], pieces.split(self.hop, dim=-1)
        audio = pieces.new_zeros(*pieces.shape[:-2], frames + len(parts) - 1, self.hop)
        for start, part in enumerate(parts):
            audio[..., start : start + frames, :] += part
        audio = audio.flatten(-2)
        rest = history.get("overlap")
        if rest is not None:
            audio[..., : self.tail] += rest
        history.put("overlap", audio[..., frames * self.hop :])
        return audio[..., : frames * self.hop]

    def _compiled(self, pieces: Tensor, window: Tensor, history: History) -> Tensor:
        from dgm_audio.runtime.kernels.head import overlap

        rest = history.get("overlap")
        if rest is None:
            rest = pieces.new_zeros(*pieces.shape[:2], self.tail)
        made = pieces.shape[2] * self.hop
        audio = pieces.new_empty(*pieces.shape[:2], made + self.tail)
        flat = (pieces.flatten(0, 1), window, rest.detach().flatten(0, 1).contiguous())
        overlap(*(one.numpy() for one in flat), audio.flatten(0, 1).numpy())
        history.put("overlap", audio[..., made:])
        return audio[..., :made]


class StreamHead(nn.Module):
    """(N, L, width) frames and white noise (N, C, L * hop) -> (N, C, L * hop) audio.

    Args:
        width: channels of the frames.
        channels: C.
        n_fft: window in samples.
        hop: samples per frame; a multiple of BANDS * HELD.

    Attributes:
        level: mean log-magnitude of each bin (F,).
        spread: its deviation (F,).
    """

    window: Tensor
    level: Tensor
    spread: Tensor

    def __init__(self, width: int, channels: int, n_fft: int, hop: int) -> None:
        super().__init__()
        self.channels, self.n_fft, self.hop = channels, n_fft, hop
        self.bins, self.overlap = n_fft // 2 + 1, n_fft // hop
        self.steps = hop // (BANDS * HELD)
        self.unit = 0.5 * math.log(POWER * n_fft)  # white noise in the STFT
        self.norm = nn.LayerNorm(width)
        self.curves = [channels * self.bins, channels * BANDS * self.steps]
        self.project = nn.Linear(width, sum(self.curves))
        nn.init.normal_(self.project.weight, std=0.002)
        nn.init.zeros_(self.project.bias)
        with torch.no_grad():  # noise starts far below the partials
            self.project.bias[self.curves[0] :] = -2.0
        self.bank = CausalBank(BANDS)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("level", torch.full((self.bins,), -1.0))
        self.register_buffer("spread", torch.ones(self.bins))

    @property
    def frames(self) -> WindowedFrames:
        """The STFT of the head's sizes."""
        return WindowedFrames(self.n_fft, self.hop, self.window.float())

    def controls(self, tokens: Tensor, outline: Tensor) -> StreamControls:
        """The curves, in float32.

        Args:
            tokens: frames (N, L, width) of the network.
            outline: (N, L, C * F), the partials' levels, in standard deviations, to which the
                network's are added.
        """
        output = linear(self.project, normed(self.norm, tokens)).float()
        if is_plain(outline):
            return self._compiled(output, outline)
        tonal, noisy = output.split(self.curves, -1)
        tonal = (tonal + outline.float()).unflatten(-1, (self.channels, self.bins))
        tonal = self.level + self.spread * tonal
        noisy = noisy.unflatten(-1, (self.steps, self.channels, BANDS)).flatten(1, 2)
        level, spread = (part[:-1].unflatten(0, (BANDS, -1)) for part in (self.level, self.spread))
        noisy = level.mean(1) - self.unit + spread.mean(1) * noisy
        return StreamControls(
            tonal.clamp(*LOG_RANGE),
            noisy.clamp(*NOISE_RANGE).repeat_interleave(HELD, dim=1).permute(0, 2, 3, 1),
        )

    def _compiled(self, output: Tensor, outline: Tensor) -> StreamControls:
        from dgm_audio.runtime.kernels.head import curves

        items, frames = output.shape[:2]
        tonal = output.new_empty(items, frames, self.channels, self.bins)
        noisy = output.new_empty(items, self.channels, frames, self.steps, HELD, BANDS)
        level, spread = self.level.float().numpy(), self.spread.float().numpy()
        arrays = output.numpy(), outline.contiguous().numpy(), level, spread
        curves(*arrays, self.unit, LOG_RANGE, NOISE_RANGE, tonal.numpy(), noisy.numpy())
        return StreamControls(tonal, noisy.flatten(2, 4).transpose(2, 3))

    def log_magnitude(self, controls: StreamControls) -> Tensor:
        """Log of the root of the expected power (N, L, C, F) in windows that begin with the frames.

        The filter bank delays by half its length, so that the middle of a window has the noise of
        its first two hops.
        """
        power = (2 * controls.noisy).exp().unflatten(-1, (-1, self.steps * HELD)).mean(-1)
        power = (power + torch.cat([power[..., 1:], power[..., -1:]], -1)) / 2
        power = power.permute(0, 3, 1, 2) * (POWER * self.n_fft)
        wide = power.repeat_interleave((self.bins - 1) // BANDS, dim=-1)
        wide = torch.cat([wide, wide[..., -1:]], -1)
        return 0.5 * torch.logaddexp(2 * controls.tonal, wide.log())

    def harmonic(self, controls: StreamControls, history: History) -> Tensor:
        """The harmonic part (N, C, L * hop): the partials."""
        magnitude = controls.tonal.exp()
        together = magnitude.detach().square().sum(2).sqrt()
        turns, last = follow(together, self.overlap, history.get("phase"))
        history.put("phase", last)
        if is_plain(magnitude):
            from dgm_audio.runtime.kernels.head import spectrum

            items, frames, channels, bins = magnitude.shape
            made = magnitude.new_empty(items, channels, frames, bins, 2)
            spectrum(turns.numpy(), magnitude.contiguous().numpy(), made.numpy())
            return self.frames.sound(torch.view_as_complex(made), history)
        centred = math.pi * (torch.arange(self.bins, device=magnitude.device) % 2)
        angle = torch.add(centred, turns, alpha=2 * math.pi)
        unit = torch.complex(angle.cos(), angle.sin())
        return self.frames.sound((magnitude * unit[:, :, None]).transpose(1, 2), history)

    def noise(self, controls: StreamControls, white: Tensor, history: History) -> Tensor:
        """The noise part (N, C, L * hop), of white noise of unit variance (N, C, L * hop)."""
        white = white.unflatten(-1, (-1, BANDS))  # white in time is white in bands
        bands = controls.noisy.transpose(2, 3).exp() * white
        return self.bank(history.joined("bank", bands, self.bank.past, dim=2)).flatten(2)
