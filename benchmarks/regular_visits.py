"""What visitors of the web demo do: things that the page offers, one of each tab.

Each is a function (visitor, rng, folder) that answers None if all went as it must, else what not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from visitors import Told, Visitor

Visit = Callable[[Visitor, random.Random, Path], str | None]
MODEL, OTHER, PITCHED = "drums-vae", "drums-gan", "notes-vae"
RATE = 44_100
GIVEN: dict[str, Any] = {"given": {}}
CELLS, KEYS = 81, 25
"""Of the pad and of the keyboard."""

MAPS = 3
"""Seeds of maps: some visitors come to one that was drawn before."""


def sample(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """New sounds; their pictures and files."""
    seed = rng.randrange(10_000)
    told = visitor.generate(rng.choice((MODEL, OTHER)), seed, count=2)
    if not told.ok or len(told.keys) != 2:
        return f"sample of seed {seed}: {told.status} {told.lines}"
    recipe = json.loads(visitor.recipe(told.keys[0]))
    if recipe["parameters"]["seed"] != seed:
        return f"somebody else's sound: {recipe}"
    for kind in ("wav?bits=16", "wav?bits=24", "png", "png?size=small"):
        answer = visitor.http.get(f"sounds/{told.keys[1]}.{kind}")
        if answer.is_error:
            return f"{kind}: {answer.status_code}"
    return None


def morph(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A place on the pad."""
    x, y = round(rng.random(), 4), round(rng.random(), 4)
    told = _on_the_pad(visitor, rng, want="place", complete=True, x=x, y=y)
    made = _parameters(told.part(1))
    return _unlike(told, [made.get("x"), made.get("y")], [x, y])


def grid(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """All sounds of the pad."""
    number = rng.randrange(2**20)
    told = _on_the_pad(visitor, rng, grid=number)
    cells = [one for one in told.part(0).get("cells", []) if one and one["key"]]
    return _unlike(told, [told.part(0).get("grid"), len(cells)], [number, CELLS])


def path(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A drag over the pad, as one clip."""
    points = [
        [round(0.3 * step, 3), round(rng.random(), 4), round(rng.random(), 4)] for step in range(6)
    ]
    told = _on_the_pad(visitor, rng, want="path", complete=True, points=points)
    return _unlike(told, _parameters(told.part(1)).get("points"), points)


def line(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A line from A to B, as files and as one clip."""
    ends = {"a": {"seed": rng.randrange(1000)}, "b": {"recipe": _new(visitor, rng)}}
    count = rng.randrange(2, 7)
    told = visitor.call("separate", MODEL, GIVEN, ends, 1.0, count)
    problem = _unlike(told, len(told.keys), count)
    if problem:
        return f"separate: {problem}"
    told = visitor.call("together", MODEL, GIVEN, ends, 1.0, count)
    return _unlike(told, len(_parameters(told.part(0)).get("points", [])), count)


def latent_map(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A map: a point, sounds ahead, a place, and where the point's sound lies."""
    seed = rng.randrange(MAPS)
    told = visitor.call("draw", MODEL, GIVEN, seed)
    drawn = json.loads(told.part(0).get("map", "{}"))
    if not told.ok or drawn.get("seed") != seed:
        return f"draw: {told.status} {told.lines}"
    index = rng.randrange(len(drawn["points"]))
    asked = {"id": drawn["id"], "seed": seed, "given": {}, "turn": rng.randrange(2**20)}
    told = visitor.call("play", MODEL, asked | {"index": index})
    played = told.part(0).get("sound", {})
    found = [told.part(0).get("turn"), played.get("seed"), played.get("index")]
    problem = _unlike(told, found, [asked["turn"], seed, index])
    if problem:
        return f"play: {problem}"
    wanted = rng.sample(range(len(drawn["points"])), 3)
    told = visitor.call("make_ahead", MODEL, asked | {"indices": wanted})
    made = [[number, sound["index"]] for number, sound in told.part(0).get("sounds", [])]
    problem = _unlike(told, made, [[number, number] for number in wanted])
    if problem:
        return f"make_ahead: {problem}"
    x, y = round(rng.uniform(-1, 1), 2), round(rng.uniform(-1, 1), 2)
    told = visitor.call("play", MODEL, asked | {"x": x, "y": y})
    if not told.ok or f"at {x:g}, {y:g}" not in told.part(0).get("sound", {}).get("title", ""):
        return f"play a place: {told.status} {told.lines}"
    told = visitor.call("find", MODEL, asked | {"recipe": played["recipe"], "key": played["key"]})
    place = [round(one, 4) for one in told.part(0).get("place", [])]
    return _unlike(told, place, drawn["points"][index][:2])


def keyboard(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Two octaves of a seed."""
    first, turn = rng.choice((36, 48, 60)), rng.randrange(2**20)
    asked = {"first": first, "turn": turn}
    told = visitor.call("make", PITCHED, GIVEN, "a seed", rng.randrange(10_000), asked)
    notes = {note: one["key"] for note, one in told.part(0).get("notes", [])}
    found = [sorted(notes), len(set(notes.values()))]
    problem = _unlike(told, found, [[*range(first, first + KEYS)], KEYS])
    if problem:
        return problem
    pitch = json.loads(visitor.recipe(notes[first + 3]))["parameters"]["condition"]["pitch"]
    return _unlike(told, [told.part(0)["turn"], pitch], [turn, first + 3])


def compare(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """One seed through two models."""
    seed, names = rng.randrange(10_000), [MODEL, OTHER]
    told = visitor.call("compare", names, GIVEN, seed, True)
    recipes = [json.loads(visitor.recipe(key)) for key in told.keys]
    found = [[one["model"], one["parameters"]["seed"]] for one in recipes]
    return _unlike(told, found, [[name, seed] for name in names])


def sliders(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """The sound in the dock, moved along a direction and mixed with another one."""
    recipe = _new(visitor, rng)
    told = visitor.call("from_dock", MODEL, GIVEN, False, recipe)
    bars = told.part(5)
    problem = _unlike(told, bars.get("base"), recipe)
    if problem:
        return f"from_dock: {problem}"
    bars["amounts"][0] = round(rng.uniform(1, 3), 1)
    mix = {"with": _new(visitor, rng), "amount": 0.25}
    told = visitor.call("change", MODEL, bars, mix, {"sides": []})
    changed = told.part(1).get("changed") or {}
    if changed.get("call") != "decode" or changed["key"] != told.part(0).get("key"):
        return f"change: {told.status} {told.lines} {changed!r:.200}"
    return None if visitor.sound(changed["key"]) else "change: the sound is empty"


def link(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Somebody's link."""
    recipe = _new(visitor, rng)
    told = visitor.call("arrive", recipe)
    return _unlike(told, told.part(3).get("recipe"), recipe)


def upload(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A recording of one's own, as a corner of the pad."""
    path = folder / f"{visitor.session}.wav"
    soundfile.write(
        path, 0.1 * np.random.default_rng(rng.randrange(99)).standard_normal(RATE), RATE
    )
    told = visitor.call("take", MODEL, {"given": {"class": "kick"}}, visitor.upload(path))
    return _unlike(told, len(told.keys), 1)


def pick(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Another model."""
    told = visitor.call("pick", rng.choice((MODEL, OTHER)))
    return None if told.ok else f"{told.status} {told.lines}"


def _on_the_pad(visitor: Visitor, rng: random.Random, **said: Any) -> Told:
    corners = [{"seed": rng.randrange(1000), "index": 0} for _ in range(4)]
    asked = {"turn": rng.randrange(2**40), "grid": 1, "corners": corners, **said}
    return visitor.call("serve", MODEL, GIVEN, asked, 1.0, None)


def _new(visitor: Visitor, rng: random.Random) -> str:
    """The recipe of a new sound."""
    return visitor.recipe(visitor.generate(MODEL, rng.randrange(10_000)).keys[0])


def _parameters(sound: dict[str, Any]) -> dict[str, Any]:
    return json.loads(sound["recipe"])["parameters"] if "recipe" in sound else {}


def _unlike(told: Told, found: Any, wanted: Any) -> str | None:
    """What went wrong, if that is not what was asked for."""
    if told.ok and found == wanted and not told.problems:
        return None
    return f"{told.status} {told.lines}: {found!r:.200} instead of {wanted!r:.200}"


REGULAR: tuple[Visit, ...] = (
    *(sample, sample, sample, morph, morph, morph),
    *(grid, path, line, latent_map, keyboard, compare, sliders, link, upload, pick),
)


def regular(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """One of the things that the page offers."""
    return visited(rng.choice(REGULAR), visitor, rng, folder)


def visited(visit: Visit, visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """What went wrong in a visit, after the name of it."""
    problem = visit(visitor, rng, folder)
    return problem and f"{visit.__name__}: {problem}"
