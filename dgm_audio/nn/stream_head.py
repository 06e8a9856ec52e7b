"""From frames to a sound of any number of channels, block by block: partials and shaped noise.

    x_c = istft(exp(a_c) exp(i phi)) + synthesis(exp(b_c) noise_c)

a_c: log-magnitudes of the partials of channel c; phi: phases that follow from the magnitudes, one
for all channels, so that a voice stays where it is (`signal.phases`); b_c: levels of noise in the
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
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.causal import History
from dgm_audio.signal.phases import follow
from dgm_audio.signal.pqmf import PQMF

LOG_RANGE = (-14.0, 6.0)
"""Of the partials' magnitudes, in nepers relative to the STFT of a unit sample."""
NOISE_RANGE = (-14.0, 1.0)
"""Of the noise's levels, in nepers below full scale."""
BANDS = 64
HELD = 2
"""Band samples that share one level of noise."""


class StreamControls(NamedTuple):
    """What the network says.

    Args:
        tonal: a, log-magnitudes (N, L, C, F).
        noisy: b, log-levels (N, C, BANDS, L * hop / BANDS).
    """

    tonal: Tensor
    noisy: Tensor


class WindowedFrames:
    """Hann windows over blocks of sound, and back: analysis that looks back, overlap-add.

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
        seen = history.joined("analysis", x, self.tail)
        return torch.fft.rfft(seen.unfold(-1, self.n_fft, self.hop) * self.window)

    def sound(self, spectrum: Tensor, history: History) -> Tensor:
        """(N, C, L, F) -> (N, C, L * hop); each frame begins with its hop."""
        scale = self.hop / float(self.window.square().sum())
        pieces = torch.fft.irfft(spectrum, self.n_fft) * (self.window * scale)
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


class StreamHead(nn.Module):
    """(N, L, width) frames and white noise (N, C, L * hop) -> (N, C, L * hop) audio.

    Args:
        width: channels of the frames.
        channels: C.
        n_fft: window in samples.
        hop: samples per frame; a multiple of BANDS * HELD.
    """

    window: Tensor

    def __init__(self, width: int, channels: int, n_fft: int, hop: int) -> None:
        super().__init__()
        self.channels, self.n_fft, self.hop = channels, n_fft, hop
        self.bins, self.steps = n_fft // 2 + 1, hop // (BANDS * HELD)
        self.norm = nn.LayerNorm(width)
        self.curves = [channels * self.bins, channels * BANDS * self.steps]
        self.project = nn.Linear(width, sum(self.curves))
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)
        with torch.no_grad():  # a quiet start: about -60 and -70 dB
            tonal, noisy = self.project.bias.split(self.curves)
            tonal.fill_(-1.0)
            noisy.fill_(-8.0)
        self.bank = PQMF(BANDS)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    @property
    def frames(self) -> WindowedFrames:
        """The windows that sounds are cut into."""
        return WindowedFrames(self.n_fft, self.hop, self.window)

    def controls(self, tokens: Tensor) -> StreamControls:
        """The curves of frames (N, L, width), in float32."""
        tonal, noisy = self.project(self.norm(tokens)).float().split(self.curves, -1)
        noisy = noisy.unflatten(-1, (self.steps, self.channels, BANDS)).flatten(1, 2)
        return StreamControls(
            tonal.clamp(*LOG_RANGE).unflatten(-1, (self.channels, self.bins)),
            noisy.clamp(*NOISE_RANGE).repeat_interleave(HELD, dim=1).permute(0, 2, 3, 1),
        )

    def tones(self, controls: StreamControls, history: History) -> Tensor:
        """Sound (N, C, L * hop) of the partials."""
        loud = controls.tonal.exp()
        together = loud.detach().square().sum(2).sqrt()
        turns, last = follow(together, self.n_fft // self.hop, history.get("phase"))
        history.put("phase", last)
        angle = 2 * math.pi * turns
        sign = 1 - 2 * (torch.arange(self.bins, device=loud.device) % 2)  # from centre to start
        unit = torch.complex(sign * angle.cos(), sign * angle.sin())
        spectrum = (loud * unit[:, :, None]).transpose(1, 2)
        return self.frames.sound(spectrum, history)

    def breath(self, controls: StreamControls, noise: Tensor, history: History) -> Tensor:
        """Sound (N, C, L * hop) of white noise of unit variance (N, C, L * hop)."""
        white = noise.unflatten(-1, (-1, BANDS)).transpose(2, 3)  # white in time is so in bands
        phases = self.bank.phases.float()
        seen = history.joined("bank", controls.noisy.exp() * white, phases.shape[2] - 1)
        frames = F.conv1d(seen.flatten(0, 1), phases)
        return frames.transpose(1, 2).flatten(1).unflatten(0, noise.shape[:2])
