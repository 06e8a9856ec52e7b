# type: ignore  (a kernel is Triton's language, which only looks like Python)
"""Masses of symbols in the sampler's kernel (see `lpc_prior` and `distribution`).

They lie in tiles with a row per stream.
"""

from __future__ import annotations

try:
    import triton.language as tl
    from triton import jit
except ImportError:  # torch brings it where it knows GPUs; without it nobody calls the kernel
    tl = None

    def jit(function=None, **_):
        """Leave the function as it is."""
        return function or (lambda function: function)


@jit
def counted(marks):
    """How many are marked in each row."""
    return tl.sum(marks.to(tl.int32), 1)


@jit
def between(start, end, inverse, FARTHEST: tl.constexpr):
    """Mass of a logistic between two edges so far below its mean, from their odds."""
    start = tl.exp(tl.minimum(tl.maximum(start * inverse, -FARTHEST), FARTHEST))
    end = tl.exp(tl.minimum(tl.maximum(end * inverse, -FARTHEST), FARTHEST))
    return (start - end) / ((1 + start) * (1 + end))


@jit
def corrected(numbers, d, scale, o, COMPONENTS: tl.constexpr, SHARPEST: tl.constexpr):
    """Weights, means and inverse scales of logistics, side by side, from the head's numbers."""
    weight = tl.where(o < COMPONENTS, numbers, float("-inf"))
    weight = tl.exp(weight - tl.max(weight, 1)[:, None])
    weight = weight / tl.sum(weight, 1)[:, None]
    mean = d + scale * numbers
    inverse = tl.exp(tl.minimum(tl.maximum(numbers, -SHARPEST), SHARPEST)) / scale
    return tl.where(o < COMPONENTS, weight, tl.where(o < 2 * COMPONENTS, mean, inverse))


@jit
def guarded(e, inside, GUARD: tl.constexpr, LEAST: tl.constexpr):
    """Guarded weights w of masses e, float64; 0 for what only pads the symbols.

    The guard's own sums are float32: no terms cancel, so it is right to a millionth of itself.
    """
    e = tl.where(inside, e, 0)
    e = tl.where(inside, tl.maximum(e / tl.max(e, 1)[:, None], LEAST), 0)
    guard = GUARD * tl.minimum(tl.cumsum(e, 1), tl.cumsum(e, 1, reverse=True))
    return tl.where(inside, e.to(tl.float64) + guard, 0)
