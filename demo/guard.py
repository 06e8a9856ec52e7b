"""What stands before the page: only requests to where the page sends any, as large, of its form.

Gradio answers what it does not know with a traceback in the log; here it is refused in one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2**20
"""Bytes of a request; the largest that the page sends has some kilobytes. Uploads are not meant."""

_UPLOAD = "/gradio_api/upload"
_CALLS = ("/gradio_api/queue/join", "/gradio_api/run/predict")
_OTHERS = ("/gradio_api/cancel", "/gradio_api/reset", "/login")
"""The page posts nowhere else: Gradio's other ways to a function do not look at what they get."""


class Guard:
    """ASGI middleware (see the module).

    Args:
        app: that is guarded.
        inputs: number of inputs of each function that the page may call, by its `fn_index`.
    """

    def __init__(self, app: ASGIApp, inputs: Mapping[int, int]) -> None:
        self.app, self.inputs = app, inputs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        post = scope["type"] == "http" and scope["method"] == "POST"
        path = scope["path"].removeprefix(scope.get("root_path", "")) if post else ""
        if not post or path == _UPLOAD:
            await self.app(scope, receive, send)
            return
        if path not in (*_CALLS, *_OTHERS):
            await _refuse(send, 404, "the page sends nothing to this address")
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send, 413, f"a request has at most {MAX_BODY} bytes")
            return
        problem = self._problem(body) if path in _CALLS else ""
        if problem:
            await _refuse(send, 422, problem)
            return
        await self.app(scope, _again(body, receive), send)

    def _problem(self, body: bytes) -> str:
        """What is wrong with a call, in words; empty if nothing is."""
        try:
            call = json.loads(body)
        except (ValueError, RecursionError):
            return "the request is no JSON"
        asked: dict[str, Any] = call if isinstance(call, dict) else {}
        index, data = asked.get("fn_index"), asked.get("data")
        if not isinstance(index, int) or index not in self.inputs:
            return f"there is no function {index!r:.40}; they are 0 to {max(self.inputs)}"
        if not isinstance(data, list) or len(data) != self.inputs[index]:
            found = f"{len(data)} inputs" if isinstance(data, list) else f"{type(data).__name__}"
            return f"function {index} got {found}; it takes a list of {self.inputs[index]}"
        return ""


async def _body(receive: Receive) -> bytes | None:
    """All of a request's body; None if it is too large, the rest of it unread."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(send: Send, status: int, text: str) -> None:
    """An answer as Gradio words its own; the connection ends, for the body may be unread."""
    body = json.dumps({"detail": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
