"""From provenance to sound: the one path by which sounds are made and made again.

Items are decoded one by one and on one thread, so that a sound's bytes depend neither on how many
were asked for together nor on the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_audio._renamed import old_names
from dgm_audio._version import __version__
from dgm_audio.apps import provenance_parameters as ends
from dgm_audio.apps.conditions import plain_values
from dgm_audio.apps.decoding import decode_one, one_thread
from dgm_audio.apps.finishing import finished
from dgm_audio.apps.latents import pack, unpack
from dgm_audio.apps.long_text import pieces_of, spoken, unpack_text
from dgm_audio.apps.morph import point
from dgm_audio.apps.path import path_clip
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_BATCH, AudioGenerator, Streams, check_integer
from dgm_audio.interpolation import slerp
from dgm_audio.provenance import Provenance


def provenance_for(model: AudioGenerator, name: str, call: str, **parameters: Any) -> Provenance:
    """The provenance of one sound of a loaded model.

    Args:
        model: as `dgm_audio.load` gave it.
        name: what the provenance calls the model.
        call: one of `dgm_audio.provenance.CALLS`.
        **parameters: what `render` needs: `length` in samples and `condition`; for "sample" `seed`,
            `index` and `temperature`; for "interpolate" `from` and `to` (each a seed with an index,
            or a packed latent), `steps` and `index`; for "decode" `latents`, packed; for "morph"
            `corners` (4 or 2 such ends), `x` and `y` (see `dgm_audio.apps.morph`); for "path"
            `corners`, `conditions` (a full one per corner), `points` (1 to 64 of [seconds, x, y],
            up to 60 s, none earlier than the one before) and `fade` (0 to 5 s), where `length` is
            that of each sound, and `condition` that of the first corner; for "speak" what "sample"
            needs, where the text of the condition may be long and lie in a file (see
            `dgm_audio.apps.long_text`). For all of them `trim` and
            `level`, if there are any (see `dgm_audio.apps.finishing`).

    Raises:
        InputError: if the model was not loaded from a model folder.
    """
    if model.weights_hash is None:
        raise InputError("the model was not loaded from a model folder, so it has no weights hash")
    if model.device.type != "cpu":
        parameters["device"] = model.device.type
    return Provenance(name, model.weights_hash, __version__, call, parameters)


def render(
    model: AudioGenerator,
    provenance: Provenance,
    folder: Path | None = None,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None = None,
) -> Tensor:
    """The sound (C, T) that the provenance describes, on the CPU, with its trimming and its level.

    Args:
        model: the one that made the sound (see `check_provenance`).
        provenance: of a file, or new from `provenance_for`.
        folder: where latents lie that are too long for the provenance itself.
        watch: passes on the blocks (1, C, t) of a model that streams, T samples in all; it may show
            how far the sound is, and stop. For "path" it passes on the single sounds, of any model.

    Raises:
        InputError: if a parameter is missing or not allowed.
    """
    made = _made(model, provenance, folder, watch)
    return finished(made, provenance.parameters, model.audio.sample_rate)


def _made(
    model: AudioGenerator,
    provenance: Provenance,
    folder: Path | None,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None,
) -> Tensor:
    """The sound (C, T) as the model gives it."""
    if provenance.call == "path":
        return path_clip(model, provenance.parameters, folder or Path(), watch)
    length = ends.samples(provenance.parameters)
    condition = ends.value(provenance.parameters, "condition", dict)
    if provenance.call == "speak":
        return _spoken(model, provenance.parameters, folder or Path(), watch)
    z = latent_of(model, provenance, folder)
    if watch is None or not isinstance(model, Streams):
        return decode_one(model, z, condition, length)
    with torch.no_grad(), one_thread():
        blocks = watch(model.decode_blocks(z, condition, length=length), length)
        return torch.cat(list(blocks), dim=2)[0].cpu()


def _spoken(
    model: AudioGenerator,
    parameters: Mapping[str, Any],
    folder: Path,
    watch: Callable[[Iterator[Tensor], int], Iterable[Tensor]] | None,
) -> Tensor:
    """The sound (C, T) of a long text."""
    length = ends.samples(parameters)
    pieces = pieces_of(model, unpack_text(parameters["condition"], folder), length)
    drawing = ends.drawing(parameters)
    blocks = spoken(model, pieces, **drawing)
    return torch.cat(list(blocks if watch is None else watch(blocks, length)), dim=2)[0]


def latent_of(model: AudioGenerator, provenance: Provenance, folder: Path | None = None) -> Tensor:
    """The latent (1, D, L) of a sound; every call but "path" and "speak" has one.

    Args:
        model: the one that made the sound.
        provenance: of one sound.
        folder: where latents lie that are too long for the provenance itself.

    Raises:
        InputError: if it was put together from several, or a parameter is missing or not allowed.
    """
    if provenance.call not in _LATENTS:
        raise InputError(
            f"a sound of the kind {provenance.call!r} was put together from several, so it has no "
            f"latent; those of the kinds {', '.join(_LATENTS)} have one"
        )
    with torch.no_grad(), one_thread():
        return _LATENTS[provenance.call](model, provenance.parameters, folder or Path())


def end_of(
    model: AudioGenerator,
    provenance: Provenance,
    beside: dict[str, Tensor],
    folder: Path | None = None,
) -> dict[str, Any]:
    """A sound as an end, or a corner, of a morph.

    Where a latent has a frame per hop, ends that were drawn are drawn again for the length of the
    morph: the beginning of the same sound, or a longer one.

    Args:
        model: the one that made the sound.
        provenance: of one sound.
        beside: takes latents that are too long for the provenance itself (see
            `dgm_audio.apps.latents.pack`).
        folder: where such latents of this sound lie.

    Returns:
        Seed and index, and the temperature if it is not 1, of a sound that was drawn; else its
        latent, packed.

    Raises:
        InputError: as `latent_of` does.
    """
    z = latent_of(model, provenance, folder)
    if provenance.call != "sample":
        return pack(z, beside)
    found = {key: provenance.parameters[key] for key in ("seed", "index", "temperature")}
    if found["temperature"] == 1:
        del found["temperature"]
    return found


def check_provenance(model: AudioGenerator, provenance: Provenance) -> None:
    """Check that this model and this version make the same bytes again.

    Raises:
        InputError: if the weights or the version differ from those in the provenance.
    """
    if provenance.version != __version__:
        raise InputError(
            f"the file was made by dgm_audio {provenance.version}; this is {__version__}; "
            f"install that version with: pip install dgm_audio=={provenance.version}"
        )
    if provenance.weights != model.weights_hash:
        raise InputError(
            f"the file was made by {provenance.model!r} with weights {provenance.weights[:12]}..., "
            f"{model.name!r} has {(model.weights_hash or 'none')[:12]}...; give the folder of the "
            "model that made it with --model"
        )


def item_conditions(
    model: AudioGenerator, given: Mapping[str, Any], count: int
) -> list[dict[str, Any]]:
    """The condition of each of `count` sounds, by name and in full, as JSON values.

    Fields that are not given take their defaults: sound i gets class i mod K. Where a text is given
    without its language, all sounds are in that of the first.

    Raises:
        InputError: if a name or a value is not allowed, or a field has no default.
    """
    values = model.condition.parse(given, count)
    items: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, spec in model.condition:
        plain = plain_values(key, spec, given.get(key), values)
        for item, value in zip(items, plain, strict=True):
            item[key] = value
    return items


def usual_length(
    model: AudioGenerator, condition: Mapping[str, Any], seconds: float | None = None
) -> int:
    """Samples of one sound: of a duration or, by default, what `model.lengths` says.

    Raises:
        InputError: if an argument is not allowed.
    """
    return model.lengths(condition)[0] if seconds is None else model.audio.resolve_length(seconds)


def _drawn(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    return ends.drawn(model, parameters)


def _between(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    """A point on the great circle: what `model.interpolate` decodes."""
    steps = check_integer("steps", ends.value(parameters, "steps", int), 2, MAX_BATCH)
    index = check_integer("index", ends.value(parameters, "index", int), 0, steps - 1)
    length = ends.samples(parameters)
    first, last = (
        ends.end(model, ends.value(parameters, key, dict), length, folder) for key in ("from", "to")
    )
    if first.shape != last.shape:
        raise InputError(
            f"the ends have latents of shapes {tuple(first.shape)} and {tuple(last.shape)}; "
            "they must be equal"
        )
    return slerp(first, last, float(torch.linspace(0, 1, steps)[index]))


def _at_place(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    x, y = (ends.number(parameters, key, 0, 1) for key in ("x", "y"))
    return point(ends.corners(model, parameters, folder), x, y)


def _given(model: AudioGenerator, parameters: Mapping[str, Any], folder: Path) -> Tensor:
    z = unpack(ends.value(parameters, "latents", dict), folder)
    model._check_latents(z)
    return z


_LATENTS = {"sample": _drawn, "interpolate": _between, "decode": _given, "morph": _at_place}


__getattr__ = old_names(__name__)
