"""Reading and writing of the terminal: text that no locale can break, tables, JSON, progress."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from dgm_audio._standard_error import say, stderr

T = TypeVar("T")

EVERY = 15.0
"""Seconds between two lines of progress."""


def prepare_streams() -> None:
    """Make the three standard streams such that nothing that is written to them can do harm.

    A stream that is closed is replaced by one that drops what it is given; its number would
    otherwise be that of the next file that is opened, and what libraries print would go into it.
    Characters that the locale does not have are escaped instead of ending the program.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # the lowest free number is taken, so that no file gets it
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def silence() -> None:
    """Drop what is still to be printed: nobody reads it, and flushing it at exit would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def complain(message: str, kind: str = "error") -> None:
    """One line on standard error."""
    say(f"dgm-audio: {kind}: {' '.join(message.split())}")


def note(*messages: str) -> None:
    """What is good to know, a line each, on standard error: it never mixes with the result."""
    for message in messages:
        say(message)


def emit(data: Any) -> None:
    """A result for machines."""
    print(json.dumps(data, indent=2, allow_nan=False))


def table(rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns, two blanks apart.

    >>> print(table([("kick", "1 s"), ("open_hat", "2 s")]))
    kick      1 s
    open_hat  2 s
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a bar on standard error or, if that is no terminal, a line now and then."""
    if on_terminal():
        from tqdm import tqdm

        yield from tqdm(items, desc=what, unit="sound", leave=False)
        return
    tell = now_and_then(f"{what}: ")
    for done, item in enumerate(items):
        tell(f"{done} of {len(items)}")
        yield item


def watch(blocks: Iterable[Any], length: int) -> Iterator[Any]:
    """Blocks (B, C, t) of one sound, with a bar in samples if it takes more than two seconds.

    Where standard error is no terminal there is a line now and then.
    """
    if on_terminal():
        from tqdm import tqdm

        with tqdm(total=length, unit="sample", unit_scale=True, leave=False, delay=2) as bar:
            for block in blocks:
                bar.update(block.shape[2])
                yield block
        return
    tell, done = now_and_then(), 0
    for block in blocks:
        done += block.shape[2]
        tell(f"{done / length:.0%} of a sound")
        yield block


def on_terminal() -> bool:
    """Whether somebody watches standard error."""
    return stderr().isatty()


def now_and_then(before: str = "") -> Callable[[str], None]:
    """A `note` that speaks every 15 seconds at most, and not at first."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY:
            note(before + text)
            last = time.monotonic()

    return tell


def print_rich(renderable: Any) -> None:
    """A `rich` renderable; a pipe or a file gets it wide instead of cut to 80 columns."""
    from rich.console import Console

    console = Console(file=sys.stdout, soft_wrap=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=140)
    console.print(renderable)
