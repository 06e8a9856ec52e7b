"""An ordinary differential equation from noise to data, solved forwards and backwards.

    dx/dt = v(x, t),    x(0) = z ~ N(0, I),    x(1) = y

The grid of times and the method are part of a model: `solve` is a deterministic map from z to y, n
explicit steps of Euler's method or of a method of second order with its second evaluation at a
share c of the step h:

    Euler:         x + h v(x, t)
    second order:  x + h ((1 - b) k + b v(x + c h k, t + c h)),   k = v(x, t),   b = 1 / (2 c)

c is 1/2 for the midpoint method, 1 for Heun's. `invert` is the inverse of this very map, not the
same method with time reversed, which is another map: for each step F from the last one to the
first, the equation F(x) = y is solved by the fixed-point iteration x <- x + (y - F(x)), with
Anderson's acceleration: the plain iteration fails where h v is no contraction, between the modes of
data.

Items of a batch do not influence each other: each stops at its own iteration.

References:
    Lipman et al., "Flow matching for generative modeling", 2023.
    Chen et al., "Neural ordinary differential equations", 2018.
    Behrmann et al., "Invertible residual networks", 2019 (inverse by fixed points).
    Walker and Ni, "Anderson acceleration for fixed-point iterations", 2011.
    Chen et al., "F5-TTS", 2024 (sway).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_audio.errors import InputError

Velocity = Callable[[Tensor, float], Tensor]
"""v(x, t) (B, D, L) of x (B, D, L) at a time from 0 to 1."""

METHODS: dict[str, float | None] = {"euler": None, "midpoint": 0.5, "heun": 1.0}
"""Place of the second evaluation within a step; None for one evaluation."""

MEMORY = 5
"""Changes that acceleration remembers."""
RIDGE = 1e-6
"""Regularisation of its least squares, relative to the largest change."""


class Stage(NamedTuple):
    """A velocity that a step evaluates: where, when, its value, and its weight in the step."""

    x: Tensor
    t: float
    velocity: Tensor
    weight: float


class Inverse(NamedTuple):
    """Latents z (B, D, L), and how far their solutions are from y: its `distance` (B,)."""

    z: Tensor
    residual: Tensor


class Undone(NamedTuple):
    """A step of `steps_back`: its start x (B, D, L), and the times of its start and its end."""

    x: Tensor
    start: float
    stop: float


def grid(steps: int, sway: float = 0.0) -> list[float]:
    """Times 0 = t_0 < ... < t_n = 1 of n steps.

    Args:
        steps: n, at least 1.
        sway: from -1 (steps are short near t = 0, where noise becomes structure) through 0 (they
            are equal) to 1 (short near t = 1); t = u + sway (cos(pi u / 2) - 1 + u).

    Raises:
        InputError: if an argument is out of range.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}; it must be at least 1")
    if not -1 <= sway <= 1:
        raise InputError(f"sway is {sway}; it must be from -1 to 1")
    u = torch.linspace(0, 1, steps + 1, dtype=torch.float64, device="cpu")
    times = u + sway * ((torch.pi * u / 2).cos() - 1 + u)
    return [0.0, *times[1:-1].tolist(), 1.0]


def stages(v: Velocity, x: Tensor, start: float, stop: float, method: str) -> list[Stage]:
    """The velocities that a step from x (B, D, L) evaluates.

    Raises:
        InputError: if there is no such method.
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r:.60}; it must be one of {', '.join(METHODS)}")
    place, size = METHODS[method], stop - start
    first = v(x, start)
    if place is None:
        return [Stage(x, start, first, 1.0)]
    weight = 1 / (2 * place)
    inner, time = x + place * size * first, start + place * size
    second = Stage(inner, time, v(inner, time), weight)
    return [Stage(x, start, first, 1 - weight), second]


def step(v: Velocity, x: Tensor, start: float, stop: float, method: str) -> Tensor:
    """x (B, D, L) at time `stop`, of x at time `start`."""
    for stage in stages(v, x, start, stop, method):
        x = x + (stop - start) * stage.weight * stage.velocity
    return x


def solve(v: Velocity, z: Tensor, times: Sequence[float], method: str) -> Tensor:
    """y (B, D, L) of z (B, D, L): one step per interval of `times`.

    Args:
        v: the velocity.
        z: the start.
        times: rising times, from that of z to that of y (see `grid`).
        method: a name in `METHODS`.

    Raises:
        InputError: if there is no such method.
    """
    for start, stop in pairwise(times):
        z = step(v, z, start, stop, method)
    return z


@torch.no_grad()
def invert(
    v: Velocity,
    y: Tensor,
    times: Sequence[float],
    method: str,
    *,
    tolerance: float = 1e-6,
    iterations: int = 100,
) -> Inverse:
    """z with solve(v, z, times, method) = y, and by how much it fails.

    Args:
        v: the velocity.
        y: the end (B, D, L).
        times: as in `solve`.
        method: as in `solve`.
        tolerance: an item's iteration stops where |F(x) - y| <= tolerance max(|y|, 1).
        iterations: of a step, at most; then the best iterate is taken.

    Raises:
        InputError: if there is no such method.
    """
    z = y
    for undone in steps_back(v, y, times, method, tolerance=tolerance, iterations=iterations):
        z = undone.x
    return Inverse(z, distance(solve(v, z, times, method), y))


def steps_back(
    v: Velocity,
    y: Tensor,
    times: Sequence[float],
    method: str,
    *,
    tolerance: float = 1e-6,
    iterations: int = 100,
) -> Iterator[Undone]:
    """The steps that lead to y (B, D, L), the last one first; arguments as in `invert`."""
    for stop, start in pairwise(reversed(times)):

        def forwards(x: Tensor, start: float = start, stop: float = stop) -> Tensor:
            return step(v, x, start, stop, method)

        y = _undo(forwards, y, tolerance, iterations)
        yield Undone(y, start, stop)


@torch.no_grad()
def _undo(forwards: Callable[[Tensor], Tensor], y: Tensor, tolerance: float, bound: int) -> Tensor:
    """x with forwards(x) = y: the best one of an iteration that starts at y."""
    x = best = y
    least = y.new_full((len(y), 1, 1), torch.inf)
    history: deque[tuple[Tensor, Tensor]] = deque(maxlen=MEMORY + 1)
    for _ in range(bound):
        gap = y - forwards(x)
        error = _relative(gap, y)[:, None, None]
        better = error < least
        best, least = torch.where(better, x, best), torch.where(better, error, least)
        done = least <= tolerance
        if done.all():
            break
        history.append((x, gap))
        x = torch.where(done, x, _accelerated(history))
    return best


def _accelerated(history: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The next iterate, after the last ones x and their gaps y - F(x): Anderson acceleration.

    x + gap, less the combination of the last changes of both that makes the gap least.
    """
    places, gaps = (torch.stack(part, dim=1).flatten(2) for part in zip(*history, strict=True))
    x, gap = places[:, -1:], gaps[:, -1:]
    moves, changes = places.diff(dim=1), gaps.diff(dim=1)
    if len(history) > 1:
        wide = changes.double()
        products = wide @ wide.mT
        size = products.diagonal(dim1=1, dim2=2).amax(dim=1).clamp_min(torch.finfo(x.dtype).tiny)
        eye = torch.eye(len(products[0]), dtype=wide.dtype, device=wide.device)
        ridge = RIDGE * size[:, None, None] * eye
        shares = torch.linalg.solve(products + ridge, wide @ gap.double().mT).to(gap.dtype).mT
        x, gap = x - shares @ moves, gap - shares @ changes
    return (x + gap)[:, 0].view_as(history[0][0])


def distance(x: Tensor, y: Tensor) -> Tensor:
    """|x - y| / max(|y|, 1) (B,) of tensors (B, D, L)."""
    return _relative(x - y, y)


def _relative(x: Tensor, y: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1).clamp_min(1)
