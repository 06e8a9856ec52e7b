"""From a recipe to its sound: the one path by which sounds are made and made again.

Items are decoded one by one and on one thread, so that a sound's bytes depend neither on how many
were asked for together nor on the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_audio._version import __version__
from dgm_audio.apps.latents import unpack
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_BATCH, AudioGenerator, Streams, check_integer
from dgm_audio.interpolation import slerp
from dgm_audio.recipe import Recipe
from dgm_audio.specs import Classes, Scalar


def recipe_for(model: AudioGenerator, name: str, call: str, **parameters: Any) -> Recipe:
    """The recipe of one sound of a loaded model.

    Args:
        model: as `dgm_audio.load` gave it.
        name: what the recipe calls the model.
        call: "sample", "interpolate" or "decode".
        **parameters: what `render` needs: `length` in samples and `condition`; for "sample" `seed`,
            `index` and `temperature`; for "interpolate" `from` and `to` (each a seed with an index,
            or a packed latent), `steps` and `index`; for "decode" `latents`, packed.

    Raises:
        InputError: if the model was not loaded from a model folder.
    """
    if model.weights_hash is None:
        raise InputError("the model was not loaded from a model folder, so it has no weights hash")
    if model.device.type != "cpu":
        parameters["device"] = model.device.type
    return Recipe(name, model.weights_hash, __version__, call, parameters)


def render(
    model: AudioGenerator,
    recipe: Recipe,
    folder: Path | None = None,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None = None,
) -> Tensor:
    """The sound (C, T) of a recipe, on the CPU.

    Args:
        model: the one that the recipe was made with (see `check_recipe`).
        recipe: of a file, or new from `recipe_for`.
        folder: where latents lie that are too many for a recipe.
        watch: passes on the blocks (1, C, t) of a model that streams, T samples in all; it may show
            how far the sound is, and stop.

    Raises:
        InputError: if a parameter is missing or not allowed.
    """
    parameters, folder = recipe.parameters, folder or Path()
    length = _value(parameters, "length", int)
    condition = _value(parameters, "condition", dict)
    with torch.no_grad(), _one_thread():
        z = _LATENTS[recipe.call](model, parameters, folder)
        if watch is None or not isinstance(model, Streams):
            return model.decode(z, condition, length=length)[0].cpu()
        blocks = watch(model.decode_blocks(z, condition, length=length), length)
        return torch.cat(list(blocks), dim=2)[0].cpu()


def check_recipe(model: AudioGenerator, recipe: Recipe) -> None:
    """Whether this model and this version make the same bytes as those of the recipe.

    Raises:
        InputError: if the weights or the version are others.
    """
    if recipe.version != __version__:
        raise InputError(
            f"the file was made by dgm_audio {recipe.version}; this is {__version__}; "
            f"install that version with: pip install dgm_audio=={recipe.version}"
        )
    if recipe.weights != model.weights_hash:
        raise InputError(
            f"the file was made by {recipe.model!r} with weights {recipe.weights[:12]}..., "
            f"{model.name!r} has {(model.weights_hash or 'none')[:12]}...; give the folder of the "
            "model that made it with --model"
        )


def item_conditions(
    model: AudioGenerator, given: Mapping[str, Any], count: int
) -> list[dict[str, Any]]:
    """The condition of each of `count` sounds, by name and in full, as JSON values.

    Fields that are not given take their defaults: sound i gets class i mod K.

    Raises:
        InputError: if a name or a value is not allowed, or a field has no default.
    """
    values = model.condition.parse(given, count)
    items: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, spec in model.condition:
        for item, value in zip(items, values[key], strict=True):
            if isinstance(spec, Classes):
                item[key] = spec.names[int(value)]
            elif isinstance(spec, Scalar):
                item[key] = float(str(value.numpy()))  # 61.1, not 61.099998
            else:
                raise InputError(f"condition {key!r} is a sequence of frames; use it from Python")
    return items


def _drawn(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    """The item of a seed: what `model.sample` decodes."""
    return model.noise(
        1,
        length=_value(parameters, "length", int),
        seed=_value(parameters, "seed", int),
        temperature=_value(parameters, "temperature", float),
        first=check_integer("index", _value(parameters, "index", int), 0, 2**31 - 1),
    )


def _between(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    """A point on the great circle: what `model.interpolate` decodes."""
    steps = check_integer("steps", _value(parameters, "steps", int), 2, MAX_BATCH)
    index = check_integer("index", _value(parameters, "index", int), 0, steps - 1)
    ends = []
    for key in ("from", "to"):
        end = _value(parameters, key, dict)
        if "seed" in end:
            drawn = {"length": parameters["length"], "temperature": 1.0, **end}
            ends.append(_drawn(model, drawn, folder))
        else:
            ends.append(unpack(end, folder))
    if ends[0].shape != ends[1].shape:
        raise InputError(
            f"the ends have latents of shapes {tuple(ends[0].shape)} and {tuple(ends[1].shape)}; "
            "they must be equal"
        )
    return slerp(ends[0], ends[1], float(torch.linspace(0, 1, steps)[index]))


def _given(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    return unpack(_value(parameters, "latents", dict), folder)


_LATENTS = {"sample": _drawn, "interpolate": _between, "decode": _given}


def _value(parameters: Mapping[str, Any], key: str, kind: type) -> Any:
    """A parameter of a recipe, which may come from anybody's file."""
    value = parameters.get(key)
    kinds = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise InputError(f"recipe: {key} is {value!r:.60}; it must be of type {kind.__name__}")
    return value


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in an order that does not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
