"""Long work beside the page: its status lines as they come, then its result."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import gradio as gr

from dgm_audio.provenance import Provenance

from .handling import Updates, say
from .shelf import Sound
from .studio import Stop, Studio

T = TypeVar("T")
Tell = Callable[[str], None]
"""Takes a line for the status; it is also where work stops."""

_PATIENCE = 0.25
"""Seconds between two looks at whether anybody still waits."""


def in_background(
    work: Callable[[Tell], T], stop: Stop, status: gr.HTML
) -> Generator[Updates, None, T]:
    """Updates of the status while `work(tell)` runs on a thread of its own; returns its result.

    Work that nobody waits for any more ends at its next word, so that the model is free.

    Raises:
        Stopped: if Stop was pressed, and what else the work raises.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def tell(line: str) -> None:
        stop.check()
        lines.put(line)

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work, tell)
    future.add_done_callback(lambda _: lines.put(""))  # ends the waiting
    try:
        while not future.done():
            line = _latest(lines)
            yield {status: say(line) if line else gr.skip()}
    except GeneratorExit:
        stop.pressed = True
        raise
    finally:
        pool.shutdown(wait=False)  # who closes this may be the loop that serves everybody
    return future.result()


def making(
    studio: Studio, recipe: Provenance, stop: Stop, status: gr.HTML, title: str = ""
) -> Generator[Updates, None, Sound]:
    """`studio.make` in the background: who leaves in the middle frees the model."""
    return (yield from in_background(lambda _: studio.make(recipe, stop, title), stop, status))


def _latest(lines: queue.SimpleQueue[str]) -> str:
    """The newest line; empty if there was none for a moment."""
    line = ""
    try:
        line = lines.get(timeout=_PATIENCE)
        while True:
            line = lines.get_nowait()
    except queue.Empty:
        return line
