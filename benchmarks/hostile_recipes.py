"""Recipes that no page makes, and the ways by which somebody may send them to the web demo."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

from visitors import Visitor

MODEL, LONG = "drums-vae", "music-vae"
"""LONG makes sounds of any length."""

PATIENCE = 10.0
"""Seconds until a recipe must be refused; after that Stop is pressed."""

SECRETS = ("/tmp", "dgm_audio-demo", "went wrong unexpectedly", "Traceback")
"""No line may show them: where sounds lie on the server, and errors that nobody foresaw."""

HUGE = 10**400
GIVEN: dict[str, Any] = {"given": {}}
_CODE = base64.b64encode(struct.pack("<64f", *[0.1] * 64)).decode()
_NONE = "0" * 64
_MINUTE = 60 * 44_100


def _file(name: str) -> dict[str, Any]:
    return {"call": "decode", "latents": {"file": name, "sha256": _NONE}}


def _packed(*shape: int) -> dict[str, Any]:
    return {"call": "decode", "latents": {"shape": shape, "float32": _CODE}}


def _path(points: list[Any], **more: Any) -> dict[str, Any]:
    ends = {"corners": [{"seed": 1, "index": 0}, {"seed": 2, "index": 0}], "fade": 0.1}
    return {"call": "path", "points": points, **ends, **more}


CHANGES: dict[str, dict[str, Any]] = {
    "a length of 401 digits": {"length": HUGE},
    "a length below 1": {"length": -5},
    "a seed of 401 digits": {"seed": HUGE},
    "an index of 401 digits": {"index": HUGE},
    "a temperature of 401 digits": {"temperature": HUGE},
    "a condition that is a list": {"condition": [1]},
    "latents of one axis": _packed(64),
    "latents of another shape": _packed(32, 2),
    "latents in a file that is not there": _file("x.safetensors"),
    "latents in the root": _file("/"),
    "latents in the folder above": _file(".."),
    "latents in a file of the server": _file("/etc/passwd"),
    "latents in a file with a null byte": _file("a\0.safetensors"),
    "64 points of a minute each": _path([[0, 0.5, 0.5]] * 64, model=LONG, length=_MINUTE),
    "points that are no points": _path(["x" * 300, 1, 2]),
    "a point at no time": _path([["x" * 300, 1, 2]]),
    "a point at a time of 401 digits": _path([[HUGE, 0, 0]]),
    "another version": {"version": "9.9.9"},
    "an unknown model": {"model": "no-such-model"},
    "the model of a path": {"model": "../../etc/passwd"},
    "markup for a model": {"model": "<script>alert(1)</script>"},
    "other weights": {"weights": _NONE},
}
"""What is changed of a good recipe: its fields, or its parameters."""

_FIELDS = ("model", "weights", "version", "call")


def changed(recipes: dict[str, str], change: dict[str, Any]) -> str:
    """A hostile recipe.

    Args:
        recipes: a good one of each model.
        change: a value of `CHANGES`.
    """
    recipe = json.loads(recipes.get(change.get("model", MODEL), recipes[MODEL]))
    recipe |= {key: change[key] for key in _FIELDS if key in change}
    recipe["parameters"] |= {key: one for key, one in change.items() if key not in _FIELDS}
    if recipe["call"] == "path":
        recipe["parameters"]["conditions"] = [recipe["parameters"]["condition"]] * 2
    return json.dumps(recipe)


def good(visitor: Visitor) -> dict[str, str]:
    """A good recipe of each model that is needed."""
    names = (MODEL, LONG)
    return {name: visitor.recipe(visitor.generate(name, 1).keys[0]) for name in names}


def _corner(text: str, name: str, own: bool) -> list[Any]:
    corners = [{"recipe": text}, *({"seed": seed} for seed in range(3))]
    said = {"turn": 1, "grid": 1, "want": "place", "complete": True, "x": 0.4, "y": 0.4, "own": own}
    return [name, GIVEN, said | {"corners": corners}, 1.0, None]


def _end(text: str, name: str) -> list[Any]:
    return [name, GIVEN, {"a": {"recipe": text}, "b": {"seed": 1}}, 1.0, 3]


WAYS: dict[str, Callable[[str, str, str], tuple[str, list[Any]]]] = {
    "link": lambda bad, fine, name: ("arrive", [bad]),
    "corner": lambda bad, fine, name: ("serve", _corner(bad, name, False)),
    "own corner": lambda bad, fine, name: ("serve", _corner(bad, name, True)),
    "end of files": lambda bad, fine, name: ("separate", _end(bad, name)),
    "end of a clip": lambda bad, fine, name: ("together", _end(bad, name)),
    "mix": lambda bad, fine, name: (
        "change",
        [name, {"base": fine, "amounts": []}, {"with": bad, "amount": 0.5}, {}],
    ),
    "sliders": lambda bad, fine, name: (
        "change",
        [name, {"base": bad, "amounts": [1.0]}, {"amount": 0.5, "seed": 1}, {}],
    ),
    "dock": lambda bad, fine, name: ("from_dock", [name, GIVEN, False, bad]),
    "map": lambda bad, fine, name: ("find", [name, {"seed": 0, "given": {}, "recipe": bad}]),
}
"""The call (function, inputs) that sends a recipe, beside a good one, to a model."""

ATTEMPTS = tuple(
    (what, way) for what in CHANGES for way in WAYS if way != "map" or "model" not in CHANGES[what]
)
"""Each recipe by each way; a map goes by the weights alone, whatever the model is called."""


def refused(visitor: Visitor, recipes: dict[str, str], what: str, way: str) -> str | None:
    """What went wrong, if a hostile recipe is not refused in one line that tells no secret.

    Args:
        visitor: who sends it.
        recipes: as `good` gives them.
        what: a key of `CHANGES`.
        way: a key of `WAYS`.
    """
    name = LONG if CHANGES[what].get("model") == LONG else MODEL
    function, data = WAYS[way](changed(recipes, CHANGES[what]), recipes[name], name)
    told = visitor.call(function, *data, patience=PATIENCE)
    shown = [word for word in SECRETS if word in json.dumps(told.messages)]
    if told.ok and len(told.problems) == 1 and not shown:
        return None
    return f"{what} by {way}: {told.status} {told.lines} {shown}"
