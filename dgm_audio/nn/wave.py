"""From a style to the bands of a waveform, over a pyramid of frame rates.

    start -> blocks -> x4 -> blocks -> ... -> bands at full rate

Each scale adds learned positions: one-shots begin at time zero, and what comes when is the same
for all of them. They start as tones, out of which the blocks make others.

References:
    Donahue et al., "Adversarial audio synthesis" (WaveGAN), 2019 (the pyramid).
    Liu et al., "Neural networks fail to learn periodic functions and how to fix it", 2020 (snake).
    Karras et al., "Alias-free generative adversarial networks", 2021 (sinusoids as a start).
    Caillon and Esling, "RAVE", 2021 (bands, a level beside the waveform, shaped noise).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_audio.nn.upsampling import SincUpsample, convolve

DILATIONS = (1, 3)
"""Of the blocks of a scale, by turns; the coarsest scale has none."""
KERNEL, LAST_KERNEL = 3, 5
"""Taps of the convolutions; the last scale has one block, and most of its time goes elsewhere."""
LOG_RANGE = (-14.0, 3.0)
"""Of levels, which keeps a wild weight from making infinities."""
QUIET = (-3.0, -7.0)
"""Levels of waveform and noise before training: about -40 and -60 dB."""
HIGHEST, OCTAVES = 0.45, 6
"""Of the tones: cycles per frame of the highest one, and how far down they go."""
TONES = 0.1
"""Level of the tones before training."""


class StyledBlock(nn.Module):
    """y = x + W snake(conv(m(x))),    m(x) = (1 + scale(s)) norm(x) + shift(s).

    snake(u) = u - cos(u) has a period, as a waveform has. (The usual u + sin^2(a u) / a is the same
    up to constants that the weights around it take up.)

    Args:
        width: channels of the sequence.
        kernel: odd number of taps.
        dilation: frames between taps.
        style: channels of the style vector.
    """

    def __init__(self, width: int, kernel: int, dilation: int, style: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.film = nn.Linear(style, 2 * width)
        self.conv = nn.Conv1d(width, width, kernel)
        self.mix = nn.Linear(width, width)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, L, width) and a style (N, style) -> (N, L, width)."""
        scale, shift = self.film(style)[:, None].chunk(2, dim=-1)
        hidden = torch.addcmul(shift, F.layer_norm(x, x.shape[2:]).to(scale.dtype), 1 + scale)
        hidden = convolve(hidden, self.conv.weight, self.conv.bias, self.dilation)
        return x + self.mix(hidden - hidden.cos())


def tones(frames: int, count: int) -> Tensor:
    """Sinusoids (frames, count) of unit power, evenly spaced in octaves, with random phases."""
    low, high = math.log2(HIGHEST) - OCTAVES, math.log2(HIGHEST)
    turns = torch.arange(frames)[:, None] * torch.linspace(low, high, count).exp2()
    return math.sqrt(2) * torch.cos(2 * math.pi * (turns + torch.rand(count)))


class WavePyramid(nn.Module):
    """Style (N, style) -> frames -> curves (N, L, curves) -> bands (N, bands, L).

        bands = exp(g) u + exp(b) noise

    The curves are, for every band, a waveform u, and the levels g and b of it and of white noise;
    levels are logarithms, since a decay runs through 60 dB. No block sees the noise: one that did
    would learn to make levels jump from frame to frame, in place of what codes leave open.

    The last scale comes apart from the others, so that a CPU can go through it sound by sound, and
    noise comes last: a sound of the same code with other noise costs little.

    Args:
        style: channels of the style vector.
        frames: L, at the last scale.
        widths: channels of the scales, from coarse to fine.
        blocks: of each scale.
        factor: between the rates of two scales.
        bands: of the waveform.
        textured: whether there is noise.
    """

    def __init__(
        self,
        style: int,
        frames: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        factor: int,
        bands: int,
        textured: bool,
    ) -> None:
        super().__init__()
        rates = [frames // factor**step for step in reversed(range(len(widths)))]
        self.width, self.bands = widths[0], bands
        self.start = nn.Linear(style, rates[0] * widths[0])
        self.scales = nn.ModuleList()
        for scale, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            kernel = KERNEL if scale < len(widths) - 1 else LAST_KERNEL
            dilations = [DILATIONS[place % 2] if scale else 1 for place in range(count)]
            scale_blocks = [StyledBlock(width, kernel, one, style) for one in dilations]
            self.scales.append(nn.ModuleList(scale_blocks))
        self.narrow = nn.ModuleList(nn.Linear(wide, small) for wide, small in pairwise(widths))
        self.upsample = SincUpsample(factor)
        self.positions = nn.ParameterList(
            TONES * tones(rate, width) for rate, width in zip(rates[1:], widths[1:], strict=True)
        )
        curves = 3 if textured else 2
        self.head = nn.Linear(widths[-1], curves * bands)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            levels = torch.tensor([0.0, *QUIET])[:curves]
            self.head.bias.copy_(levels.repeat_interleave(bands))

    def forward(self, style: Tensor) -> Tensor:
        """Frames that the last scale starts from."""
        tokens = self.start(style).unflatten(1, (-1, self.width))
        for blocks, narrow, position in zip(self.scales, self.narrow, self.positions, strict=False):
            for block in blocks:  # type: ignore[union-attr]
                tokens = block(tokens, style)
            tokens = self.upsample(narrow(tokens)) + position
        return tokens

    def curves(self, frames: Tensor, style: Tensor) -> Tensor:
        """Curves (N, L, 3 * bands), or 2 * bands without noise, of frames; in float32."""
        for block in self.scales[-1]:  # type: ignore[union-attr]
            frames = block(frames, style)
        return self.head(frames).float()

    def mixed(self, curves: Tensor, noise: Tensor | None) -> Tensor:
        """Bands (N, bands, L) of curves and white noise (N, L, bands)."""
        wave, level, *noise_level = curves.split(self.bands, dim=2)
        made = level.clamp(*LOG_RANGE).exp() * wave
        if noise is not None and noise_level:
            made = torch.addcmul(made, noise_level[0].clamp(*LOG_RANGE).exp(), noise)
        return made.transpose(1, 2)
