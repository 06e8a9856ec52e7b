"""The request filter: size and form of requests."""

import asyncio
import json

import pytest
from dgm_audio._demo.request_filter import MAX_BODY, RequestFilter

CALL = json.dumps({"fn_index": 3, "data": [1, 2], "session_hash": "s"}).encode()
JOIN = "/gradio_api/queue/join"


def answer(parts, path="/gradio_api/cancel", method="POST", **more):
    """Status, response body, bodies that the application received, and unread messages."""
    sent, received = [], []

    async def application(scope, receive, send):
        message = await receive()
        received.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    rest = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]

    async def receive():
        return rest.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path} | more
    asyncio.run(RequestFilter(application, {3: 2})(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent), received, rest


def test_a_request_passes_whole_and_once():
    assert answer([b"one ", b"two"])[:3] == (200, b"one two", [b"one two"])


@pytest.mark.fault(31)
def test_a_body_larger_than_the_page_sends_is_refused_before_all_of_it_is_read():
    status, body, received, rest = answer([b"x" * (MAX_BODY // 2)] * 60)
    assert status == 413
    assert str(MAX_BODY) in json.loads(body)["detail"]
    assert not received
    assert len(rest) == 57


def test_uploads_may_be_larger():
    status, _, received, _ = answer([b"x" * (MAX_BODY + 1)], path="/gradio_api/upload")
    assert status == 200
    assert len(received[0]) == MAX_BODY + 1


@pytest.mark.parametrize("path", [JOIN, "/gradio_api/run/predict"])
def test_a_call_of_the_page_passes(path):
    assert answer([CALL], path)[:2] == (200, CALL)


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no function None"),
        (b'{"fn_index": 999999, "data": []}', "no function 999999; they are 0 to 3"),
        (b'{"fn_index": [], "data": []}', "no function []"),
        (b'{"fn_index": 3, "data": [1]}', "got 1 inputs; it takes a list of 2"),
        (b'{"fn_index": 3, "data": {}}', "got dict; it takes a list of 2"),
    ],
)
def test_other_calls_are_refused_in_one_line(body, words):
    status, text, received, _ = answer([body], JOIN)
    assert (status, received) == (422, [])
    assert words in json.loads(text)["detail"]


@pytest.mark.parametrize("path", ["/gradio_api/reset", "/login"])
def test_the_page_posts_here_as_well(path):
    assert answer([b"one"], path)[:2] == (200, b"one")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/upload",
        "/gradio_api/run/upload",
        "/gradio_api/run/draw",
        "/gradio_api/api/draw",
        "/gradio_api/call/draw",
        "/gradio_api/queue/join/",
        "/gradio_api/component_server",
        "/other/gradio_api/upload",
        "/sounds/login",
    ],
)
def test_the_page_posts_nowhere_else(path):
    status, text, received, _ = answer([CALL], path)
    assert (status, received) == (404, [])
    assert json.loads(text)["detail"] == "the page sends nothing to this address"


def test_behind_a_path_of_a_proxy_the_addresses_are_the_same():
    assert answer([CALL], f"/demo{JOIN}", root_path="/demo")[0] == 200
    assert answer([b"[]"], f"/demo{JOIN}", root_path="/demo")[0] == 422


def test_what_is_not_posted_passes():
    assert answer([b""], "/gradio_api/call/draw", "GET")[0] == 200
