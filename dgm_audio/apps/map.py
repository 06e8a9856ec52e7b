"""A plane through the space of a model's codes: the two directions in which they vary the most.

    (x, y) = P (f - f_0) / scale,    f the features of a latent, P their first two principal axes

Features are the codes, or, where the latents themselves are the codes, their image under the
linear map of `dgm_audio.apps.directions`, in which distances are what one hears.

References:
    Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from dgm_audio.apps.decoding import one_thread
from dgm_audio.apps.directions import Directions, each, find_directions
from dgm_audio.apps.render import item_conditions
from dgm_audio.capabilities import HasCodes
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_BATCH, AudioGenerator, check_integer
from dgm_audio.specs import Classes

MAX_PLACE = 4.0
_WEAKEST = 1e-3
"""Directions weaker than this share of the strongest are no features: nothing is heard of them."""


class _Space(Protocol):
    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        """Float64 (F,) of a latent (1, D, 1)."""
        ...

    def moved(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
        """The latent (1, D, 1) whose features differ by so much (F,)."""
        ...


@dataclass(frozen=True)
class _Codes:
    """Features are codes."""

    model: HasCodes

    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        with torch.no_grad():
            return self.model.codes(z, condition)[0, :, 0].cpu().double()

    def moved(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
        with torch.no_grad():
            h = self.model.codes(z, condition)
            return self.model.latents(h + by.to(h)[:, None], condition).to(z)


@dataclass(frozen=True)
class _Levels:
    """Features are changes of level along directions, in dB."""

    directions: Directions

    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        return (self.directions.axes.double() @ z[0, :, 0].double()) * self._strength

    def moved(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
        shift = self.directions.axes.double().T @ (by / self._strength)
        return z + shift.to(z)[:, None]

    @property
    def _strength(self) -> Tensor:
        return torch.tensor(self.directions.strength, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class LatentMap:
    """A map of sounds, by `draw_map`.

    Args:
        z: latents of the sounds (N, D, 1), those of `model.noise(N, seed=seed)`.
        points: where they lie, float64 (N, 2) in [-1, 1].
        conditions: a full one of each sound.
        labels: the class of each sound, or "".
        seed: of the sounds.
        explained: shares of the features' variance that x and y show.
        axes: P, orthonormal (2, F).
        centre: f_0, (F,).
        scale: features per unit of the plane.
        space: knows the features.
    """

    z: Tensor
    points: Tensor
    conditions: list[dict[str, Any]]
    labels: list[str]
    seed: int
    explained: tuple[float, float]
    axes: Tensor
    centre: Tensor
    scale: float
    space: _Space

    def nearest(self, x: float, y: float) -> int:
        """Number of the sound that lies nearest.

        Raises:
            InputError: if x or y is not a number from -4 to 4.
        """
        return int((self.points - self._place(x, y)).square().sum(1).argmin())

    def at(self, x: float, y: float) -> tuple[Tensor, dict[str, Any]]:
        """What lies at a place: the nearest sound, moved within the plane to where the place is.

        Everything off the plane stays as that sound has it.

        Returns:
            Latent (1, D, 1), and the sound's condition.

        Raises:
            InputError: if x or y is not a number from -4 to 4.
        """
        index = self.nearest(x, y)
        condition = dict(self.conditions[index])
        by = (self._place(x, y) - self.points[index]) * self.scale @ self.axes
        with one_thread():
            return self.space.moved(self.z[index : index + 1], by, condition), condition

    def place(self, z: Tensor, condition: Mapping[str, Any]) -> tuple[float, float]:
        """Where a latent (1, D, 1) lies, maybe outside of [-1, 1].

        Raises:
            InputError: if the latent or the condition is not allowed.
        """
        if not isinstance(z, Tensor) or z.shape != self.z[:1].shape:
            found = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise InputError(f"z is {found}; expected a tensor {tuple(self.z[:1].shape)}")
        with one_thread():
            along = self.axes @ (self.space.features(z, condition) - self.centre) / self.scale
        return float(along[0]), float(along[1])

    def _place(self, x: float, y: float) -> Tensor:
        return torch.tensor([_coordinate("x", x), _coordinate("y", y)], dtype=torch.float64)


def draw_map(
    model: AudioGenerator,
    count: int = 192,
    *,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
    length: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LatentMap:
    """A map of `count` new sounds of a model with one code per clip.

    Args:
        model: any such.
        count: how many sounds, at least 3.
        given: conditions of all; classes that are not given take turns.
        seed: sound i is item i of it.
        length: samples of the sounds that are drawn; their codes do not depend on it.
        progress: see `find_directions`, which a model whose latents are its codes needs.

    Raises:
        InputError: if the model has a sequence of codes, or an argument is not allowed.
    """
    count = check_integer("count", count, 3, MAX_BATCH)
    if model.latent.hop is not None:
        raise InputError(
            f"{model.name or model.family!r} has a code for {each(model.latent.hop)}: one point of "
            "a map cannot stand for a sequence of them; choose a model with one code per clip"
        )
    conditions = item_conditions(model, given or {}, count)
    z = model.noise(count, length=length, seed=seed)
    space = _Codes(model) if isinstance(model, HasCodes) else _levels(model, given, seed, progress)
    with one_thread():
        parts = zip(z.split(1), conditions, strict=True)
        features = torch.stack([space.features(one, condition) for one, condition in parts])
        centre = features.mean(0)
        axes, explained = _plane(features - centre)
        along = (features - centre) @ axes.T
    scale = float(along.abs().max().clamp_min(1e-12))
    labels = _labels(model, conditions)
    points = along / scale
    return LatentMap(z, points, conditions, labels, seed, explained, axes, centre, scale, space)


def _levels(
    model: AudioGenerator,
    given: Mapping[str, Any] | None,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> _Levels:
    found = find_directions(
        model, model.latent.channels, condition=given, seed=seed, progress=progress
    )
    heard = sum(value > _WEAKEST * found.strength[0] for value in found.strength)
    return _Levels(Directions(found.axes[:heard], found.strength[:heard]))


def _plane(features: Tensor) -> tuple[Tensor, tuple[float, float]]:
    """The first two principal axes (2, F) of centred features (N, F), and their shares."""
    if min(features.shape) < 2:
        raise InputError("the model's sounds differ in one way only; a map needs two")
    _, spread, axes = torch.linalg.svd(features, full_matrices=False)
    share = spread.square() / spread.square().sum().clamp_min(1e-30)
    axes = axes[:2]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * largest.sign(), (float(share[0]), float(share[1]))


def _labels(model: AudioGenerator, conditions: list[dict[str, Any]]) -> list[str]:
    key = next((key for key, spec in model.condition if isinstance(spec, Classes)), None)
    return ["" if key is None else str(condition[key]) for condition in conditions]


def _coordinate(name: str, given: float | Tensor) -> float:
    found = given.item() if isinstance(given, Tensor) and given.numel() == 1 else given
    number = isinstance(found, int | float) and not isinstance(found, bool)
    if not number or not -MAX_PLACE <= found <= MAX_PLACE:  # also catches NaN
        raise InputError(
            f"{name} is {found!r:.60}; it must be a number from {-MAX_PLACE:g} to {MAX_PLACE:g}"
        )
    return float(found)
