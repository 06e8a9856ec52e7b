"""The guard before the page: sizes of requests, and what a full queue says."""

import asyncio
import json

import pytest
from dgm_audio._demo.guard import BUSY, MAX_BODY, Guard


def answer(parts, path="/gradio_api/queue/join", status=200, method="POST"):
    """Status and body that a guarded application gives; it repeats the body it was sent."""
    sent, heard = [], []

    async def application(scope, receive, send):
        message = await receive()
        heard.append(message["body"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    rest = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]

    async def receive():
        return rest.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path}
    asyncio.run(Guard(application)(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent), heard, rest


def test_a_request_passes_whole_and_once():
    assert answer([b"one ", b"two"])[:3] == (200, b"one two", [b"one two"])


def test_a_body_larger_than_the_page_sends_is_refused_before_all_of_it_is_read():
    status, body, heard, rest = answer([b"x" * (MAX_BODY // 2)] * 60)
    assert status == 413
    assert str(MAX_BODY) in json.loads(body)["detail"]
    assert not heard
    assert len(rest) == 57


def test_uploads_may_be_larger():
    status, _, heard, _ = answer([b"x" * (MAX_BODY + 1)], path="/gradio_api/upload")
    assert status == 200
    assert len(heard[0]) == MAX_BODY + 1


def test_a_full_queue_says_busy():
    status, body, _, _ = answer([b"{}"], status=503)
    assert (status, json.loads(body)["detail"]) == (503, BUSY)


@pytest.mark.parametrize(("path", "status"), [("/gradio_api/queue/join", 200), ("/other", 503)])
def test_other_answers_pass_as_they_are(path, status):
    assert answer([b"{}"], path=path, status=status)[:2] == (status, b"{}")
