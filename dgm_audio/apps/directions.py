"""Latent directions, strongest first: those along which a model's sounds change the most.

For a model with one code per clip, the levels of sounds are regressed on their latents, and the
linear map is taken apart:

    levels(decode(z)) ~ B z + b,    B = sum_k s_k u_k v_k^T

Moving z by one deviation along v_k changes the levels by s_k u_k. A model of streams brings the
ordered axes of its codes along.

References:
    Izenman, "Reduced-rank regression for the multivariate linear model", 1975.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.decoding import one_thread
from dgm_audio.apps.render import item_conditions
from dgm_audio.apps.transfer import streaming
from dgm_audio.capabilities import HasCodes, RunsLive
from dgm_audio.errors import InputError
from dgm_audio.evaluation.spectra import batch_size, log_mel, window_length
from dgm_audio.generator import MAX_BATCH, AudioGenerator, check_integer

MAX_AMOUNT = 10.0
BANDS, SLICES = 32, 16
WINDOW = 0.046
RIDGE = 0.02
"""Weight of the ridge, as a share of the draws: a latent has variance 1."""
_LEAST_DRAWS = 16
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions to move latents along; plus is louder where the levels were regressed.

    Args:
        axes: what one deviation along each adds to a latent, or to its codes, (N, D).
        strength: of each, falling. Of a model with one code per clip: by how many dB a deviation
            changes the levels (root mean square over bands and time). Of one of streams: the
            direction's share of the variance of the codes, 0 to 1.
        through: the model, if it is its codes that are moved.
    """

    axes: Tensor
    strength: list[float]
    through: HasCodes | None = None

    @property
    def count(self) -> int:
        """How many there are, N."""
        return len(self.axes)

    def move(
        self, z: Tensor, amounts: Sequence[float], condition: Mapping[str, Any] | None = None
    ) -> Tensor:
        """Latents moved along the directions.

        Args:
            z: latents (B, D, L).
            amounts: deviations for the first directions, -10 to 10 each; up to 3 sounds natural.
            condition: that the latents are meant with.

        Returns:
            Latents (B, D, L); z itself if no amount differs from 0.

        Raises:
            InputError: if there are more amounts than directions, one is not allowed, or z is not.
        """
        amounts = [_amount(index, amount) for index, amount in enumerate(amounts)]
        if len(amounts) > self.count:
            raise InputError(f"there are {len(amounts)} amounts for {self.count} directions")
        if not isinstance(z, Tensor) or z.ndim != 3 or z.shape[1] != self.axes.shape[1]:
            found = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise InputError(f"z is {found}; expected a tensor (B, {self.axes.shape[1]}, L)")
        if not any(amounts):
            return z
        shift = z.new_tensor(amounts) @ self.axes[: len(amounts)].to(z)
        if self.through is None:
            return z + shift[:, None]
        with torch.no_grad(), one_thread():
            codes = self.through.codes(z, condition)
            return self.through.latents(codes + shift.to(codes)[:, None], condition).to(z)


def find_directions(
    model: AudioGenerator,
    count: int = 8,
    *,
    condition: Mapping[str, Any] | None = None,
    seed: int = 0,
    draws: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> Directions:
    """The strongest directions of a model.

    Args:
        model: with one code per clip, or of streams.
        count: how many; fewer come if the model has no more.
        condition: of the sounds that are listened to; without a class, all classes in turn, and
            what differs between them is left out.
        seed: of these sounds.
        draws: how many sounds, at least 16.
        progress: is told the number of sounds listened to, and that of all; it may stop by raising.

    Raises:
        InputError: if the model has no such directions, or an argument is not allowed.
    """
    count = check_integer("count", count, 1, MAX_BATCH)
    draws = check_integer("draws", draws, _LEAST_DRAWS, MAX_BATCH)
    if isinstance(model, RunsLive):
        return _of_streams(model, count)
    if model.latent.hop is not None:
        raise InputError(
            f"{model.name or model.family!r} draws new noise for {each(model.latent.hop)}: no "
            "direction in it changes what one hears; choose a model with one code per clip"
        )
    conditions = item_conditions(model, condition or {}, draws)
    z = model.noise(draws, seed=seed)
    levels = torch.cat(list(_heard(model, z, conditions, progress)))
    return _regressed(_centred(z[:, :, 0], conditions), _centred(levels, conditions), count)


def each(hop: int) -> str:
    """In words.

    >>> each(1), each(256)
    ('each sample', 'every 256 samples')
    """
    return "each sample" if hop == 1 else f"every {hop} samples"


def _of_streams(model: AudioGenerator, count: int) -> Directions:
    live = streaming(model)
    count = min(count, max(1, live.informative))
    share = live.spread.square() / live.spread.square().sum()
    axes = (live.axes * live.spread[:, None])[:count].detach()
    return Directions(axes, share[:count].tolist(), live)


def _heard(
    model: AudioGenerator,
    z: Tensor,
    conditions: Sequence[Mapping[str, Any]],
    progress: Callable[[int, int], None] | None,
) -> Iterator[Tensor]:
    """Levels in dB (n, BANDS * SLICES) of the sounds of latents (N, D, 1), some at a time."""
    rate = model.audio.sample_rate
    window = window_length(WINDOW, rate)
    done = 0
    for part in z.split(batch_size(_BATCH, model.audio.length)):
        some = conditions[done : done + len(part)]
        values = {key: [one[key] for one in some] for key in some[0]}
        with torch.no_grad(), one_thread():
            x = model.decode(part, values).cpu()
            levels = log_mel(x, rate, bands=BANDS, window=window, hop=window // 2)
            yield F.adaptive_avg_pool1d(levels, SLICES).flatten(1)
        done += len(part)
        if progress is not None:
            progress(done, len(z))


def _centred(values: Tensor, conditions: Sequence[Mapping[str, Any]]) -> Tensor:
    """Values (N, M), float64, less the mean of those of the same condition."""
    values = values.double().clone()
    kinds = [tuple(one.items()) for one in conditions]
    for kind in set(kinds):
        rows = [index for index, other in enumerate(kinds) if other == kind]
        values[rows] -= values[rows].mean(0)
    return values


def _regressed(z: Tensor, levels: Tensor, count: int) -> Directions:
    """The strongest directions of the linear map from z (N, D) to levels (N, M), centred both."""
    ridge = RIDGE * len(z) * torch.eye(z.shape[1], dtype=z.dtype)
    slope = torch.linalg.solve(z.T @ z + ridge, z.T @ levels)
    axes, strength, change = torch.linalg.svd(slope, full_matrices=False)
    louder = change.sum(1) >= 0
    axes = torch.where(louder, axes, -axes).T[:count]
    strength = strength[:count] / levels.shape[1] ** 0.5
    return Directions(axes.float().contiguous(), strength.tolist())


def _amount(index: int, amount: float) -> float:
    number = isinstance(amount, int | float) and not isinstance(amount, bool)
    if not number or not -MAX_AMOUNT <= amount <= MAX_AMOUNT:  # also catches NaN
        raise InputError(
            f"amount {index + 1} is {amount!r:.60}; it must be a number from {-MAX_AMOUNT:g} to "
            f"{MAX_AMOUNT:g}"
        )
    return float(amount)
