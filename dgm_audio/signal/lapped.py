"""An orthonormal lapped transform of a whole sound, in steps of a hop: blocks without edges.

A sine window (the modified discrete cosine transform) as rotations and blocks: within each hop the
samples that lie at the same distance from its middle are rotated into each other, and the type IV
cosine transform is taken of what lies between the middles of two hops. Only a last hop that is not
whole is left as it is. Of T samples there are T coefficients, and noise that is scaled there fades
from block to block instead of starting anew.

References:
    Princen, Johnson and Bradley, "Subband/transform coding using filter bank designs based on time
    domain aliasing cancellation", 1987.
    Malvar, "Signal processing with lapped transforms", 1992.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from dgm_audio.signal.portable import table, turns


def block_sizes(length: int, hop: int) -> list[int]:
    """Coefficients of each block of a sound of `length` samples.

    >>> block_sizes(1000, 256)
    [128, 256, 256, 360]
    >>> block_sizes(512, 256)
    [128, 256, 128]
    """
    middles = [k * hop + hop // 2 for k in range(length // hop)]
    edges = [0, *middles, length]
    return [end - start for start, end in pairwise(edges)]


def fold(x: Tensor, back: bool = False) -> Tensor:
    """Whole hops (..., H), H even, rotated about their middles, float64; `back` undoes it."""
    half = x.shape[-1] // 2
    near, far = rotations(half, x.device)
    far = -far if back else far
    before, after = x[..., :half].flip(-1), x[..., half:]
    folded = near * before - far * after, near * after + far * before
    return torch.cat([folded[0].flip(-1), folded[1]], dim=-1)


@table
def rotations(half: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """sin and cos of pi / 4 (1 + (n + 1/2) / half) for n = 0, 1, ..., half - 1: float64."""
    cosine, sine = turns(16 * half)
    place = slice(2 * half + 1, 4 * half, 2)
    return sine[place].to(device), cosine[place].to(device)


@table
def cosine_iv(size: int, device: torch.device | None = None) -> Tensor:
    """The type IV cosine transform of `size` samples, its own inverse: float64 (size, size)."""
    odd = 2 * torch.arange(size, device="cpu") + 1
    cosine, _ = turns(8 * size)
    return (math.sqrt(2 / size) * cosine[odd * odd[:, None] % (8 * size)]).to(device)


class Analysis:
    """Hops in, blocks out: of sounds (B, T) with `sizes` as `block_sizes` gives them."""

    def __init__(self, sizes: list[int], hop: int) -> None:
        self.sizes, self.hop = list(sizes), hop
        self.rest: Tensor | None = None

    def push(self, x: Tensor) -> list[Tensor]:
        """The blocks (B, n) that the next hop (B, H), or the rest of the sound, completes."""
        folded = fold(x) if x.shape[-1] == self.hop else x
        rest = folded if self.rest is None else torch.cat([self.rest, folded], dim=-1)
        blocks = []
        while self.sizes and rest.shape[-1] >= self.sizes[0]:
            size = self.sizes.pop(0)
            blocks.append(rest[..., :size] @ cosine_iv(size, x.device))
            rest = rest[..., size:]
        self.rest = rest
        return blocks


class Synthesis:
    """The inverse of `Analysis`: blocks of coefficients in, hops out."""

    def __init__(self, hop: int) -> None:
        self.hop = hop
        self.rest: Tensor | None = None

    def push(self, block: Tensor) -> None:
        """The next block (B, n)."""
        folded = block @ cosine_iv(block.shape[-1], block.device)
        self.rest = folded if self.rest is None else torch.cat([self.rest, folded], dim=-1)

    def pull(self, size: int) -> Tensor:
        """The next hop (B, H), or the rest of the sound, whose blocks are known."""
        assert self.rest is not None and self.rest.shape[-1] >= size
        x, self.rest = self.rest[..., :size], self.rest[..., size:]
        return fold(x, back=True) if size == self.hop else x
