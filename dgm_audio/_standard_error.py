"""What is said to the user besides results: to standard error, if there is one.

A daemon may have none, or one that is closed; `print(..., file=None)` would then go to standard
output, into the results, and others would raise.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from threading import Lock
from typing import TextIO

_said: set[str] = set()
_lock = Lock()


class _Nowhere(io.TextIOBase):
    """A stream that drops what it is given."""

    def write(self, text: str, /) -> int:
        return len(text)

    def writable(self) -> bool:
        return True


def stderr() -> TextIO | _Nowhere:
    """Standard error; where there is none, a stream that drops what it is given."""
    stream = sys.stderr
    return _Nowhere() if stream is None or stream.closed else stream


def say(line: str) -> None:
    """A line on standard error; that it cannot be written is no error."""
    with suppress(OSError, ValueError):
        print(line, file=stderr(), flush=True)


def say_once(line: str) -> None:
    """A line that this process has not said yet."""
    with _lock:
        new = line not in _said
        _said.add(line)
    if new:
        say(line)
