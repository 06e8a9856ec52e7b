"""The velocity field: a transformer over frames, steered by a style and by features of each frame.

    h = in(x_t) + cond(frames),   style = w(t) + s
    h <- h + g1 attention(norm(h)) + g2 conv(h) + g3 mlp(norm(h)),   norm modulated by the style
    v = out(norm(h))

Every `patch` frames are one token. Attention reaches `window` tokens to both sides, in training as
in use: a long sound is made like the pieces that the network has learned from, and costs no more
per second. Where there is a single frame, a code, nothing mixes over time.

References:
    Peebles and Xie, "Scalable diffusion models with transformers", 2023 (adaptive norms).
    Chen et al., "PixArt-alpha", 2024 (one modulation, shared by all blocks).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 7
HEAD = 64
"""Channels of an attention head, at least."""
TIMES = 64
"""Sines and cosines of the time."""
PARTS = 8
"""Shift, scale and gate of attention and of the MLP, gate and bias of the convolution."""


class Block(nn.Module):
    """Attention, depthwise convolution and MLP of tokens (B, L, W).

    Args:
        width: W.
        mixing: whether tokens see each other.
        deviation: of the weights that lead back to the tokens, before training.
    """

    def __init__(self, width: int, mixing: bool, deviation: float) -> None:
        super().__init__()
        self.heads = math.gcd(width, max(1, width // HEAD))
        self.table = nn.Parameter(torch.zeros(PARTS, width))
        self.mixing = mixing
        if mixing:
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.conv = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
            nn.init.normal_(self.out.weight, std=deviation)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        nn.init.normal_(self.down.weight, std=deviation)

    def forward(self, x: Tensor, style: Tensor, valid: Tensor, reach: Tensor | None) -> Tensor:
        """Tokens (B, L, W).

        Args:
            x: tokens (B, L, W).
            style: modulation (B, PARTS, W).
            valid: (B, L, 1), 0 for tokens that are padding.
            reach: which tokens see which, (B, 1, L, L); None: all see all.
        """
        shift, scale, gate, bias, *rest = (style + self.table).to(x.dtype).unbind(1)
        conv_gate, mlp_shift, mlp_scale, mlp_gate = rest
        if self.mixing:
            h = _modulated(x, shift, scale)
            x = x + (1 + gate[:, None]) * self._attention(h, reach)
            h = self.conv(((x + bias[:, None]) * valid).transpose(1, 2)).transpose(1, 2)
            x = x + (1 + conv_gate[:, None]) * F.silu(h)
        h = _modulated(x, mlp_shift, mlp_scale)
        return x + (1 + mlp_gate[:, None]) * self.down(F.gelu(self.up(h)))

    def _attention(self, x: Tensor, reach: Tensor | None) -> Tensor:
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if reach is not None:  # in plain products: on a CPU twice as fast as the fused function
            scores = scores.masked_fill(~reach, -torch.inf)
        return self.out((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Tokens (B, L, W), normalised, then scaled and shifted by (B, W)."""
    return F.layer_norm(x, x.shape[-1:]) * (1 + scale[:, None]) + shift[:, None]


class Transformer(nn.Module):
    """Blocks that share one modulation.

    Args:
        width: W of the tokens.
        blocks: how many.
        style: S, numbers in a style.
        window: tokens that attention reaches to both sides; 0: tokens do not see each other.
    """

    def __init__(self, width: int, blocks: int, style: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.modulation = nn.Linear(style, PARTS * width)
        deviation = 0.02 / math.sqrt(blocks)
        self.blocks = nn.ModuleList(Block(width, window > 0, deviation) for _ in range(blocks))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, style: Tensor, valid: Tensor) -> Tensor:
        """Tokens (B, L, W) of tokens, styles (B, S) and a mask (B, L) of those that count."""
        modulation = self.modulation(F.silu(style)).unflatten(1, (PARTS, -1))
        reach = self._reach(valid) if self.window else None
        for block in self.blocks:
            x = block(x, modulation, valid[..., None].to(x.dtype), reach)
        return x

    def _reach(self, valid: Tensor) -> Tensor | None:
        count = valid.shape[1]
        if count <= self.window + 1 and bool(valid.all()):
            return None
        place = torch.arange(count, device=valid.device)
        near = (place[:, None] - place).abs() <= self.window
        own = torch.eye(count, dtype=torch.bool, device=valid.device)  # no row without any
        return ((near & valid[:, None, :].bool()) | own)[:, None]


class VelocityNetwork(nn.Module):
    """v(x, t, c) of x (B, D, L), with a style for all frames and features of each.

    Args:
        channels: D.
        features: C, numbers per frame of the condition; 0 for none.
        style: S, numbers in a style.
        width: W.
        blocks: of the transformer.
        patch: frames per token.
        window: tokens that attention reaches to both sides; 0 where there is but one frame.
    """

    rates: Tensor

    def __init__(
        self,
        channels: int,
        features: int,
        style: int,
        width: int,
        blocks: int,
        patch: int,
        window: int,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.enter = nn.Linear(patch * channels, width)
        self.known = nn.Linear(patch * features, width) if features else None
        self.time = nn.Sequential(nn.Linear(2 * TIMES, style), nn.SiLU(), nn.Linear(style, style))
        self.transformer = Transformer(width, blocks, style, window)
        self.leave = nn.Linear(width, patch * channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        rates = 2.0 ** torch.linspace(-2, 6, TIMES)
        self.register_buffer("rates", rates.round(decimals=6), persistent=False)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        style: Tensor,
        features: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Velocities (B, D, L).

        Args:
            x: (B, D, L).
            t: times (B,) from 0 to 1.
            style: (B, S).
            features: of each frame (B, C, L).
            valid: (B, L), False for frames that are padding.
        """
        tokens = self.enter(self._tokens(x))
        if self.known is not None and features is not None:
            tokens = tokens + self.known(self._tokens(features))
        if valid is None:
            valid = torch.ones(len(x), x.shape[2], dtype=torch.bool, device=x.device)
        angle = t[:, None] * self.rates.to(t.dtype)
        time = self.time(torch.cat([angle.sin(), angle.cos()], dim=1).to(x.dtype))
        inside = self._tokens(valid[:, None].to(x.dtype)).amax(2)
        tokens = self.transformer(tokens, style + time, inside)
        v = self.leave(F.layer_norm(tokens, tokens.shape[-1:]))
        return v.unflatten(2, (self.patch, -1)).flatten(1, 2).transpose(1, 2)[:, :, : x.shape[2]]

    def _tokens(self, x: Tensor) -> Tensor:
        """(B, D, L) -> (B, ceil(L / patch), patch * D), with zeros after the last frame."""
        x = F.pad(x, (0, -x.shape[2] % self.patch))
        return x.transpose(1, 2).unflatten(1, (-1, self.patch)).flatten(2)
