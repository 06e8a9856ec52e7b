"""The lower part of Morph: a line between two sounds, and clips that join several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from dgm_audio.apps.file_names import label
from dgm_audio.errors import InputError
from dgm_audio.generator import check_integer

from ..background import make_in_background
from ..corners import Corners, read_corners
from ..event_handlers import Updates, handler, status_line, with_progress
from ..page_context import PageContext
from ..studio import Stop
from ..widgets import given_conditions, json_object, widget

MAX_STEPS = 16
FADE = 0.1
"""Seconds of the crossfade between two sounds of a clip."""

MAX_SPACING = 0.5
"""Seconds between the starts of two sounds of a line; short sounds start after half of one."""


def build_line(page: PageContext, seconds: gr.Slider) -> list[Any]:
    """The line from A to B; returns its events. The slider sets the duration of each sound."""
    gr.HTML("<h3>A line from A to B</h3>")
    line = widget("line", {})
    with gr.Row(elem_classes="dgm-row"):
        count = gr.Slider(2, MAX_STEPS, value=8, step=1, label="Steps")
        files = gr.Button("As separate files", scale=0, min_width=200)
        clip = gr.Button("As one clip", scale=0, min_width=140)
    status = gr.HTML()
    sounds = widget("sounds", [])

    @handler(status)
    def separate(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, wanted: int
    ) -> Iterator[Updates]:
        ends = _read_ends(page, name, controls, payload, long)
        check_integer("steps", wanted, 2, MAX_STEPS)
        made: list[dict[str, Any]] = []
        yield {sounds: made}
        for recipe, progress in with_progress(list(ends.between(wanted)), "Making"):
            yield {status: progress}
            words = label(recipe.parameters["condition"])
            title = f"{words} A to B, {len(made) + 1} of {wanted}".strip()
            sound = yield from make_in_background(page.studio, recipe, stop, status, title)
            made.append(sound.page_data())
            yield {sounds: made} | ({page.dock: made[0]} if len(made) == 1 else {})
        yield {status: status_line(f"{len(made)} sounds from A to B.")}

    @handler(status)
    def together(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, wanted: int
    ) -> Iterator[Updates]:
        ends = _read_ends(page, name, controls, payload, long)
        check_integer("steps", wanted, 2, MAX_STEPS)
        apart = min(ends.length / page.studio.model(name).audio.sample_rate / 2, MAX_SPACING)
        points = [
            [round(step * apart, 3), round(step / (wanted - 1), 4), 0] for step in range(wanted)
        ]
        yield from join_path(page, status, ends, points, stop)

    inputs = [page.model, page.controls, line, seconds, count]
    shared: dict[str, Any] = {
        "concurrency_id": "model",
        "show_progress": "minimal",
        "show_progress_on": status,
    }
    return [
        files.click(separate, inputs, [sounds, page.dock, status], **shared),
        clip.click(together, inputs, [page.dock, status], **shared),
    ]


def join_path(
    page: PageContext, status: gr.HTML, corners: Corners, points: Any, stop: Stop
) -> Iterator[Updates]:
    """Join the sounds of a path into one clip (see `Corners.along`), for the dock."""
    if not isinstance(points, list) or not points:
        raise InputError("there is no path; drag over the pad while it is recorded")
    recipe = corners.along(points, FADE)
    count = len(recipe.parameters["points"])
    yield {status: status_line(f"Joining {count} sounds ...")}
    sound = yield from make_in_background(page.studio, recipe, stop, status)
    fewer = f" of the {len(points)}, as many as a recipe holds" if count < len(points) else ""
    yield {page.dock: sound.page_data(), status: status_line(f"One clip of {count} sounds{fewer}.")}


def _read_ends(
    page: PageContext, name: str, controls: Any, payload: Any, seconds: float
) -> Corners:
    request = json_object(payload)
    if not request.get("a") or not request.get("b"):
        raise InputError("a line needs two sounds: send one to A and one to B")
    ends, given = [request["a"], request["b"]], given_conditions(controls)
    return read_corners(page.studio, name, ends, 2, given=given, own=True, seconds=seconds)
