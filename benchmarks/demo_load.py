"""Load test of the web demo: many requests, some of them hostile; does it serve all, does it leak?

    python benchmarks/demo_load.py --requests 200 --hostile 0.2
    python benchmarks/demo_load.py --start

A warm-up loads the models and fills the caches. Then the requests follow one another, and 64
clients come at once to a queue of 32. The test fails if resident memory grows by more than 5 %, if
the log has an unexpected error, or if an answer is wrong. `--start` measures the time from the
command to a usable page, in a browser. All traffic stays on this machine.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "demo"))

from demo_client import Client, Server, free_port, sample_inputs
from demo_visits import HOSTILE, MODEL, REGULAR, SLOW, Visit, pick

MAX_GROWTH = 0.05
"""Of the resident memory."""
WARM_UP = 2
"""Times that every kind of visit is made first."""
SESSIONS = 64
"""Sessions that the demo keeps: the warm-up fills them, and each later one replaces one."""
CROWD, QUEUE = 64, 32
MAX_START = 12.0
"""Seconds from the command to a usable page."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def load(count: int, hostile: float, seed: int) -> dict[str, Any]:
    """Make `count` visits, a share of them hostile, between two measurements of the server."""
    rng, problems = random.Random(seed), Counter[str]()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "log.txt", ["--port", str(free_port())]) as server,
    ):
        for visit in [*WARM_UP * (*REGULAR, *HOSTILE), *[pick] * SESSIONS]:
            problems.update(problem(server, visit, rng))
        crowd(server, rng)
        memory, files = server.memory(), server.open_files()
        start, course = time.perf_counter(), []
        for index in range(count):
            visit = rng.choice(HOSTILE if rng.random() < hostile else REGULAR)
            problems.update(problem(server, visit, rng))
            if index % max(1, count // 8) == 0:
                course.append(round(server.memory() / 1e6, 1))
        seconds = time.perf_counter() - start
        served = crowd(server, rng)
        own, refusals = server.tracebacks()
        return {
            "requests": count,
            "seconds": round(seconds, 1),
            "memory_mb": [round(memory / 1e6, 1), *course, round(server.memory() / 1e6, 1)],
            "memory_growth": round(server.memory() / memory - 1, 4),
            "open_files": [files, server.open_files()],
            "crowd": served,
            "unexpected_errors": len(own),
            "first_unexpected_error": own[0][-1500:] if own else None,
            "refused_by_gradio": len(refusals),
            "problems": dict(problems),
        }


def problem(server: Server, visit: Visit, rng: random.Random) -> list[str]:
    """Make a visit; what went wrong, if anything."""
    try:
        with Client(server.url) as client:
            visit(client, rng)
    except (AssertionError, httpx.HTTPStatusError) as error:
        return [f"{visit.__name__}: {error}"]
    return []


def crowd(server: Server, rng: random.Random) -> dict[str, int]:
    """64 clients at once during slow work: how many are served, how many hear that it is busy."""
    with Client(server.url) as first, ThreadPoolExecutor(CROWD) as pool:
        stream = first.begin("generate", *sample_inputs(SLOW, rng.randrange(10_000), 8, 1.0))
        clients = [Client(server.url) for _ in range(CROWD)]
        answers = list(pool.map(lambda one, seed: one.generate(MODEL, seed), clients, SEEDS))
        for client in clients:
            client.close()
        stream.close()
    served = [one for one in answers if one.ok and len(one.keys) == 1]
    return {
        "clients": CROWD,
        "served": len(served),
        "busy": sum(one.status == 503 for one in answers),
        "different_sounds": len({one.keys[0] for one in answers if one.keys}),
    }


SEEDS = range(90_000, 90_000 + CROWD)
"""Of the crowd."""


def start_time() -> dict[str, float]:
    """Seconds until the server listens, and until the page is usable."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        start = time.perf_counter()
        with Server(Path(folder) / "log.txt", ["--port", str(free_port())]) as server:
            listening = time.perf_counter() - start
            page.goto(server.url)
            page.locator("#dgm-generate").wait_for()
            page.locator("#dgm-facts .dgm-badge").wait_for()
            usable = time.perf_counter() - start
        browser.close()
    return {"listening_seconds": round(listening, 2), "usable_seconds": round(usable, 2)}


def passed(found: dict[str, Any]) -> bool:
    """Whether a load test reached its goals."""
    crowd = found["crowd"]
    return (
        found["memory_growth"] <= MAX_GROWTH
        and not found["unexpected_errors"]
        and not found["problems"]
        and crowd["served"] + crowd["busy"] == CROWD
        and crowd["served"] == crowd["different_sounds"] >= QUEUE
    )


def main() -> int:
    """Measure and print; the exit code is 0 if the goals are reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--hostile", type=float, default=0.2, help="share of the requests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", action="store_true", help="time from the command to the page")
    options = parser.parse_args()
    if options.start:
        found = start_time()
        fine = found["usable_seconds"] <= MAX_START
    else:
        found = load(options.requests, options.hostile, options.seed)
        fine = passed(found)
    print(json.dumps(found, indent=2))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
