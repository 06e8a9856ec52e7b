"""Latent maps in memory, and the sounds at their points and between them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgm_audio.apps.file_names import label
from dgm_audio.apps.render import check_provenance
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.provenance import Provenance

from .capability_text import why_no_map
from .latent_map import LatentMap, draw_map
from .sound_cache import Sound
from .studio import Stop, Studio
from .widgets import given_conditions

POINTS = 192
"""Sounds per map."""

MAX_MAPS = 4
"""Cached maps; each may keep its model in memory."""


@dataclass(frozen=True)
class PlayableMap:
    """A latent map with the model that makes its sounds.

    Args:
        studio: makes the sounds.
        name: of the model, on the page.
        model: the same, loaded.
        given: conditions chosen on the page.
        latent_map: coordinates and latents of its sounds.
    """

    studio: Studio
    name: str
    model: AudioGenerator
    given: Mapping[str, Any]
    latent_map: LatentMap

    def page_data(self) -> dict[str, Any]:
        """The map as JSON values; points are [x, y, index into names]."""
        names = list(dict.fromkeys(self.latent_map.labels))
        places = zip(self.latent_map.points.tolist(), self.latent_map.labels, strict=True)
        return {
            "id": _key(self.model, self.latent_map.seed, self.given),
            "weights": self.model.weights_hash,
            "seed": self.latent_map.seed,
            "given": dict(self.given),
            "names": names,
            "points": [[round(x, 4), round(y, 4), names.index(name)] for (x, y), name in places],
            "words": self._summary(),
        }

    def point_sound(self, index: int, stop: Stop) -> Sound:
        """The sound of a point.

        Raises:
            InputError: if there is no such point.
        """
        index = check_integer("index", index, 0, len(self.latent_map.labels) - 1)
        recipe = self.studio.recipe(
            self.name,
            "sample",
            seed=self.latent_map.seed,
            index=index,
            temperature=1.0,
            length=self._length,
            condition=self.latent_map.conditions[index],
        )
        return self.studio.make(recipe, stop)

    def place_sound(self, x: float, y: float, stop: Stop) -> Sound:
        """The sound at (x, y), rounded to 0.01: fine enough to hear, coarse enough to be cached."""
        x, y = round(x, 2), round(y, 2)
        with self.studio.lock():
            z, condition = self.latent_map.latent_at(x, y)
        recipe = self.studio.recipe(
            self.name,
            "decode",
            latents=self.studio.pack_latent(z),
            length=self._length,
            condition=condition,
        )
        words = f"{label(condition)} map {self.latent_map.seed} at {x:g}, {y:g}".strip()
        return self.studio.make(recipe, stop, words)

    def locate(self, recipe: Provenance) -> tuple[float, float]:
        """Map coordinates of the sound of a recipe of this model.

        Raises:
            InputError: if it is of other weights, or has no latent.
        """
        with self.studio.lock():
            check_provenance(self.model, recipe)
            z = self.studio.latent(self.model, recipe)
            return self.latent_map.project(z, recipe.parameters.get("condition") or {})

    @property
    def _length(self) -> int:
        most = int(self.studio.max_seconds * self.model.audio.sample_rate)
        return min(self.model.audio.length, most)

    def _summary(self) -> str:
        across, up = (round(100 * share) for share in self.latent_map.explained)
        return (
            f"{len(self.latent_map.labels)} sounds of seed {self.latent_map.seed}. The map shows "
            f"{across + up} % of the variance of their codes: {across} % across, {up} % up."
        )


class MapCache:
    """The most recently used maps.

    Args:
        studio: makes the sounds.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._maps: OrderedDict[str, LatentMap] = OrderedDict()

    def get(self, name: str, seed: Any, given: Mapping[str, Any], stop: Stop) -> PlayableMap:
        """The map of a model, seed and conditions; computed if it is not cached.

        Raises:
            InputError: if the model has no map, or the seed or a condition is not allowed.
            Stopped: if Stop was pressed.
        """
        model = self._studio.model(name)
        if why_no_map(model):
            raise InputError(why_no_map(model))
        seed = check_integer("seed", seed, 0, MAX_SEED)
        key = _key(model, seed, given)
        with self._studio.lock():
            found = self._maps.get(key) or draw_map(
                model, POINTS, given=given, seed=seed, progress=lambda *_: stop.check()
            )
            self._maps[key] = found
            self._maps.move_to_end(key)
            while len(self._maps) > MAX_MAPS:
                self._maps.popitem(last=False)
        return PlayableMap(self._studio, name, model, given, found)

    def requested(self, name: str, request: Mapping[str, Any], stop: Stop) -> PlayableMap:
        """The map that a request of the page refers to.

        Raises:
            InputError, Stopped: as `get` does.
        """
        return self.get(name, request.get("seed"), given_conditions(request), stop)


def _key(model: AudioGenerator, seed: int, given: Mapping[str, Any]) -> str:
    text = json.dumps([model.weights_hash, seed, dict(given)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
