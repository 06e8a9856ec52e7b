"""The corner sounds of a morphing pad or line, and the sounds between them.

The page sends a corner as `{"seed": 7}`, or as `{"recipe": "..."}` for a kept or uploaded sound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dgm_audio.apps.latents import unpack
from dgm_audio.apps.morph import blend
from dgm_audio.apps.path import path_points
from dgm_audio.apps.provenance_parameters import value
from dgm_audio.apps.render import check_provenance, end_of, item_conditions
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.provenance import Provenance
from dgm_audio.specs import ConditionSpec, Text

from .capability_text import says_text
from .studio import Studio
from .widgets import recipe_from

SHORTEST_PATH = 2
"""A path is not shortened below this number of points."""


@dataclass(frozen=True)
class Corners:
    """The corner sounds of a pad (4) or a line (2).

    Args:
        studio: makes the sounds.
        name: of the model.
        ends: the corners' latents as recipes store them: seeds, packed numbers or files.
        conditions: the full condition of each corner.
        length: samples of each sound.
        recording: whether a corner holds a visitor's recording.
    """

    studio: Studio
    name: str
    ends: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    length: int
    recording: bool

    def at(self, x: float, y: float) -> Provenance:
        """The sound at (x, y) in [0, 1]; at a corner with a seed, the sample of that seed."""
        condition = blend(self.conditions, x, y, self._spec)
        corner = self.ends[int(x) + 2 * int(y)] if {x, y} <= {0, 1} else {}
        if "seed" in corner:
            return self._recipe("sample", **{"temperature": 1.0, **corner}, condition=condition)
        return self._recipe("morph", corners=self.ends, x=x, y=y, condition=condition)

    def between(self, steps: int) -> Iterator[Provenance]:
        """`steps` sounds from the first corner to the second."""
        for index in range(steps):
            condition = blend(self.conditions, index / (steps - 1), 0, self._spec)
            ends = {"from": self.ends[0], "to": self.ends[1]}
            yield self._recipe("interpolate", **ends, steps=steps, index=index, condition=condition)

    def along(self, points: Sequence[Any], fade: float) -> Provenance:
        """One clip along a path, thinned to as many points as fit into a recipe."""
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

    @property
    def _spec(self) -> ConditionSpec:
        return self.studio.model(self.name).condition

    def _recipe(self, call: str, **parameters: Any) -> Provenance:
        """A recipe; latents that are too long for it go into files beside it."""
        if self.recording:
            parameters["recording"] = True
        recipe = self.studio.recipe(self.name, call, length=self.length, **parameters)
        if "corners" not in parameters or _fits(recipe):
            return recipe
        return replace(recipe, parameters={**recipe.parameters, "corners": self._filed()})

    def _filed(self) -> list[dict[str, Any]]:
        """The ends, with their latents in files."""
        folder = self.studio.cache.folder
        return [
            self.studio.pack_latent(unpack(one, folder), inline=0) if "float32" in one else one
            for one in self.ends
        ]


def _fits(recipe: Provenance) -> bool:
    """Whether a recipe is short enough to be stored."""
    try:
        return bool(recipe.to_json())
    except InputError:
        return False


def read_corners(
    studio: Studio,
    name: str,
    sent: Any,
    count: int,
    *,
    given: Mapping[str, Any],
    own: bool,
    seconds: float,
) -> Corners:
    """The `count` corners that the page sent, checked.

    Args:
        studio: holds the model and the latents of recordings.
        name: of the model.
        sent: a list of corners (see the module).
        count: 4 for a pad, 2 for a line.
        given: conditions chosen on the page.
        own: whether each corner keeps its own condition; else all take the first one.
        seconds: of each sound; models with one code per clip keep their own duration, and texts
            take what they take.

    Raises:
        InputError: if it is something else, a sound of another model, or too short.
    """
    if (
        not isinstance(sent, list)
        or len(sent) != count
        or not all(isinstance(one, dict) for one in sent)
    ):
        raise InputError(f"the page sent {sent!r:.60}; expected {count} sounds")
    model = studio.model(name)
    given = _shared_text(model, given)
    conditions = item_conditions(model, given, count)
    length = _length(model, conditions, seconds)
    recipes = [recipe_from(one["recipe"]) if "recipe" in one else None for one in sent]
    ends = []
    for index, (one, recipe) in enumerate(zip(sent, recipes, strict=True)):
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


def _shared_text(model: AudioGenerator, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given conditions with text and language: without them, those of the first sound.

    Raises:
        InputError: if a name or a value is not allowed.
    """
    first = item_conditions(model, given, 1)[0]
    texts = {key: spec for key, spec in model.condition if isinstance(spec, Text)}
    shared = {*texts, *(spec.by for spec in texts.values() if spec.by)}
    return {key: first[key] for key in shared} | {
        key: value for key, value in given.items() if value is not None
    }


def _length(model: AudioGenerator, conditions: list[dict[str, Any]], seconds: float) -> int:
    """Samples of each sound; of a text what the slowest corner takes."""
    if says_text(model):
        return max(model.lengths(condition)[0] for condition in conditions)
    longest = (model.audio.max_length or math.inf) / model.audio.sample_rate
    fixed = model.latent.hop is None
    return model.audio.resolve_length(None if fixed else min(seconds, longest))


def _end_of(
    studio: Studio, model: AudioGenerator, name: str, recipe: Provenance, length: int
) -> dict[str, Any]:
    """The latent of a sound as a corner, cut to `length` samples."""
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
    return studio.pack_latent(z[..., :frames])
