"""What hostile visitors of the web demo do: things that no page sends, or that break off.

Each is a function (visitor, rng, folder) that answers None if all went as it must, else what not.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import httpx
from hostile_recipes import ATTEMPTS, good, refused
from regular_visits import Visit, visited
from visitors import Visitor, sample_inputs

SLOW = "drums-wavenet"
BIG = 30_000_000
"""Bytes of a request that is far too large."""

MAX_WAIT = 10.0
"""Seconds until the next visitor is served when one has left; what was left takes 40."""

RECIPES = 4
"""Hostile recipes of one visit."""

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


def stop(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Stop in the middle of slow work."""
    visitor.join("generate", *sample_inputs(SLOW, rng.randrange(10_000), 8, 1.0))
    lines = []
    for message in visitor.messages():
        lines.append(str(message))
        if message["msg"] == "process_generating":
            visitor.press_stop()
    return None if "Stopped." in "".join(lines) else f"not stopped: {lines[-2:]}"


def leave(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Disconnect in the middle of slow work."""
    with Visitor(visitor.url) as other:
        other.begin("generate", *sample_inputs(SLOW, rng.randrange(10_000), 8, 10.0)).close()
    start, problem = time.monotonic(), _served(visitor, rng)
    took = time.monotonic() - start
    return problem or (f"the next waited {took:.1f} s" if took > MAX_WAIT else None)


def junk(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Values that no widget sends, for any function."""
    function = rng.choice([name for name in visitor.functions if "lambda" not in name])
    values = ("drums-vae", *JUNK)
    data = [rng.choice(values) for _ in range(visitor.inputs[function])]
    told = visitor.call(function, *data)
    return f"{function} made a sound of {data}" if told.keys else _served(visitor, rng)


def paths(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Addresses outside of what is served, and a file of the server as one's upload."""
    for path in PATHS:
        answer = visitor.http.get(path)
        if "root:" in answer.text or (answer.is_success and "html" not in answer.text[:100]):
            return f"{path}: {answer.status_code} {answer.text[:80]!r}"
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    told = visitor.call("take", "drums-vae", {"given": {}}, file)
    return "a file of the server was taken" if told.ok or told.keys else _served(visitor, rng)


def wrong_call(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Too few values, and functions that do not exist."""
    for function, data in (("generate", [1]), (10**6, []), (-1, []), ("pick", list("abcdef"))):
        told = visitor.call(function, *data)
        if told.keys:
            return f"{function} made a sound"
    return _served(visitor, rng)


def large(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """30 MB of JSON."""
    body = b'{"data": ["' + b"x" * BIG + b'"]}'
    headers = {"content-type": "application/json"}
    try:
        answer = httpx.post(f"{visitor.url}gradio_api/queue/join", content=body, headers=headers)
    except httpx.TransportError:  # it hung up before it had heard all
        return _served(visitor, rng)
    return "30 MB were taken" if answer.is_success else _served(visitor, rng)


def false_upload(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """A file that is no sound."""
    path = folder / f"{visitor.session}-false.wav"
    path.write_bytes(rng.choice((b"", b"\x89PNG\r\n\x1a\n" * 9, b"RIFF\xff\xff\xff\xffWAVEfmt ")))
    told = visitor.call("take", "drums-vae", {"given": {}}, visitor.upload(path))
    return None if told.lines and not told.keys else f"false upload: {told.status} {told.lines}"


def recipes(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """Recipes that nobody was given, by a link, in a corner, in a mix ..."""
    fine = good(visitor)
    for _ in range(RECIPES):
        problem = refused(visitor, fine, *rng.choice(ATTEMPTS))
        if problem:
            return problem
    return _served(visitor, rng)


def _served(visitor: Visitor, rng: random.Random) -> str | None:
    """The next good request."""
    told = visitor.generate("drums-vae", rng.randrange(10_000))
    return None if told.ok and told.keys else f"not served afterwards: {told.status} {told.lines}"


HOSTILE: tuple[Visit, ...] = (
    *(recipes, recipes, junk, junk, paths),
    *(wrong_call, large, false_upload, stop, leave),
)


def hostile(visitor: Visitor, rng: random.Random, folder: Path) -> str | None:
    """One of the things that no page sends, or that break off."""
    return visited(rng.choice(HOSTILE), visitor, rng, folder)
