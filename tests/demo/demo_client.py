"""The web demo as a process of its own, and a client that speaks to it as its page does.

The client joins Gradio's queue, reads the event stream and fetches sounds, without a browser.
"""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
KEY = re.compile(r'"key": ?"([0-9a-f]{40})"')
LINE = re.compile(r'class=\\"dgm-(note|problem)\\"[^>]*>(.*?)</p>')
TRACEBACK = "Traceback (most recent call last)"
OWN = re.compile(r'File "[^"\n]*/(?:_?demo|dgm_audio)/(?!(?:_demo/)?request_filter\.py)')
TIMEOUT = 120.0
"""Seconds after which a server or an answer counts as lost."""
STARTED = 5
"""Progress messages of slow work after which the model is surely running."""

_SCRIPT = """
import json, sys
from dgm_audio.cli.demo import demo_package
server = demo_package("server")
server.log_to_stderr()
demo = server.Demo(server.Settings(**json.loads(sys.argv[1])))
print("dgm_audio demo:", demo.url, flush=True)
demo.wait()
demo.close()
"""


class Server:
    """The running demo, until `close`.

    Args:
        log: file that takes its stderr.
        arguments: of `python -m dgm_audio demo`; None to start it with `settings`.
        settings: of the demo's server, some of which the command line lacks.

    Attributes:
        url: its address, with a slash at the end.
    """

    def __init__(self, log: Path, arguments: Sequence[str] | None = None, **settings: Any) -> None:
        command = [sys.executable, "-m", "dgm_audio", "demo", *(arguments or ())]
        if arguments is None:
            command = [sys.executable, "-c", _SCRIPT, json.dumps({"port": None} | settings)]
        self.log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"},
            )
        self.url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        stream = self._process.stdout
        assert stream is not None
        for line in stream:
            found = re.search(r"http://\S+", line)
            if found:
                return found.group()
        code = self._process.wait()
        stream.close()
        raise RuntimeError(f"the demo did not start, exit {code}: {self.log.read_text()[-2000:]}")

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found.group(1)) * 1024 if found else 0

    def open_files(self) -> int:
        """File descriptors in use."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def tracebacks(self) -> tuple[list[str], list[str]]:
        """Tracebacks in the log: those through this package (bugs), and Gradio's own.

        Gradio logs a traceback for each malformed request that it refuses.
        """
        found = self.log.read_text("utf-8", "replace").split(TRACEBACK)[1:]
        own = [one for one in found if OWN.search(one)]
        return own, [one for one in found if one not in own]

    def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """One session of the page.

    Args:
        url: of the demo, with a slash at the end.
        login: username and password, where they are needed.

    Attributes:
        functions: index of each function of the page, by name.
        inputs: number of its inputs, by name.
    """

    def __init__(self, url: str, login: dict[str, str] | None = None) -> None:
        self.url, self.session = url, secrets.token_hex(6)
        no_reuse = httpx.Limits(max_keepalive_connections=0)  # a refusal may close a connection
        self.http = httpx.Client(timeout=TIMEOUT, base_url=url, limits=no_reuse)
        if login:
            self.http.post("login", data=login).raise_for_status()
        config = self.http.get("config").json()
        self.functions = {one["api_name"]: one["id"] for one in config["dependencies"]}
        self.inputs = {one["api_name"]: len(one["inputs"]) for one in config["dependencies"]}

    def join(self, function: str | int, *data: Any) -> httpx.Response:
        """Put a call into the queue."""
        index = self.functions[function] if isinstance(function, str) else function
        body = {"data": data, "fn_index": index, "session_hash": self.session}
        return self.http.post("gradio_api/queue/join", json=body)

    def messages(self) -> Generator[dict[str, Any], None, None]:
        """The event stream of this session, until all of its calls are done."""
        address = f"gradio_api/queue/data?session_hash={self.session}"
        with self.http.stream("GET", address) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    yield message
                    if message["msg"] in ("close_stream", "unexpected_error"):
                        return

    def call(self, function: str | int, *data: Any, patience: float = TIMEOUT) -> Answer:
        """Call a function and collect its answer; press Stop after `patience` seconds."""
        response, start = self.join(function, *data), time.monotonic()
        messages: list[dict[str, Any]] = []
        for message in () if response.is_error else self.messages():
            messages.append(message)
            if time.monotonic() - start > patience:
                self.press_stop()
        return Answer(response.status_code, messages)

    def begin(self, function: str, *data: Any) -> Generator[dict[str, Any], None, None]:
        """Call a function and wait until the model runs; returns the open event stream."""
        self.join(function, *data).raise_for_status()
        messages = self.messages()
        for _ in range(STARTED):
            next(one for one in messages if one["msg"] == "process_generating")
        return messages

    def generate(self, model: str, seed: int, count: int = 1, seconds: float = 0.5) -> Answer:
        """Make sounds on the Sample tab."""
        return self.call("generate", *sample_inputs(model, seed, count, seconds))

    def press_stop(self) -> None:
        """Stop all running calls of this session."""
        body = {"data": [], "fn_index": self.functions["press"], "session_hash": self.session}
        self.http.post("gradio_api/run/predict", json=body).raise_for_status()

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file; returns the value that stands for it in a call."""
        response = self.http.post("gradio_api/upload", files={"files": (name, content)})
        path = response.raise_for_status().json()[0]
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def recipe(self, key: str) -> str:
        """The recipe of a sound."""
        return self.http.get(f"sounds/{key}.json").raise_for_status().text

    def sound(self, key: str) -> bytes:
        """A sound as a 16-bit WAV."""
        return self.http.get(f"sounds/{key}.wav?bits=16").raise_for_status().content

    def close(self) -> None:
        """Disconnect, even in the middle of an answer."""
        self.http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Answer:
    """The answer to a call.

    Args:
        status: of HTTP.
        messages: of the event stream.

    Attributes:
        keys: of the sounds in it, in order.
        lines: status lines, errors among them.
        problems: the errors among the status lines.
        ok: whether the call completed.
    """

    def __init__(self, status: int, messages: list[dict[str, Any]]) -> None:
        text = json.dumps(messages)
        self.status, self.messages = status, messages
        self.keys = list(dict.fromkeys(KEY.findall(text)))
        lines = [(kind, html.unescape(line)) for kind, line in dict.fromkeys(LINE.findall(text))]
        self.lines = [line for _, line in lines]
        self.problems = [line for kind, line in lines if kind == "problem"]
        done = [one for one in messages if one["msg"] == "process_completed"]
        self.ok = bool(done) and all(one["success"] for one in done)
        self._outputs = done[-1]["output"].get("data", []) if done else []

    def output(self, place: int) -> dict[str, Any]:
        """The final value of an output; empty if it is no object."""
        found = self._outputs[place] if place < len(self._outputs) else None
        return found if isinstance(found, dict) else {}


def sample_inputs(model: str, seed: int, count: int = 1, seconds: float = 0.5) -> list[Any]:
    """Inputs of the Sample tab: model, conditions, seed, keep, count, seconds, temperature."""
    return [model, {"given": {}}, seed, True, count, seconds, 1.0]


def free_port() -> int:
    """A TCP port that is not in use."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
