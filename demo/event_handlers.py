"""Event handlers of the page: errors as one status line, Stop, progress."""

from __future__ import annotations

import functools
import html
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import gradio as gr

from dgm_audio.errors import DgmAudioError

from .studio import Stop, Stopped

T = TypeVar("T")
Updates = dict[Any, Any]
"""Component -> its new value, as Gradio takes it."""

log = logging.getLogger("dgm_audio.demo")


class StopRegistry:
    """The stop flags of running events, by session."""

    def __init__(self) -> None:
        self._running: dict[str, set[Stop]] = {}
        self._lock = threading.Lock()

    def begin(self, request: gr.Request | None) -> Stop:
        """Register an event that begins; returns its stop flag."""
        stop = Stop()
        with self._lock:
            self._running.setdefault(_session(request), set()).add(stop)
        return stop

    def end(self, request: gr.Request | None, stop: Stop) -> None:
        """Remove the flag of an event that has ended."""
        with self._lock:
            running = self._running.get(_session(request), set())
            running.discard(stop)
            if not running:
                self._running.pop(_session(request), None)

    def press(self, request: gr.Request | None) -> int:
        """Stop all running events of a session; returns their number."""
        with self._lock:
            running = list(self._running.get(_session(request), ()))
        for stop in running:
            stop.pressed = True
        return len(running)


STOPS = StopRegistry()


def handler(status: gr.HTML) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Updates]]]:
    """Decorator: a generator function (stop, *inputs) -> updates becomes a Gradio event handler.

    Errors become one line in `status`: a `DgmAudioError` by its message, an unexpected exception
    by a reference id that is logged with the traceback.
    """

    def wrap(work: Callable[..., Iterable[Updates]]) -> Callable[..., Iterator[Updates]]:
        @functools.wraps(work)
        def run(request: gr.Request, *inputs: Any) -> Iterator[Updates]:
            stop = STOPS.begin(request)
            try:
                yield from work(stop, *inputs)
            except Stopped:
                yield {status: status_line("Stopped.")}
            except DgmAudioError as error:
                yield {status: error_line(str(error))}
            except Exception:
                reference = secrets.token_hex(4)
                log.exception("reference %s", reference)
                yield {
                    status: error_line(
                        f"Something went wrong unexpectedly (reference {reference}); "
                        "the log of the demo has the details."
                    )
                }
            finally:
                STOPS.end(request, stop)

        del run.__wrapped__  # Gradio must see `request`, which the wrapped function does not have
        run.__annotations__ = {"request": gr.Request}
        return run

    return wrap


def status_line(text: str) -> str:
    """A status line as HTML; empty text gives an empty line."""
    return f'<p class="dgm-note" role="status">{html.escape(text)}</p>' if text else ""


def error_line(text: str) -> str:
    """An error message as one line of HTML."""
    line = " ".join(text.split())
    return f'<p class="dgm-problem" role="alert">{html.escape(line[:1].upper() + line[1:])}</p>'


def with_progress(items: Sequence[T], what: str, unit: str = "sounds") -> Iterator[tuple[T, str]]:
    """The items, each with a status line: how many are done, and the estimated time left.

    >>> [line for _, line in with_progress("ab", "Making", "letters")][0]
    '<p class="dgm-note" role="status">Making: 0 of 2 letters</p>'
    """
    start = time.perf_counter()
    for done, item in enumerate(items):
        left = (time.perf_counter() - start) / done * (len(items) - done) if done else 0.0
        rest = f", {left:.0f} s left" if left >= 1 else ""
        yield item, status_line(f"{what}: {done} of {len(items)} {unit}{rest}")


def _session(request: gr.Request | None) -> str:
    return str(getattr(request, "session_hash", None) or "")
