"""Under Morph: a line between two sounds, and clips of several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.apps.naming import label
from dgm_audio.errors import InputError
from dgm_audio.generator import check_integer

from ..background import making
from ..corners import Corners, read_corners
from ..handling import Updates, handler, say, steps
from ..studio import Stop
from ..widgets import given_of, plain, widget

if TYPE_CHECKING:
    from ..page import Page

MOST_STEPS = 16
FADE = 0.1
"""Seconds in which a sound of a clip gives way to the next."""

APART = 0.5
"""Seconds between two sounds of a line, at most; short ones follow at half their duration."""


def build_line(page: Page, seconds: gr.Slider) -> list[Any]:
    """The line from A to B, and its events; the slider says how long each sound is."""
    gr.HTML("<h3>A line from A to B</h3>")
    line = widget("line", {})
    with gr.Row(elem_classes="dgm-row"):
        count = gr.Slider(2, MOST_STEPS, value=8, step=1, label="Steps")
        files = gr.Button("As separate files", scale=0, min_width=200)
        clip = gr.Button("As one clip", scale=0, min_width=140)
    status = gr.HTML()
    sounds = widget("sounds", [])

    @handler(status)
    def separate(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, wanted: int
    ) -> Iterator[Updates]:
        ends = _read_ends(page, name, controls, payload, long)
        check_integer("steps", wanted, 2, MOST_STEPS)
        made: list[dict[str, Any]] = []
        yield {sounds: made}
        for recipe, progress in steps(list(ends.between(wanted)), "Making"):
            yield {status: progress}
            words = label(recipe.parameters["condition"])
            title = f"{words} A to B, {len(made) + 1} of {wanted}".strip()
            sound = yield from making(page.studio, recipe, stop, status, title)
            made.append(sound.page())
            yield {sounds: made} | ({page.dock: made[0]} if len(made) == 1 else {})
        yield {status: say(f"{len(made)} sounds from A to B.")}

    @handler(status)
    def together(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, wanted: int
    ) -> Iterator[Updates]:
        ends = _read_ends(page, name, controls, payload, long)
        check_integer("steps", wanted, 2, MOST_STEPS)
        apart = min(ends.length / page.studio.model(name).audio.sample_rate / 2, APART)
        points = [
            [round(step * apart, 3), round(step / (wanted - 1), 4), 0] for step in range(wanted)
        ]
        yield from joined(page, status, ends, points, stop)

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


def joined(
    page: Page, status: gr.HTML, corners: Corners, points: Any, stop: Stop
) -> Iterator[Updates]:
    """The clip of a path (see `Corners.along`), into the dock."""
    if not isinstance(points, list) or not points:
        raise InputError("there is no path; drag over the pad while it is recorded")
    recipe = corners.along(points, FADE)
    count = len(recipe.parameters["points"])
    yield {status: say(f"Joining {count} sounds ...")}
    sound = yield from making(page.studio, recipe, stop, status)
    fewer = f" of the {len(points)}, as many as a recipe holds" if count < len(points) else ""
    yield {page.dock: sound.page(), status: say(f"One clip of {count} sounds{fewer}.")}


def _read_ends(page: Page, name: str, controls: Any, payload: Any, seconds: float) -> Corners:
    said = plain(payload)
    if not said.get("a") or not said.get("b"):
        raise InputError("a line needs two sounds: send one to A and one to B")
    ends, given = [said["a"], said["b"]], given_of(controls)
    return read_corners(page.studio, name, ends, 2, given=given, own=True, seconds=seconds)
