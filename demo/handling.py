"""What every event of the page shares: errors in one line, Stop, progress."""

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


class Stops:
    """The Stop of each visitor's work."""

    def __init__(self) -> None:
        self._running: dict[str, set[Stop]] = {}
        self._lock = threading.Lock()

    def begin(self, request: gr.Request | None) -> Stop:
        """A new Stop for work that begins."""
        stop = Stop()
        with self._lock:
            self._running.setdefault(_session(request), set()).add(stop)
        return stop

    def end(self, request: gr.Request | None, stop: Stop) -> None:
        """The work is over."""
        with self._lock:
            running = self._running.get(_session(request), set())
            running.discard(stop)
            if not running:
                self._running.pop(_session(request), None)

    def press(self, request: gr.Request | None) -> int:
        """Stop all that this visitor has at work; how many that were."""
        with self._lock:
            running = list(self._running.get(_session(request), ()))
        for stop in running:
            stop.pressed = True
        return len(running)


STOPS = Stops()


def handler(status: gr.HTML) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Updates]]]:
    """Make an event of a generator function (stop, *inputs) -> updates.

    What goes wrong is told in `status`: wrong input in the words of the error, the unexpected with
    a reference under which the log has its traceback.
    """

    def wrap(work: Callable[..., Iterable[Updates]]) -> Callable[..., Iterator[Updates]]:
        @functools.wraps(work)
        def run(request: gr.Request, *inputs: Any) -> Iterator[Updates]:
            stop = STOPS.begin(request)
            try:
                yield from work(stop, *inputs)
            except Stopped:
                yield {status: say("Stopped.")}
            except DgmAudioError as error:
                yield {status: complain(str(error))}
            except Exception:
                reference = secrets.token_hex(4)
                log.exception("reference %s", reference)
                yield {
                    status: complain(
                        f"Something went wrong that nobody expected (reference {reference}); "
                        "the log of the demo has the details."
                    )
                }
            finally:
                STOPS.end(request, stop)

        del run.__wrapped__  # Gradio must see `request`, which the wrapped function does not have
        run.__annotations__ = {"request": gr.Request}
        return run

    return wrap


def say(text: str) -> str:
    """A line of a status, as HTML."""
    return f'<p class="dgm-note" role="status">{html.escape(text)}</p>' if text else ""


def complain(text: str) -> str:
    """A line that tells of a problem."""
    line = " ".join(text.split())
    return f'<p class="dgm-problem" role="alert">{html.escape(line[:1].upper() + line[1:])}</p>'


def steps(items: Sequence[T], what: str, unit: str = "sounds") -> Iterator[tuple[T, str]]:
    """The items, each with a status line: how many are done, and the time that is left.

    >>> [line for _, line in steps("ab", "Making", "letters")][0]
    '<p class="dgm-note" role="status">Making: 0 of 2 letters</p>'
    """
    start = time.perf_counter()
    for done, item in enumerate(items):
        left = (time.perf_counter() - start) / done * (len(items) - done) if done else 0.0
        rest = f", {left:.0f} s left" if left >= 1 else ""
        yield item, say(f"{what}: {done} of {len(items)} {unit}{rest}")


def _session(request: gr.Request | None) -> str:
    return str(getattr(request, "session_hash", None) or "")
