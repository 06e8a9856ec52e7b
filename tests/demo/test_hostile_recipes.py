"""Recipes that no page makes are refused in one line, whichever function receives them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from demo_client import Client

MODEL, LONG = "drums-vae", "music-vae"
"""LONG makes sounds of any length."""

PATIENCE = 10.0
"""Seconds within which a recipe must be refused; then the client presses Stop."""

SECRETS = ("/tmp", "dgm_audio-demo", "went wrong unexpectedly", "Traceback")
"""No answer may show these: paths of the server, and unexpected errors."""

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
"""Changes to a valid recipe: its fields, or its parameters."""

_FIELDS = ("model", "weights", "version", "call")


def hostile(recipes: dict[str, str], change: dict[str, Any]) -> str:
    """A valid recipe (by model) with a change of `CHANGES`."""
    recipe = json.loads(recipes.get(change.get("model", MODEL), recipes[MODEL]))
    recipe |= {key: change[key] for key in _FIELDS if key in change}
    recipe["parameters"] |= {key: one for key, one in change.items() if key not in _FIELDS}
    if recipe["call"] == "path":
        recipe["parameters"]["conditions"] = [recipe["parameters"]["condition"]] * 2
    return json.dumps(recipe)


def _corner(text: str, name: str, own: bool) -> list[Any]:
    corners = [{"recipe": text}, *({"seed": seed} for seed in range(3))]
    place = {"want": "place", "complete": True, "x": 0.4, "y": 0.4, "own": own}
    return [name, GIVEN, {"turn": 1, "grid": 1, "corners": corners} | place, 1.0, None]


def _end(text: str, name: str) -> list[Any]:
    return [name, GIVEN, {"a": {"recipe": text}, "b": {"seed": 1}}, 1.0, 3]


ROUTES: dict[str, Callable[[str, str, str], tuple[str, list[Any]]]] = {
    "link": lambda bad, valid, name: ("arrive", [bad]),
    "corner": lambda bad, valid, name: ("serve", _corner(bad, name, False)),
    "own corner": lambda bad, valid, name: ("serve", _corner(bad, name, True)),
    "end of files": lambda bad, valid, name: ("separate", _end(bad, name)),
    "end of a clip": lambda bad, valid, name: ("together", _end(bad, name)),
    "mix": lambda bad, valid, name: (
        "change",
        [name, {"base": valid, "amounts": []}, {"with": bad, "amount": 0.5}, {}],
    ),
    "sliders": lambda bad, valid, name: (
        "change",
        [name, {"base": bad, "amounts": [1.0]}, {"amount": 0.5, "seed": 1}, {}],
    ),
    "dock": lambda bad, valid, name: ("from_dock", [name, GIVEN, False, bad]),
    "map": lambda bad, valid, name: ("find", [name, {"seed": 0, "given": {}, "recipe": bad}]),
}
"""By name: the function and inputs that send a bad recipe, beside a valid one, to a model."""


@pytest.fixture(scope="module")
def recipes(server):
    """A valid recipe of each model."""
    with Client(server.url) as client:
        return {name: client.recipe(client.generate(name, 1).keys[0]) for name in (MODEL, LONG)}


@pytest.mark.fault(31)
@pytest.mark.parametrize("what", CHANGES)
def test_a_hostile_recipe_is_refused_in_one_line(client, recipes, what):
    change = CHANGES[what]
    name = LONG if change.get("model") == LONG else MODEL
    bad = hostile(recipes, change)
    for route, call in ROUTES.items():
        if route == "map" and "model" in change:
            continue  # a map goes by the weights alone, whatever the model is called
        function, data = call(bad, recipes[name], name)
        answer = client.call(function, *data, patience=PATIENCE)
        assert answer.ok and len(answer.problems) == 1, (route, answer.status, answer.lines)
        assert [word for word in SECRETS if word in json.dumps(answer.messages)] == [], route
    assert client.generate(MODEL, 10).ok
