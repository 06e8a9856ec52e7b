"""Long work on a thread of its own, with status lines for the page."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import gradio as gr

from dgm_audio.provenance import Provenance

from .event_handlers import Updates, status_line
from .sound_cache import Sound
from .studio import Stop, Studio

T = TypeVar("T")
Report = Callable[[str], None]
"""Shows a status line; raises `Stopped` if the visitor pressed Stop."""

_PATIENCE = 0.25
"""Seconds between two checks whether the visitor is still connected."""


def in_background(
    work: Callable[[Report], T], stop: Stop, status: gr.HTML
) -> Generator[Updates, None, T]:
    """Status updates while `work(report)` runs on a thread of its own; returns its result.

    If the visitor disconnects, the work ends at its next status line and frees the model.

    Raises:
        Stopped: if Stop was pressed. Exceptions of the work are raised as they are.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def report(line: str) -> None:
        stop.check()
        lines.put(line)

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work, report)
    future.add_done_callback(lambda _: lines.put(""))  # wakes the loop below
    try:
        while not future.done():
            line = _latest(lines)
            yield {status: status_line(line) if line else gr.skip()}
    except GeneratorExit:
        stop.pressed = True
        raise
    finally:
        pool.shutdown(wait=False)  # do not wait: this may run on the event loop
    return future.result()


def make_in_background(
    studio: Studio, recipe: Provenance, stop: Stop, status: gr.HTML, title: str = ""
) -> Generator[Updates, None, Sound]:
    """`studio.make` in the background: a visitor who leaves frees the model."""
    return (yield from in_background(lambda _: studio.make(recipe, stop, title), stop, status))


def _latest(lines: queue.SimpleQueue[str]) -> str:
    """The newest line; empty if none came within `_PATIENCE`."""
    line = ""
    try:
        line = lines.get(timeout=_PATIENCE)
        while True:
            line = lines.get_nowait()
    except queue.Empty:
        return line
