"""Long work beside the page: its status lines as they come, then its result."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import gradio as gr

from .handling import Updates, say
from .studio import Stop

T = TypeVar("T")
Tell = Callable[[str], None]
"""Takes a line for the status; it is also where work stops."""

_PATIENCE = 0.1
"""Seconds between two looks at the work."""


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

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, tell)
        try:
            while not future.done():
                line = _latest(lines)
                if line:
                    yield {status: say(line)}
        except GeneratorExit:
            stop.pressed = True
            raise
    return future.result()


def _latest(lines: queue.SimpleQueue[str]) -> str:
    """The newest line; empty if there was none for a moment."""
    line = ""
    try:
        line = lines.get(timeout=_PATIENCE)
        while True:
            line = lines.get_nowait()
    except queue.Empty:
        return line
