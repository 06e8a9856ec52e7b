"""A sound's recipe as a plain Python script, to read, paste and change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgm_audio.apps import provenance_parameters as ends
from dgm_audio.apps.path import path_conditions, path_points
from dgm_audio.provenance import Provenance

_WRITE = "write_audio({path}, sound, model.audio.sample_rate)"


def python_code(recipe: Provenance, path: str = "sound.wav") -> str:
    """A script that makes the sound of a recipe and writes it to a file.

    Latents drawn from a seed appear as `model.noise(...)`; stored latents are left to `render`.

    Args:
        recipe: of one sound; `load` must find its model by name.
        path: file that the script writes.

    Raises:
        InputError: if a parameter is missing or not allowed.
    """
    parameters = recipe.parameters
    if not _is_drawn(recipe):
        return _rendering(recipe, path)
    imports, made = _SCRIPTS[recipe.call](parameters)
    lines = [
        "import torch",
        "",
        f"from dgm_audio import {imports[0]}",
        *imports[1:],
        *(["from dgm_audio.apps.finishing import finished"] if _finishing(parameters) else []),
        "",
        f'model = load({_text(recipe.model)}, device="cpu")',
        *made,
        *_finishing(parameters),
        _WRITE.format(path=_text(path)),
    ]
    return "\n".join(lines) + "\n"


def _rendering(recipe: Provenance, path: str) -> str:
    lines = [
        "from dgm_audio import load, write_audio",
        "from dgm_audio.apps.render import render",
        "from dgm_audio.provenance import Provenance",
        "",
        f'model = load({_text(recipe.model)}, device="cpu")',
        f"provenance = Provenance.from_json({recipe.to_json()!r})",
        "sound = render(model, provenance)",
        _WRITE.format(path=_text(path)),
    ]
    return "\n".join(lines) + "\n"


def _is_drawn(recipe: Provenance) -> bool:
    """Whether all of its latents are drawn from seeds."""
    parameters = recipe.parameters
    if recipe.call == "sample":
        return True
    if recipe.call == "interpolate":
        sources = [ends.value(parameters, key, dict) for key in ("from", "to")]
    elif recipe.call in ("morph", "path"):
        sources = ends.value(parameters, "corners", list)
    else:
        return False
    return all(isinstance(one, Mapping) and "seed" in one for one in sources)


Script = tuple[list[str], list[str]]
"""Imports (names from `dgm_audio`, then whole lines) and the lines that make the sound."""


def _sample(parameters: Mapping[str, Any]) -> Script:
    return ["load, write_audio"], [f"z = {_noise(parameters, parameters)}", *_decoding(parameters)]


def _interpolate(parameters: Mapping[str, Any]) -> Script:
    steps, index = (ends.value(parameters, key, int) for key in ("steps", "index"))
    made = [
        f"z0 = {_noise(parameters['from'], parameters)}",
        f"z1 = {_noise(parameters['to'], parameters)}",
        f"z = slerp(z0, z1, {index} / {steps - 1})",
    ]
    return ["load, slerp, write_audio"], made + _decoding(parameters)


def _morph(parameters: Mapping[str, Any]) -> Script:
    x, y = (ends.number(parameters, key, 0, 1) for key in ("x", "y"))
    made = [*_corners(parameters), f"z = point(corners, x={x!r}, y={y!r})"]
    imports = ["load, write_audio", "from dgm_audio.apps.morph import point"]
    return imports, made + _decoding(parameters)


def _path(parameters: Mapping[str, Any]) -> Script:
    conditions = [_text(condition) for condition in path_conditions(parameters)]
    points = [repr(point) for point in path_points(parameters)]
    made = [
        *_corners(parameters),
        *_listed("conditions", conditions),
        *_listed("points", points),
        "with torch.no_grad():",
        "    sounds = []",
        "    for seconds, x, y in points:",
        "        z, condition = point(corners, x, y), blend(conditions, x, y, model.condition)",
        f"        sounds.append(model.decode(z, condition, length={ends.samples(parameters)})[0])",
        "rate = model.audio.sample_rate",
        "starts = [round(seconds * rate) for seconds, x, y in points]",
        f"sound = crossfade(sounds, starts, fade=round({ends.number(parameters, 'fade', 0, 5)!r}"
        " * rate))",
    ]
    return ["load, write_audio", "from dgm_audio.apps.morph import blend, crossfade, point"], made


_SCRIPTS = {"sample": _sample, "interpolate": _interpolate, "morph": _morph, "path": _path}


def _corners(parameters: Mapping[str, Any]) -> list[str]:
    sources = ends.value(parameters, "corners", list)
    return _listed("corners", [_noise(one, parameters) for one in sources])


def _listed(name: str, items: list[str]) -> list[str]:
    return [f"{name} = [", *(f"    {item}," for item in items), "]"]


def _noise(end: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """The call that draws the latent of one sound, as long as the recipe's sound."""
    seed, index = (ends.value(end, key, int) for key in ("seed", "index"))
    temperature = ends.value({"temperature": 1.0, **end}, "temperature", float)
    words = [f"length={ends.samples(parameters)}", f"seed={seed}"]
    words += [f"first={index}"] if index else []
    words += [f"temperature={temperature!r}"] if temperature != 1 else []
    return f"model.noise(1, {', '.join(words)})"


def _decoding(parameters: Mapping[str, Any]) -> list[str]:
    condition = ends.value(parameters, "condition", dict)
    return [
        "with torch.no_grad():",
        f"    sound = model.decode(z, {_text(condition)}, length={ends.samples(parameters)})[0]",
    ]


def _finishing(parameters: Mapping[str, Any]) -> list[str]:
    """Trimming and level adjustment, if the recipe has any."""
    done = {key: parameters[key] for key in ("trim", "level") if key in parameters}
    return [f"sound = finished(sound, {_text(done)}, model.audio.sample_rate)"] if done else []


def _text(value: Any) -> str:
    """A value as a Python literal, in double quotes where that is safe; recipes are untrusted."""
    plain = repr(value)
    return plain if '"' in plain or "\\" in plain else plain.replace("'", '"')
