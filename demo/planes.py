"""Planes of sounds: maps in memory, their points and the places in between."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgm_audio.apps.map import LatentMap, draw_map
from dgm_audio.apps.naming import label
from dgm_audio.apps.render import check_provenance
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.provenance import Provenance

from .abilities import why_no_map
from .shelf import Sound
from .studio import Stop, Studio
from .widgets import given_of

COUNT = 192
"""Sounds on a map."""

KEPT = 4
"""Maps in memory; each may hold its model there."""


@dataclass(frozen=True)
class Plane:
    """A map, and the model whose sounds lie on it.

    Args:
        studio: makes the sounds.
        name: of the model, on the page.
        model: the same, loaded.
        given: conditions that were chosen.
        drawn: the map.
    """

    studio: Studio
    name: str
    model: AudioGenerator
    given: Mapping[str, Any]
    drawn: LatentMap

    def page(self) -> dict[str, Any]:
        """The map as JSON values: points are [x, y, number of the name]."""
        names = list(dict.fromkeys(self.drawn.labels))
        places = zip(self.drawn.points.tolist(), self.drawn.labels, strict=True)
        return {
            "id": _key(self.model, self.drawn.seed, self.given),
            "weights": self.model.weights_hash,
            "seed": self.drawn.seed,
            "given": dict(self.given),
            "names": names,
            "points": [[round(x, 4), round(y, 4), names.index(name)] for (x, y), name in places],
            "words": self._words(),
        }

    def point(self, index: int, stop: Stop) -> Sound:
        """The sound of a point.

        Raises:
            InputError: if there is no such point.
        """
        index = check_integer("index", index, 0, len(self.drawn.labels) - 1)
        recipe = self.studio.recipe(
            self.name,
            "sample",
            seed=self.drawn.seed,
            index=index,
            temperature=1.0,
            length=self._length,
            condition=self.drawn.conditions[index],
        )
        return self.studio.make(recipe, stop)

    def place(self, x: float, y: float, stop: Stop) -> Sound:
        """The sound of a place; steps of 0.01 are fine enough to hear, and are found again."""
        x, y = round(x, 2), round(y, 2)
        with self.studio.at_work():
            z, condition = self.drawn.at(x, y)
        recipe = self.studio.recipe(
            self.name,
            "decode",
            latents=self.studio.packed(z),
            length=self._length,
            condition=condition,
        )
        words = f"{label(condition)} map {self.drawn.seed} at {x:g}, {y:g}".strip()
        return self.studio.make(recipe, stop, words)

    def find(self, recipe: Provenance) -> tuple[float, float]:
        """Where the sound of a recipe of this model lies.

        Raises:
            InputError: if it is of other weights, or has no latent.
        """
        with self.studio.at_work():
            check_provenance(self.model, recipe)
            z = self.studio.latent(self.model, recipe)
            return self.drawn.place(z, recipe.parameters.get("condition") or {})

    @property
    def _length(self) -> int:
        most = int(self.studio.max_seconds * self.model.audio.sample_rate)
        return min(self.model.audio.length, most)

    def _words(self) -> str:
        across, up = (round(100 * share) for share in self.drawn.explained)
        return (
            f"{len(self.drawn.labels)} sounds of seed {self.drawn.seed}. The plane shows "
            f"{across + up} % of how their codes differ: {across} % across, {up} % up."
        )


class Planes:
    """The maps that were drawn last.

    Args:
        studio: makes the sounds.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._drawn: OrderedDict[str, LatentMap] = OrderedDict()

    def draw(self, name: str, seed: Any, given: Mapping[str, Any], stop: Stop) -> Plane:
        """The map of a model, its seed and its conditions: a known one, or a new one.

        Raises:
            InputError: if the model has none, in words, or the seed or a condition is not allowed.
            Stopped: if Stop was pressed.
        """
        model = self._studio.model(name)
        if why_no_map(model):
            raise InputError(why_no_map(model))
        seed = check_integer("seed", seed, 0, MAX_SEED)
        key = _key(model, seed, given)
        with self._studio.at_work():
            drawn = self._drawn.get(key) or draw_map(
                model, COUNT, given=given, seed=seed, progress=lambda *_: stop.check()
            )
            self._drawn[key] = drawn
            self._drawn.move_to_end(key)
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        return Plane(self._studio, name, model, given, drawn)

    def asked(self, name: str, asked: Mapping[str, Any], stop: Stop) -> Plane:
        """The map that the page named.

        Raises:
            InputError, Stopped: as `draw` does.
        """
        return self.draw(name, asked.get("seed"), given_of(asked), stop)


def _key(model: AudioGenerator, seed: int, given: Mapping[str, Any]) -> str:
    said = json.dumps([model.weights_hash, seed, dict(given)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
