"""What clients of the web demo do: visits to every tab, and hostile ones that no page makes.

A visit is a function (client, rng) that makes one call or a few and checks the answers.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import soundfile
from demo_client import Answer, Client, sample_inputs

Visit = Callable[[Client, random.Random], None]
"""Raises AssertionError or httpx.HTTPStatusError if an answer is wrong."""

MODEL, OTHER, PITCHED, SLOW = "drums-vae", "drums-gan", "notes-vae", "drums-wavenet"
GIVEN: dict[str, Any] = {"given": {}}
CELLS, KEYS = 81, 25
"""Of the pad and of the keyboard."""
MAPS = 3
"""Seeds of maps: few, so that some maps are in the cache."""
MAX_WAIT = 10.0
"""Seconds until a request is served after another client has left in the middle of 40 s of work."""
LARGE = 30_000_000
"""Bytes of a request that is far too large."""

JUNK: tuple[Any, ...] = (
    None,
    [],
    "junk",
    -1,
    1e308,
    True,
    {"corners": "junk", "turn": 1},
    {"corners": [{"seed": -1}] * 4, "turn": 1, "grid": 1, "want": "place", "x": 2, "y": "1"},
    {"corners": [None] * 400, "turn": 2**60},
    {"corners": [{"latents": {"f16": "AAAA"}}] * 4, "turn": 1, "grid": 1},
    {"given": {"class": ["kick"] * 1000}},
    {"a": {"b": {"c": {"d": {}}}}},
)
PATHS = (
    "sounds/..%2f..%2f..%2fetc%2fpasswd.wav",
    "sounds/%2e%2e/%2e%2e/etc/passwd.json",
    "latents/..%2f..%2fetc%2fpasswd",
    "gradio_api/file=/etc/passwd",
    "gradio_api/file=../../../../etc/passwd",
    "gradio_api/file=http://127.0.0.1:1/secret",
    "static/../../../../etc/passwd",
    "assets/..%2f..%2f..%2fetc%2fpasswd",
)


def expect(answer: Answer, found: Any, wanted: Any) -> None:
    """Raise unless the call completed without a problem and gave what was wanted."""
    if not answer.ok or answer.problems or found != wanted:
        text = f"{found!r:.200} instead of {wanted!r:.200}"
        raise AssertionError(f"{answer.status} {answer.lines}: {text}")


def require(fine: Any, *facts: Any) -> None:
    """Raise with the facts unless all is fine."""
    if not fine:
        raise AssertionError(" ".join(f"{fact!s:.300}" for fact in facts))


def sample(client: Client, rng: random.Random) -> None:
    """New sounds; their recipe, files and pictures."""
    seed = rng.randrange(10_000)
    answer = client.generate(rng.choice((MODEL, OTHER)), seed, count=2)
    expect(answer, len(answer.keys), 2)
    expect(answer, json.loads(client.recipe(answer.keys[0]))["parameters"]["seed"], seed)
    for kind in ("wav?bits=16", "wav?bits=24", "png", "png?size=small"):
        client.http.get(f"sounds/{answer.keys[1]}.{kind}").raise_for_status()


def pad_place(client: Client, rng: random.Random) -> None:
    """The sound at a place of the pad."""
    x, y = round(rng.random(), 4), round(rng.random(), 4)
    answer = _pad(client, rng, want="place", complete=True, x=x, y=y)
    made = _parameters(answer.output(1))
    expect(answer, [made.get("x"), made.get("y")], [x, y])


def pad_grid(client: Client, rng: random.Random) -> None:
    """All sounds of the pad."""
    number = rng.randrange(2**20)
    answer = _pad(client, rng, grid=number)
    cells = [one for one in answer.output(0).get("cells", []) if one and one["key"]]
    expect(answer, [answer.output(0).get("grid"), len(cells)], [number, CELLS])


def pad_path(client: Client, rng: random.Random) -> None:
    """A path over the pad, as one clip."""
    points = [[round(0.3 * i, 3), round(rng.random(), 4), round(rng.random(), 4)] for i in range(6)]
    answer = _pad(client, rng, want="path", complete=True, points=points)
    expect(answer, _parameters(answer.output(1)).get("points"), points)


def line(client: Client, rng: random.Random) -> None:
    """A line from A to B, as files and as one clip."""
    ends = {"a": {"seed": rng.randrange(1000)}, "b": {"recipe": _new(client, rng)}}
    count = rng.randrange(2, 7)
    answer = client.call("separate", MODEL, GIVEN, ends, 1.0, count)
    expect(answer, len(answer.keys), count)
    answer = client.call("together", MODEL, GIVEN, ends, 1.0, count)
    expect(answer, len(_parameters(answer.output(0)).get("points", [])), count)


def latent_map(client: Client, rng: random.Random) -> None:
    """A map: a point, prefetched points, a place, and the coordinates of the point's sound."""
    seed = rng.randrange(MAPS)
    answer = client.call("draw", MODEL, GIVEN, seed)
    drawn = json.loads(answer.output(0).get("map", "{}"))
    expect(answer, drawn.get("seed"), seed)
    index = rng.randrange(len(drawn["points"]))
    asked = {"id": drawn["id"], "seed": seed, "given": {}, "turn": rng.randrange(2**20)}
    answer = client.call("play", MODEL, asked | {"index": index})
    played = answer.output(0).get("sound", {})
    found = [answer.output(0).get("turn"), played.get("seed"), played.get("index")]
    expect(answer, found, [asked["turn"], seed, index])
    wanted = rng.sample(range(len(drawn["points"])), 3)
    answer = client.call("make_ahead", MODEL, asked | {"indices": wanted})
    made = [[number, sound["index"]] for number, sound in answer.output(0).get("sounds", [])]
    expect(answer, made, [[number, number] for number in wanted])
    x, y = round(rng.uniform(-1, 1), 2), round(rng.uniform(-1, 1), 2)
    answer = client.call("play", MODEL, asked | {"x": x, "y": y})
    title = answer.output(0).get("sound", {}).get("title", "")
    expect(answer, f"at {x:g}, {y:g}" in title, True)
    answer = client.call("find", MODEL, asked | {"recipe": played["recipe"], "key": played["key"]})
    place = [round(one, 4) for one in answer.output(0).get("place", [])]
    expect(answer, place, drawn["points"][index][:2])


def keyboard(client: Client, rng: random.Random) -> None:
    """Two octaves of a seed."""
    first, turn = rng.choice((36, 48, 60)), rng.randrange(2**20)
    asked = {"first": first, "turn": turn}
    answer = client.call("make", PITCHED, GIVEN, "a seed", rng.randrange(10_000), asked)
    notes = {note: one["key"] for note, one in answer.output(0).get("notes", [])}
    expect(answer, [sorted(notes), len({*notes.values()})], [[*range(first, first + KEYS)], KEYS])
    pitch = json.loads(client.recipe(notes[first + 3]))["parameters"]["condition"]["pitch"]
    expect(answer, [answer.output(0)["turn"], pitch], [turn, first + 3])


def compare(client: Client, rng: random.Random) -> None:
    """One seed through two models."""
    seed, names = rng.randrange(10_000), [MODEL, OTHER]
    answer = client.call("compare", names, GIVEN, seed, True)
    recipes = [json.loads(client.recipe(key)) for key in answer.keys]
    found = [[one["model"], one["parameters"]["seed"]] for one in recipes]
    expect(answer, found, [[name, seed] for name in names])


def sliders(client: Client, rng: random.Random) -> None:
    """The sound in the dock, moved along a direction and mixed with another one."""
    recipe = _new(client, rng)
    answer = client.call("from_dock", MODEL, GIVEN, False, recipe)
    bars = answer.output(5)
    expect(answer, bars.get("base"), recipe)
    bars["amounts"][0] = round(rng.uniform(1, 3), 1)
    mix = {"with": _new(client, rng), "amount": 0.25}
    answer = client.call("change", MODEL, bars, mix, {"sides": []})
    changed = answer.output(1).get("changed") or {}
    found = [changed.get("call"), changed.get("key")]
    expect(answer, found, ["decode", answer.output(0).get("key")])
    require(client.sound(changed["key"]), "the changed sound is empty")


def link(client: Client, rng: random.Random) -> None:
    """A link with a recipe."""
    recipe = _new(client, rng)
    answer = client.call("arrive", recipe)
    expect(answer, answer.output(3).get("recipe"), recipe)


def upload(client: Client, rng: random.Random) -> None:
    """A recording as a corner of the pad."""
    file = io.BytesIO()
    noise = 0.1 * np.random.default_rng(rng.randrange(99)).standard_normal(44_100)
    soundfile.write(file, noise, 44_100, format="WAV")
    sent = client.upload("noise.wav", file.getvalue())
    answer = client.call("take", MODEL, {"given": {"class": "kick"}}, sent)
    expect(answer, len(answer.keys), 1)


def pick(client: Client, rng: random.Random) -> None:
    """Another model."""
    answer = client.call("pick", rng.choice((MODEL, OTHER)))
    require(answer.ok, answer.status, answer.lines)


def _pad(client: Client, rng: random.Random, **request: Any) -> Answer:
    corners = [{"seed": rng.randrange(1000), "index": 0} for _ in range(4)]
    request = {"turn": rng.randrange(2**40), "grid": 1, "corners": corners} | request
    return client.call("serve", MODEL, GIVEN, request, 1.0, None)


def _new(client: Client, rng: random.Random) -> str:
    """The recipe of a new sound."""
    return client.recipe(client.generate(MODEL, rng.randrange(10_000)).keys[0])


def _parameters(sound: dict[str, Any]) -> dict[str, Any]:
    return json.loads(sound["recipe"])["parameters"] if "recipe" in sound else {}


REGULAR: tuple[Visit, ...] = (
    *(sample, sample, sample, pad_place, pad_place, pad_place, pad_grid, pad_path),
    *(line, latent_map, keyboard, compare, sliders, link, upload, pick),
)


def stop(client: Client, rng: random.Random) -> None:
    """Stop in the middle of slow work."""
    client.join("generate", *sample_inputs(SLOW, rng.randrange(10_000), 8, 1.0))
    lines = []
    for message in client.messages():
        lines.append(str(message))
        if message["msg"] == "process_generating":
            client.press_stop()
    require("Stopped." in "".join(lines), "not stopped:", lines[-2:])


def leave(client: Client, rng: random.Random) -> None:
    """Disconnect in the middle of slow work; the next client is served soon."""
    with Client(client.url) as other:
        other.begin("generate", *sample_inputs(SLOW, rng.randrange(10_000), 8, 10.0)).close()
    start = time.monotonic()
    _served(client, rng)
    require(time.monotonic() - start <= MAX_WAIT, "the next client waited too long")


def junk(client: Client, rng: random.Random) -> None:
    """Values that no widget sends, to any function."""
    function = rng.choice([name for name in client.functions if "lambda" not in name])
    data = [rng.choice((MODEL, *JUNK)) for _ in range(client.inputs[function])]
    require(not client.call(function, *data).keys, function, "made a sound of", data)
    _served(client, rng)


def paths(client: Client, rng: random.Random) -> None:
    """Addresses outside of what is served, and a file of the server as an upload."""
    for path in PATHS:
        answer = client.http.get(path)
        page = not answer.is_success or "html" in answer.text[:100]
        require(page and "root:" not in answer.text, path, answer.status_code, answer.text[:80])
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    taken = client.call("take", MODEL, GIVEN, file)
    require(not taken.ok and not taken.keys, "a file of the server was taken")
    _served(client, rng)


def wrong_calls(client: Client, rng: random.Random) -> None:
    """A wrong number of inputs, and functions that do not exist."""
    for function, data in (("generate", [1]), (10**6, []), (-1, []), ("pick", list("abcdef"))):
        require(not client.call(function, *data).keys, function, "made a sound")
    _served(client, rng)


def large_body(client: Client, rng: random.Random) -> None:
    """30 MB of JSON."""
    body = b'{"data": ["' + b"x" * LARGE + b'"]}'
    headers = {"content-type": "application/json"}
    try:
        answer = httpx.post(f"{client.url}gradio_api/queue/join", content=body, headers=headers)
        require(answer.is_error, "30 MB were taken")
    except httpx.TransportError:
        pass  # the server closes the connection before it has read everything
    _served(client, rng)


def false_upload(client: Client, rng: random.Random) -> None:
    """A file that is no sound."""
    content = rng.choice((b"", b"\x89PNG\r\n\x1a\n" * 9, b"RIFF\xff\xff\xff\xffWAVEfmt "))
    answer = client.call("take", MODEL, GIVEN, client.upload("false.wav", content))
    require(answer.lines and not answer.keys, answer.status, answer.lines)


def _served(client: Client, rng: random.Random) -> None:
    """The next valid request is served."""
    answer = client.generate(MODEL, rng.randrange(10_000))
    require(answer.ok and answer.keys, "not served afterwards:", answer.status, answer.lines)


HOSTILE: tuple[Visit, ...] = (junk, junk, paths, wrong_calls, large_body, false_upload, stop, leave)
