"""ASGI middleware that lets through only POST requests of the page's own addresses, size and form.

Gradio answers a malformed request with a traceback in the log; this filter refuses it in one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2**20
"""Largest request body in bytes, uploads excepted; the page itself sends some kilobytes."""

_UPLOAD = "/gradio_api/upload"
_CALLS = ("/gradio_api/queue/join", "/gradio_api/run/predict")
_OTHERS = ("/gradio_api/cancel", "/gradio_api/reset", "/login")
"""The page posts nowhere else: Gradio's other API endpoints do not validate their input."""


class RequestFilter:
    """ASGI middleware (see the module).

    Args:
        app: application behind the filter.
        inputs: number of inputs of each function of the page, by `fn_index`.
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
        """What is wrong with a call; empty if nothing is."""
        try:
            call = json.loads(body)
        except (ValueError, RecursionError):
            return "the request is no JSON"
        fields: dict[str, Any] = call if isinstance(call, dict) else {}
        index, data = fields.get("fn_index"), fields.get("data")
        if not isinstance(index, int) or index not in self.inputs:
            return f"there is no function {index!r:.40}; they are 0 to {max(self.inputs)}"
        if not isinstance(data, list) or len(data) != self.inputs[index]:
            found = f"{len(data)} inputs" if isinstance(data, list) else f"{type(data).__name__}"
            return f"function {index} got {found}; it takes a list of {self.inputs[index]}"
        return ""


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None if it is too large, with the rest left unread."""
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
    """A `receive` that replays the body, then continues."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(send: Send, status: int, text: str) -> None:
    """An error in Gradio's format; the connection closes because the body may be unread."""
    body = json.dumps({"detail": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
