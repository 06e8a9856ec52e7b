"""Settings of the demo, and its launch."""

from __future__ import annotations

import ctypes
import logging
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request

from dgm_audio.errors import DgmAudioError

from .page import build
from .request_filter import RequestFilter
from .routes import routes
from .sound_cache import SoundCache
from .studio import Studio
from .widgets import scripts, styles

QUEUE = 32
"""Requests that may wait; the next one gets the answer that the page is busy."""

SESSIONS = 64
"""Sessions that Gradio keeps, at about 0.4 MB each."""

THREADS = 8
"""Concurrent requests; models run one at a time, so that more would only take memory."""


@dataclass(frozen=True)
class Settings:
    """How the demo is started.

    Args:
        models: names, folders or hf:org/name, beside the models that ship.
        host: address to listen on.
        port: None for the first free one from 7860 on.
        max_seconds: longest sound to make, and longest recording to accept.
        device: "cpu" or "cuda".
        auth: (user, password) that visitors must give; None for no login.
        queue: requests that may wait.
    """

    models: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int | None = 7860
    max_seconds: float = 60.0
    device: str = "cpu"
    auth: tuple[str, str] | None = None
    queue: int = QUEUE


class PortError(DgmAudioError):
    """The port is taken or not permitted."""

    exit_code = 1


class Demo:
    """The running demo, until `close`.

    Args:
        settings: how to start it.

    Raises:
        DgmAudioError: if a model is missing or damaged, or the port cannot be listened on.

    Attributes:
        url: its address.
    """

    def __init__(self, settings: Settings) -> None:
        _share_freed_memory()
        self._folder = Path(tempfile.mkdtemp(prefix="dgm_audio-demo-"))
        try:
            self._serve(settings, SoundCache(self._folder / "sounds"))
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _serve(self, settings: Settings, cache: SoundCache) -> None:
        """Build the page and start listening."""
        studio = Studio(
            cache, settings.models, max_seconds=settings.max_seconds, device=settings.device
        )
        self.blocks = build(studio)
        self.blocks.queue(max_size=settings.queue, api_open=False)
        inputs = {index: len(event.inputs) for index, event in self.blocks.fns.items()}
        try:
            _, self.url, _ = self.blocks.launch(
                server_name=settings.host,
                server_port=settings.port,
                auth=settings.auth,
                share=False,
                ssr_mode=False,
                max_file_size="50mb",
                run_history=False,
                enable_monitoring=False,
                show_error=False,
                footer_links=["api"],
                state_session_capacity=SESSIONS,
                max_threads=THREADS,
                prevent_thread_lock=True,
                quiet=True,
                theme=theme(),
                css=styles(),
                head=scripts(),
                app_kwargs={
                    "routes": routes(cache, logged_in),
                    "middleware": [Middleware(RequestFilter, inputs=inputs)],
                },
            )
        except OSError as error:
            raise PortError(
                f"{settings.host}:{settings.port} cannot be listened at: {error}"
            ) from None

    def wait(self) -> int:
        """Serve until Ctrl-C or SIGTERM; returns the signal's number. A second one exits at once.

        The handler only records the signal: an exception raised inside a finaliser would be lost,
        and the process would not end.
        """
        ended = Event()
        numbers: list[int] = []

        def end(number: int, _: FrameType | None) -> None:
            if numbers:
                raise SystemExit(128 + number)
            numbers.append(number)
            ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        ended.wait()
        return numbers[0]

    def close(self) -> None:
        """Stop listening and remove the sounds."""
        self.blocks.close(verbose=False)
        shutil.rmtree(self._folder, ignore_errors=True)


def logged_in(request: Request) -> bool:
    """Whether a request carries Gradio's login cookie; always true without a password.

    Gradio has no public function for this: the cookie names are those it sets.
    """
    app = request.app
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return app.auth is None or any(request.cookies.get(name) in app.tokens for name in names)


def _share_freed_memory() -> None:
    """Limit glibc's malloc to two arenas instead of one per thread.

    Requests run on changing threads, and memory freed in one arena is not reused by others.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


_ARENA_MAX = -8
"""M_ARENA_MAX in malloc.h."""


def theme() -> gr.themes.Base:
    """A theme with system fonts only, so that the page asks no other host."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        radius_size="md",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def log_to_stderr() -> None:
    """Log the demo's messages to stderr, with times."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("dgm_audio.demo")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
