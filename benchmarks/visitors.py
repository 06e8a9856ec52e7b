"""The web demo as a process of its own, and visitors who talk to it as its page does.

What the page does without a browser: join the queue, read what the server sends, fetch sounds.
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

ROOT = Path(__file__).parents[1]
KEY = re.compile(r'"key": ?"([0-9a-f]{40})"')
LINE = re.compile(r'class=\\"dgm-(note|problem)\\"[^>]*>(.*?)</p>')
TRACEBACK = "Traceback (most recent call last)"
OWN = re.compile(r'File "[^"\n]*/(?:_?demo|dgm_audio)/(?!(?:_demo/)?guard\.py)')
TIMEOUT = 120.0
"""Seconds after which a server or an answer counts as lost."""
BEGUN = 5
"""Messages about slow work after which the model is at it for sure."""

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
    """The demo, running, until `close`.

    Args:
        log: file that takes what it writes to stderr.
        arguments: of `python -m dgm_audio demo`; None to start it with `settings`.
        settings: of the demo's server, some of which the command line does not have.

    Attributes:
        url: its address, which ends with a slash.
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
        """The log's tracebacks: those that pass through this package, and those that don't.

        The former are failures that nobody expected. The latter are Gradio's refusals of what no
        page sends: it logs each with its own traceback.
        """
        found = self.log.read_text("utf-8", "replace").split(TRACEBACK)[1:]
        return [one for one in found if OWN.search(one)], [
            one for one in found if not OWN.search(one)
        ]

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def close(self) -> None:
        """End it."""
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


class Visitor:
    """One session of the page.

    Args:
        url: of the demo, with a slash at the end.
        login: username and password, where they are asked for.
    """

    def __init__(self, url: str, login: dict[str, str] | None = None) -> None:
        self.url, self.session = url, secrets.token_hex(6)
        each_anew = httpx.Limits(max_keepalive_connections=0)  # a refusal may close a connection
        self.http = httpx.Client(timeout=TIMEOUT, base_url=url, limits=each_anew)
        if login:
            self.http.post("login", data=login).raise_for_status()
        config = self.http.get("config").json()
        self.functions = {one["api_name"]: one["id"] for one in config["dependencies"]}
        self.inputs = {one["api_name"]: len(one["inputs"]) for one in config["dependencies"]}

    def join(self, function: str | int, *data: Any) -> httpx.Response:
        """Ask for something; the answer says whether it waits."""
        index = self.functions[function] if isinstance(function, str) else function
        body = {"data": data, "fn_index": index, "session_hash": self.session}
        return self.http.post("gradio_api/queue/join", json=body)

    def messages(self) -> Generator[dict[str, Any], None, None]:
        """What the server tells about all that this visitor asked for, until all of it is done."""
        address = f"gradio_api/queue/data?session_hash={self.session}"
        with self.http.stream("GET", address) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    yield message
                    if message["msg"] in ("close_stream", "unexpected_error"):
                        return

    def call(self, function: str | int, *data: Any, patience: float = TIMEOUT) -> Told:
        """Ask, and wait for all that is answered; press Stop after `patience` seconds."""
        answer, start = self.join(function, *data), time.monotonic()
        messages: list[dict[str, Any]] = []
        for message in () if answer.is_error else self.messages():
            messages.append(message)
            if time.monotonic() - start > patience:
                self.press_stop()
        return Told(answer.status_code, messages)

    def begin(self, function: str, *data: Any) -> Generator[dict[str, Any], None, None]:
        """Ask, and wait until the model is at work; what else the server tells, to be closed."""
        self.join(function, *data).raise_for_status()
        messages = self.messages()
        for _ in range(BEGUN):
            next(one for one in messages if one["msg"] == "process_generating")
        return messages

    def generate(self, model: str, seed: int, count: int = 1, seconds: float = 0.5) -> Told:
        """Sounds of the Sample tab."""
        return self.call("generate", *sample_inputs(model, seed, count, seconds))

    def press_stop(self) -> None:
        """Stop all that this visitor has at work."""
        body = {"data": [], "fn_index": self.functions["press"], "session_hash": self.session}
        self.http.post("gradio_api/run/predict", json=body).raise_for_status()

    def upload(self, path: Path) -> dict[str, Any]:
        """A file as the page sends it; what stands for it in a call."""
        with path.open("rb") as stream:
            answer = self.http.post("gradio_api/upload", files={"files": (path.name, stream)})
        answer.raise_for_status()
        meta = {"_type": "gradio.FileData"}
        return {"path": answer.json()[0], "orig_name": path.name, "meta": meta}

    def recipe(self, key: str) -> str:
        """The recipe of a sound."""
        return self.http.get(f"sounds/{key}.json").raise_for_status().text

    def sound(self, key: str) -> bytes:
        """The 16-bit WAV of a sound."""
        return self.http.get(f"sounds/{key}.wav?bits=16").raise_for_status().content

    def close(self) -> None:
        """Leave, in the middle of an answer or not."""
        self.http.close()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Told:
    """What was answered to a call.

    Args:
        status: of HTTP.
        messages: of the queue.

    Attributes:
        keys: of the sounds in it, in order.
        lines: of the status.
        problems: those of them that tell of a problem.
        ok: whether the work was done.
    """

    def __init__(self, status: int, messages: list[dict[str, Any]]) -> None:
        text = json.dumps(messages)
        self.status, self.messages = status, messages
        self.keys = list(dict.fromkeys(KEY.findall(text)))
        said = [(kind, html.unescape(line)) for kind, line in dict.fromkeys(LINE.findall(text))]
        self.lines = [line for _, line in said]
        self.problems = [line for kind, line in said if kind == "problem"]
        done = [one for one in messages if one["msg"] == "process_completed"]
        self.ok = bool(done) and all(one["success"] for one in done)
        self._outputs = done[-1]["output"].get("data", []) if done else []

    def part(self, place: int) -> dict[str, Any]:
        """What the function's output at a place holds in the end; empty if it is no object."""
        found = self._outputs[place] if place < len(self._outputs) else None
        return found if isinstance(found, dict) else {}


def sample_inputs(model: str, seed: int, count: int = 1, seconds: float = 0.5) -> list[Any]:
    """What the Sample tab sends: model, conditions, seed, kept, how many, seconds, warmth."""
    return [model, {"given": {}}, seed, True, count, seconds, 1.0]


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def seconds_until(ready: Any, limit: float = TIMEOUT) -> float:
    """How long it takes until `ready()` is true."""
    start = time.perf_counter()
    while not ready():
        if time.perf_counter() - start > limit:
            raise TimeoutError(f"still not ready after {limit:g} s")
        time.sleep(0.05)
    return time.perf_counter() - start
