"""Edits in the latent space: move a sound along the strongest directions, mix it with another."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dgm_audio.apps import provenance_parameters as ends
from dgm_audio.apps.decoding import one_thread
from dgm_audio.apps.directions import Directions, find_directions
from dgm_audio.apps.morph import blend
from dgm_audio.apps.render import check_provenance
from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator
from dgm_audio.interpolation import slerp
from dgm_audio.provenance import Provenance

from .background import Report
from .studio import Studio
from .widgets import json_object, read_number, recipe_from

SLIDERS, MAX_DEVIATION = 8, 3.0
"""Number of sliders, and their range in standard deviations to either side."""

_CACHED_DIRECTIONS = 8
"""Cached directions; each may keep its model in memory."""


class DirectionCache:
    """The strongest latent directions of models, computed once per class.

    Args:
        studio: holds the models.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._directions: OrderedDict[tuple[str | None, str], Directions] = OrderedDict()

    def get(
        self, model: AudioGenerator, condition: Mapping[str, Any], report: Report
    ) -> Directions:
        """The directions of a model for the classes of a condition; its numbers are ignored.

        Raises:
            InputError: if the model has none.
            Stopped: if Stop was pressed.
        """
        names = {key: value for key, value in condition.items() if isinstance(value, str)}
        key = (model.weights_hash, repr(sorted(names.items())))

        def progress(done: int, total: int) -> None:
            report(f"Listening for the strongest directions: {done} of {total} sounds")

        with self._studio.lock():
            found = self._directions.pop(key, None) or find_directions(
                model, SLIDERS, condition=names, progress=progress
            )
            self._directions[key] = found  # most recently used last
            while len(self._directions) > _CACHED_DIRECTIONS:
                self._directions.popitem(last=False)
        return found


def slider_values(
    model: AudioGenerator, directions: Directions, base: Provenance
) -> dict[str, Any]:
    """Value of the widget "bars": the base sound, and sliders at 0 with their strengths."""
    if isinstance(model, RunsLive):
        strengths = [f"{100 * share:.0f} % of all" for share in directions.strength]
    else:
        strengths = [f"{decibels:.1f} dB" for decibels in directions.strength]
    return {"base": base.to_json(), "strength": strengths, "amounts": [0.0] * len(strengths)}


def read_base(studio: Studio, model: AudioGenerator, name: str, bars: Any) -> Provenance:
    """The recipe of the sound that the sliders edit.

    Raises:
        InputError: if it is missing, of another model, or incomplete.
    """
    text = json_object(bars).get("base")
    if not text:
        raise InputError("there is no sound to change yet; encode one")
    recipe = recipe_from(text)
    if recipe.model != name:
        raise InputError(f"this sound is of {recipe.model!r:.60}; encode it with {name!r}")
    check_provenance(model, recipe)
    ends.samples(recipe.parameters)
    ends.value(recipe.parameters, "condition", dict)
    return recipe


def read_amounts(bars: Any) -> list[float]:
    """The slider positions in standard deviations.

    Raises:
        InputError: if the page sent anything else.
    """
    values = json_object(bars).get("amounts")
    if not isinstance(values, list) or len(values) > SLIDERS:
        raise InputError(f"the sliders are {values!r:.40}; expected a list of at most {SLIDERS}")
    named = {f"slider {place}": value for place, value in enumerate(values, 1)}
    return [read_number(named, key, -MAX_DEVIATION, MAX_DEVIATION) for key in named]


def edit(
    studio: Studio,
    model: AudioGenerator,
    base: Provenance,
    directions: Directions | None,
    amounts: list[float],
    mix: Any,
) -> Provenance:
    """Move a sound along directions, then mix it; returns `base` itself if nothing changes.

    Args:
        studio: stores latents that are too long for a recipe.
        model: of the sound.
        base: recipe of the sound, from `read_base`.
        directions: of the model; None if it has none.
        amounts: standard deviations along them.
        mix: value of the widget "mix".

    Raises:
        InputError: if the sound has no latent, or the page sent an invalid value.
    """
    share = read_number({"amount": 0.0, **json_object(mix)}, "amount", 0, 1)
    if not any(amounts) and share == 0:
        return base
    condition, length = base.parameters["condition"], base.parameters["length"]
    recording = bool(base.parameters.get("recording"))
    with studio.lock(), torch.no_grad(), one_thread():
        z = studio.latent(model, base)
        if directions is not None:
            z = directions.move(z, amounts, condition)
        if share > 0:
            other, other_condition, other_recording = _mix_source(
                studio, model, base, json_object(mix)
            )
            frames = min(z.shape[2], other.shape[2])
            z = slerp(z[..., :frames], other[..., :frames], share)
            condition = blend([condition, other_condition], share, 0, model.condition)
            length = min(length, frames * (model.latent.hop or length))
            recording = recording or other_recording
    flag = {"recording": True} if recording else {}
    return studio.recipe(
        base.model,
        "decode",
        latents=studio.pack_latent(z),
        length=length,
        condition=condition,
        **flag,
    )


def _mix_source(
    studio: Studio, model: AudioGenerator, base: Provenance, mix: Mapping[str, Any]
) -> tuple[Tensor, dict[str, Any], bool]:
    """Latent and condition of the sound to mix in, and whether it holds a recording."""
    if not mix.get("with"):
        seed = int(read_number(mix, "seed", 0, MAX_SEED))
        z = model.noise(1, length=base.parameters["length"], seed=seed)
        return z, base.parameters["condition"], False
    recipe = read_base(studio, model, base.model, {"base": mix["with"]})
    z = studio.latent(model, recipe)
    return z, recipe.parameters["condition"], bool(recipe.parameters.get("recording"))
