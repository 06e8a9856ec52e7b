"""A two-dimensional map of a model's latent space: the first two principal components (PCA).

    (x, y) = P (f - f_0) / scale,    f the features of a latent, P their first two principal axes

The features are the model's codes. Where the latents themselves are the codes, the features are
their image under the linear map of `dgm_audio.apps.directions`: level changes in dB, so that
distances on the map follow audible differences.

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

MAX_COORDINATE = 4.0
_MIN_STRENGTH = 1e-3
"""Directions weaker than this share of the strongest are left out: they are inaudible."""


class _FeatureSpace(Protocol):
    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        """Features of a latent (1, D, 1): float64 (F,)."""
        ...

    def move(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
        """The latent (1, D, 1) with `by` (F,) added to its features."""
        ...


@dataclass(frozen=True)
class _CodeFeatures:
    """The features are the model's codes."""

    model: HasCodes

    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        with torch.no_grad():
            return self.model.codes(z, condition)[0, :, 0].cpu().double()

    def move(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
        with torch.no_grad():
            h = self.model.codes(z, condition)
            return self.model.latents(h + by.to(h)[:, None], condition).to(z)


@dataclass(frozen=True)
class _LevelFeatures:
    """The features are level changes along directions, in dB."""

    directions: Directions

    def features(self, z: Tensor, condition: Mapping[str, Any]) -> Tensor:
        return (self.directions.axes.double() @ z[0, :, 0].double()) * self._strength

    def move(self, z: Tensor, by: Tensor, condition: Mapping[str, Any]) -> Tensor:
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
        points: map coordinates of the sounds, float64 (N, 2) in [-1, 1].
        conditions: the full condition of each sound.
        labels: the class of each sound, or "".
        seed: of the sounds.
        explained: shares of the features' variance that x and y show.
        axes: P, orthonormal (2, F).
        centre: f_0, (F,).
        scale: feature units per map unit.
        space: computes the features.
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
    space: _FeatureSpace

    def nearest(self, x: float, y: float) -> int:
        """Index of the sound nearest to (x, y).

        Raises:
            InputError: if x or y is not a number from -4 to 4.
        """
        return int((self.points - self._coordinates(x, y)).square().sum(1).argmin())

    def latent_at(self, x: float, y: float) -> tuple[Tensor, dict[str, Any]]:
        """The latent at (x, y): that of the nearest sound, moved within the plane to (x, y).

        Its components off the plane stay those of the nearest sound.

        Returns:
            Latent (1, D, 1), and the sound's condition.

        Raises:
            InputError: if x or y is not a number from -4 to 4.
        """
        index = self.nearest(x, y)
        condition = dict(self.conditions[index])
        by = (self._coordinates(x, y) - self.points[index]) * self.scale @ self.axes
        with one_thread():
            return self.space.move(self.z[index : index + 1], by, condition), condition

    def project(self, z: Tensor, condition: Mapping[str, Any]) -> tuple[float, float]:
        """Map coordinates of a latent (1, D, 1); they may lie outside [-1, 1].

        Raises:
            InputError: if the latent or the condition is not allowed.
        """
        if not isinstance(z, Tensor) or z.shape != self.z[:1].shape:
            found = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise InputError(f"z is {found}; expected a tensor {tuple(self.z[:1].shape)}")
        with one_thread():
            along = self.axes @ (self.space.features(z, condition) - self.centre) / self.scale
        return float(along[0]), float(along[1])

    def _coordinates(self, x: float, y: float) -> Tensor:
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
        model: with one code per clip.
        count: number of sounds, at least 3.
        given: conditions of all sounds; a class that is not given cycles through its values.
        seed: sound i is item i of this seed.
        length: samples of each sound; the codes do not depend on it.
        progress: passed to `find_directions`, for models whose latents are their codes.

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
    space = (
        _CodeFeatures(model)
        if isinstance(model, HasCodes)
        else _level_features(model, given, seed, progress)
    )
    with one_thread():
        parts = zip(z.split(1), conditions, strict=True)
        features = torch.stack([space.features(one, condition) for one, condition in parts])
        centre = features.mean(0)
        axes, explained = _principal_axes(features - centre)
        along = (features - centre) @ axes.T
    scale = float(along.abs().max().clamp_min(1e-12))
    labels = _labels(model, conditions)
    points = along / scale
    return LatentMap(z, points, conditions, labels, seed, explained, axes, centre, scale, space)


def _level_features(
    model: AudioGenerator,
    given: Mapping[str, Any] | None,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> _LevelFeatures:
    found = find_directions(
        model, model.latent.channels, condition=given, seed=seed, progress=progress
    )
    audible = sum(value > _MIN_STRENGTH * found.strength[0] for value in found.strength)
    return _LevelFeatures(Directions(found.axes[:audible], found.strength[:audible]))


def _principal_axes(features: Tensor) -> tuple[Tensor, tuple[float, float]]:
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
    if not number or not -MAX_COORDINATE <= found <= MAX_COORDINATE:  # also catches NaN
        low, high = f"{-MAX_COORDINATE:g}", f"{MAX_COORDINATE:g}"
        raise InputError(f"{name} is {found!r:.60}; it must be a number from {low} to {high}")
    return float(found)
