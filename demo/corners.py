"""The corners of a pad, or the ends of a line, as the page names them, and the sounds between.

A corner is `{"seed": 7}`, or `{"recipe": "..."}` for a sound that was kept or uploaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dgm_audio.apps.ends import value
from dgm_audio.apps.latents import unpack
from dgm_audio.apps.morph import blend
from dgm_audio.apps.path import path_points
from dgm_audio.apps.render import check_provenance, end_of, item_conditions
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.provenance import Provenance

from .studio import Studio
from .widgets import recipe_from

SHORTEST_PATH = 2
"""Points of a path that is too long for a recipe however few it has."""


@dataclass(frozen=True)
class Corners:
    """What lies at the corners of a pad (4), or at the ends of a line (2).

    Args:
        studio: that makes the sounds.
        name: of the model.
        ends: as recipes name them.
        conditions: a full one per corner.
        length: samples of each sound.
        recording: whether one of them was somebody's recording.
    """

    studio: Studio
    name: str
    ends: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    length: int
    recording: bool

    def at(self, x: float, y: float) -> Provenance:
        """The sound at a place; in the corners that of the corner's own seed."""
        condition = blend(self.conditions, x, y)
        corner = self.ends[int(x) + 2 * int(y)] if {x, y} <= {0, 1} else {}
        if "seed" in corner:
            return self._recipe("sample", **{"temperature": 1.0, **corner}, condition=condition)
        return self._recipe("morph", corners=self.ends, x=x, y=y, condition=condition)

    def between(self, steps: int) -> Iterator[Provenance]:
        """The sounds of a line, one by one."""
        for index in range(steps):
            condition = blend(self.conditions, index / (steps - 1), 0)
            ends = {"from": self.ends[0], "to": self.ends[1]}
            yield self._recipe("interpolate", **ends, steps=steps, index=index, condition=condition)

    def along(self, points: Sequence[Any], fade: float) -> Provenance:
        """The clip of a path, of as many of its points as a recipe holds."""
        kept = [list(one) for one in path_points({"points": points})]
        while True:
            recipe = self._recipe(
                "path",
                corners=self.ends,
                conditions=self.conditions,
                condition=self.conditions[0],
                points=kept,
                fade=fade,
            )
            if _fits(recipe) or len(kept) <= SHORTEST_PATH:
                return recipe
            fewer = max(SHORTEST_PATH, len(kept) * 3 // 4)
            kept = [kept[round(i * (len(kept) - 1) / (fewer - 1))] for i in range(fewer)]

    def _recipe(self, call: str, **parameters: Any) -> Provenance:
        """The recipe of a sound; corners that are too long for it go into files beside it."""
        if self.recording:
            parameters["recording"] = True
        recipe = self.studio.recipe(self.name, call, length=self.length, **parameters)
        if "corners" not in parameters or _fits(recipe):
            return recipe
        return replace(recipe, parameters={**recipe.parameters, "corners": self._filed()})

    def _filed(self) -> list[dict[str, Any]]:
        """The ends, their latents in files."""
        folder = self.studio.shelf.folder
        return [
            self.studio.packed(unpack(one, folder), inline=0) if "float32" in one else one
            for one in self.ends
        ]


def _fits(recipe: Provenance) -> bool:
    """Whether a recipe has the length that it may have."""
    try:
        return bool(recipe.to_json())
    except InputError:
        return False


def read_corners(
    studio: Studio,
    name: str,
    said: Any,
    count: int,
    *,
    given: Mapping[str, Any],
    own: bool,
    seconds: float,
) -> Corners:
    """What the page said of `count` corners, checked.

    Args:
        studio: where the model and the latents of recordings are.
        name: of the model.
        said: a list of corners (see the module).
        count: 4 for a pad, 2 for a line.
        given: conditions that were chosen.
        own: whether each corner keeps its own condition; else all have the first.
        seconds: of each sound, or what the model has; one with a code per clip has one duration.

    Raises:
        InputError: if it is something else, a sound of another model, or one too short.
    """
    if (
        not isinstance(said, list)
        or len(said) != count
        or not all(isinstance(one, dict) for one in said)
    ):
        raise InputError(f"the page sent {said!r:.60}; expected {count} sounds")
    model = studio.model(name)
    longest = (model.audio.max_length or math.inf) / model.audio.sample_rate
    fixed = model.latent.hop is None
    length = model.audio.resolve_length(None if fixed else min(seconds, longest))
    conditions = item_conditions(model, given, count)
    recipes = [recipe_from(one["recipe"]) if "recipe" in one else None for one in said]
    ends = []
    for index, (one, recipe) in enumerate(zip(said, recipes, strict=True)):
        if recipe is None:
            seed = check_integer("the seed of a corner", one.get("seed"), 0, MAX_SEED)
            ends.append({"seed": seed, "index": 0})
            continue
        ends.append(_end_of(studio, model, name, recipe, length))
        conditions[index] = item_conditions(model, value(recipe.parameters, "condition", dict), 1)[
            0
        ]
    recording = any(recipe and recipe.parameters.get("recording") for recipe in recipes)
    if not own:
        conditions = item_conditions(model, given, 1) * count
    return Corners(studio, name, ends, conditions, length, recording)


def _end_of(
    studio: Studio, model: AudioGenerator, name: str, recipe: Provenance, length: int
) -> dict[str, Any]:
    """A sound as an end of others, as long as they are."""
    if recipe.model != name:
        raise InputError(
            f"this sound is of {recipe.model!r:.60}; a morph joins sounds of one model, here {name}"
        )
    check_provenance(model, recipe)
    if recipe.call == "sample":
        return end_of(model, recipe, {})
    z = studio.latent(model, recipe)
    frames, hop = model.latent.frames(length), model.latent.hop or 0
    if z.shape[2] < frames:
        rate = model.audio.sample_rate
        raise InputError(
            f"a sound lasts {z.shape[2] * hop / rate:.3g} s, the sounds of the morph "
            f"{length / rate:.3g} s; make those as short"
        )
    return studio.packed(z[..., :frames])
