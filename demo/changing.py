"""Sounds changed in the latent space: moved along the strongest directions, mixed with others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dgm_audio.apps import ends
from dgm_audio.apps.decoding import one_thread
from dgm_audio.apps.directions import Directions, find_directions
from dgm_audio.apps.morph import blend
from dgm_audio.apps.render import check_provenance
from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator
from dgm_audio.interpolation import slerp
from dgm_audio.provenance import Provenance

from .background import Tell
from .studio import Studio
from .widgets import number, plain, recipe_from

COUNT, FARTHEST = 8, 3.0
"""Sliders, and deviations to either side."""

_REMEMBERED = 8
"""Directions in memory; each may hold its model there."""


class KnownDirections:
    """The strongest directions of models, found once for each class.

    Args:
        studio: whose models they are.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._found: OrderedDict[tuple[str | None, str], Directions] = OrderedDict()

    def of(self, model: AudioGenerator, condition: Mapping[str, Any], tell: Tell) -> Directions:
        """The directions of a model under the names of a condition; numbers do not matter.

        Raises:
            InputError: if the model has none.
            Stopped: if Stop was pressed.
        """
        names = {key: value for key, value in condition.items() if isinstance(value, str)}
        key = (model.weights_hash, repr(sorted(names.items())))

        def progress(done: int, total: int) -> None:
            tell(f"Listening for the strongest directions: {done} of {total} sounds")

        with self._studio.at_work():
            found = self._found.pop(key, None) or find_directions(
                model, COUNT, condition=names, progress=progress
            )
            self._found[key] = found  # the last used stay
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found


def bars_of(model: AudioGenerator, directions: Directions, base: Provenance) -> dict[str, Any]:
    """The value of the widget "bars": sliders at 0, each with how strong it is, and their sound."""
    if isinstance(model, RunsLive):
        words = [f"{100 * share:.0f} % of all" for share in directions.strength]
    else:
        words = [f"{decibels:.1f} dB" for decibels in directions.strength]
    return {"base": base.to_json(), "strength": words, "amounts": [0.0] * len(words)}


def base_of(studio: Studio, model: AudioGenerator, name: str, bars: Any) -> Provenance:
    """The recipe of the sound that the sliders change.

    Raises:
        InputError: if there is none, it is of another model, or lacks a part.
    """
    text = plain(bars).get("base")
    if not text:
        raise InputError("there is no sound to change yet; encode one")
    recipe = recipe_from(text)
    if recipe.model != name:
        raise InputError(f"this sound is of {recipe.model!r:.60}; encode it with {name!r}")
    check_provenance(model, recipe)
    ends.samples(recipe.parameters)
    ends.value(recipe.parameters, "condition", dict)
    return recipe


def amounts_of(bars: Any) -> list[float]:
    """Where the sliders stand, in deviations.

    Raises:
        InputError: if the page sent something else.
    """
    values = plain(bars).get("amounts")
    if not isinstance(values, list) or len(values) > COUNT:
        raise InputError(f"the sliders are {values!r:.40}; expected a list of at most {COUNT}")
    named = {f"slider {place}": value for place, value in enumerate(values, 1)}
    return [number(named, key, -FARTHEST, FARTHEST) for key in named]


def changed(
    studio: Studio,
    model: AudioGenerator,
    base: Provenance,
    directions: Directions | None,
    amounts: list[float],
    mix: Any,
) -> Provenance:
    """The recipe of a sound moved along directions, then mixed; the same one if nothing changed.

    Args:
        studio: that keeps latents which are too many for a recipe.
        model: of the sound.
        base: recipe of the sound, as of `base_of`.
        directions: of the model; None if it has none.
        amounts: deviations along them.
        mix: value of the widget "mix".

    Raises:
        InputError: if the sound has no latent, or the page sent what is not allowed.
    """
    share = number({"amount": 0.0, **plain(mix)}, "amount", 0, 1)
    if not any(amounts) and share == 0:
        return base
    condition, length = base.parameters["condition"], base.parameters["length"]
    mine = bool(base.parameters.get("recording"))
    with studio.at_work(), torch.no_grad(), one_thread():
        z = studio.latent(model, base)
        if directions is not None:
            z = directions.move(z, amounts, condition)
        if share > 0:
            other, theirs, owned = _other(studio, model, base, plain(mix))
            frames = min(z.shape[2], other.shape[2])
            z = slerp(z[..., :frames], other[..., :frames], share)
            condition = blend([condition, theirs], share, 0)
            length = min(length, frames * (model.latent.hop or length))
            mine = mine or owned
    flag = {"recording": True} if mine else {}
    return studio.recipe(
        base.model,
        "decode",
        latents=studio.packed(z),
        length=length,
        condition=condition,
        **flag,
    )


def _other(
    studio: Studio, model: AudioGenerator, base: Provenance, mix: Mapping[str, Any]
) -> tuple[Tensor, dict[str, Any], bool]:
    """Latent and condition of the sound to mix with, and whether it is of a recording."""
    if not mix.get("with"):
        seed = int(number(mix, "seed", 0, MAX_SEED))
        z = model.noise(1, length=base.parameters["length"], seed=seed)
        return z, base.parameters["condition"], False
    recipe = base_of(studio, model, base.model, {"base": mix["with"]})
    z = studio.latent(model, recipe)
    return z, recipe.parameters["condition"], bool(recipe.parameters.get("recording"))
