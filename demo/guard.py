"""What stands before the page: no request larger than the page sends, and a kind word when busy."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2**20
"""Bytes of a request; the largest that the page sends has some kilobytes. Uploads are not meant."""

_UPLOAD = "/upload"
_JOIN = "/queue/join"
BUSY = "The page is busy: all places in the queue are taken. Try again in a moment."


class Guard:
    """ASGI middleware (see the module).

    Args:
        app: that is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].endswith(_UPLOAD):
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send, 413, f"A request has at most {MAX_BODY} bytes.")
            return
        if scope["path"].endswith(_JOIN):
            await self.app(scope, _again(body, receive), _in_words(send))
            return
        await self.app(scope, _again(body, receive), send)


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


def _in_words(send: Send) -> Send:
    """A full queue says that it is busy; all other answers pass."""
    full = False

    async def worded(message: Message) -> None:
        nonlocal full
        if message["type"] == "http.response.start" and message["status"] == 503:
            full = True
            await _refuse(send, 503, BUSY)
        elif not full:
            await send(message)

    return worded


async def _refuse(send: Send, status: int, text: str) -> None:
    """An answer as Gradio words its own."""
    body = json.dumps({"detail": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
