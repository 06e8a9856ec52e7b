"""Morph: a pad between four sounds, and a line between two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from dgm_audio.apps.morph import grid_order
from dgm_audio.generator import AudioGenerator, check_integer

from ..background import Report, in_background
from ..capability_text import morph_note, own_conditions, says_text, why_no_encoding, why_no_sample
from ..controls import on_model_change, stop_button
from ..corners import Corners, read_corners
from ..event_handlers import Updates, handler, status_line, with_progress
from ..page_context import PageContext
from ..sound_cache import Sound
from ..studio import Stop, title_of
from ..uploads import read_upload
from ..widgets import given_conditions, json_object, read_number, widget
from .morph_line import build_line, join_path

SIZE = 9
"""Cells along each side of the pad."""

DEFAULT_SECONDS, MAX_SECONDS = 1.5, 6.0
"""Duration of each sound; the page keeps 81 of them in memory."""

_MAX_TURN = 2**53
_STATUS_INTERVAL = 0.2
"""Seconds between two progress updates of the grid."""

_REDRAW = "() => dgm.emit('given')"


@dataclass(frozen=True)
class _Parts:
    """The tab's components; `asks` carries requests of the page, `cells` the answers."""

    asks: gr.HTML
    cells: gr.HTML
    seconds: gr.Slider
    status: gr.HTML
    own: list[gr.UploadButton]


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
    why, means = gr.HTML(), gr.HTML()
    longest = min(MAX_SECONDS, page.studio.max_seconds)
    with gr.Column() as all_of_it:
        pad = widget("pad", {}, elem_id="dgm-morph")
        asks, cells = (
            widget("relay", wire=wire, elem_classes="dgm-relay") for wire in ("pad", "pad-cells")
        )
        with gr.Row(elem_classes="dgm-row"):
            status = gr.HTML()
            stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
        seconds = gr.Slider(
            0.1, longest, value=min(DEFAULT_SECONDS, longest), step=0.1, label="Seconds each"
        )
        own = [
            gr.UploadButton(elem_id=f"dgm-own-{index}", elem_classes="dgm-own-file")
            for index in range(4)
        ]
        parts = _Parts(asks, cells, seconds, status, own)
        events = [_wire_pad(page, parts), *_wire_uploads(page, parts), *build_line(page, seconds)]
    stop_button(stop_here, status, events)
    page.controls.change(None, js=_REDRAW)
    seconds.release(None, js=_REDRAW)

    @on_model_change(page, [why, means, all_of_it, seconds, status, pad])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_sample(model)
        timed = model.latent.hop is not None and not says_text(model)
        usual = min(round(model.audio.seconds, 1), DEFAULT_SECONDS, longest)
        return {
            why: status_line(reason),
            means: status_line("" if reason else morph_note(model)),
            all_of_it: gr.update(visible=not reason),
            seconds: gr.update(value=usual, visible=timed),
            status: "",
            pad: {
                "weights": model.weights_hash,
                "conditions": own_conditions(model),
                "deaf": why_no_encoding(model),
            },
        }


def _wire_pad(page: PageContext, parts: _Parts) -> Any:
    """Serve the newest request of the page; older ones are abandoned."""
    status, cells = parts.status, parts.cells
    newest = gr.State({"turn": 0})

    def announce(sent: Any, newest: dict[str, int]) -> None:
        turn = sent.get("turn") if isinstance(sent, dict) else None
        if isinstance(turn, int):
            newest["turn"] = max(newest["turn"], turn)

    @handler(status)
    def serve(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, newest: dict[str, int]
    ) -> Iterator[Updates]:
        request = json_object(payload)
        turn = check_integer("turn", request.get("turn"), 0, _MAX_TURN)
        path = request.get("want") == "path"  # a recorded path is not replaced by newer requests
        if newest["turn"] > turn and not path:
            return
        corners = read_corners(
            page.studio,
            name,
            request.get("corners"),
            4,
            given=given_conditions(controls),
            own=request.get("own") is True,
            seconds=long,
        )
        if path:
            yield from join_path(page, status, corners, request.get("points"), stop)
        elif request.get("want") == "place":
            x, y = (round(read_number(request, key, 0, 1), 4) for key in ("x", "y"))
            yield {page.dock: _make(page, corners, x, y, stop).page_data() | {"quiet": True}}
        if not request.get("complete"):
            grid = check_integer("grid", request.get("grid"), 0, _MAX_TURN)
            for found, line in _grid(page, corners, stop, lambda: newest["turn"] > turn):
                yield {cells: {"grid": grid, "cells": found}, status: line}

    parts.asks.release(
        announce,
        [parts.asks, newest],
        None,
        queue=False,
        trigger_mode="multiple",
        show_progress="hidden",
    )
    return parts.asks.release(
        serve,
        [page.model, page.controls, parts.asks, parts.seconds, newest],
        [cells, page.dock, status],
        trigger_mode="multiple",
        concurrency_id="model",
        show_progress="hidden",
    )


def _wire_uploads(page: PageContext, parts: _Parts) -> list[Any]:
    """Wire the upload of recordings as corners."""

    def taking(corner: int) -> Callable[..., Iterator[Updates]]:
        @handler(parts.status)
        def take(stop: Stop, name: str, controls: Any, path: str | None) -> Iterator[Updates]:
            if path is None:
                return
            given = given_conditions(controls)
            work = partial(_uploaded, page, name, path, given, stop)
            sound, note = yield from in_background(work, stop, parts.status)
            taken = {"corner": corner, "sound": sound.page_data(), "at": time.time()}
            yield {parts.cells: taken, parts.status: status_line(f"Corner {corner + 1} is {note}.")}

        return take

    return [
        button.upload(
            taking(corner),
            [page.model, page.controls, button],
            [parts.cells, parts.status],
            concurrency_id="model",
            show_progress="minimal",
            show_progress_on=parts.status,
        )
        for corner, button in enumerate(parts.own)
    ]


def _uploaded(
    page: PageContext, name: str, path: str, given: dict[str, Any], stop: Stop, report: Report
) -> tuple[Sound, str]:
    """A recording as the model reconstructs it, and a note on its conversion."""
    upload = read_upload(page.studio, page.studio.model(name), path, given, stop, report=report)
    recipe = page.studio.recipe(
        name,
        "decode",
        latents=page.studio.pack_latent(upload.z),
        length=upload.clip.shape[-1],
        condition=upload.condition,
        recording=True,
    )
    sound = page.studio.make(recipe, stop, Path(upload.name).stem)
    return sound, "; ".join((upload.name, *upload.notes))


def _make(page: PageContext, corners: Corners, x: float, y: float, stop: Stop) -> Sound:
    recipe = corners.at(x, y)
    where = f" {x:.2f}, {y:.2f}" if recipe.call == "morph" else ""
    return page.studio.make(recipe, stop, title_of(recipe) + where)


def _grid(
    page: PageContext, corners: Corners, stop: Stop, stale: Callable[[], bool]
) -> Iterator[tuple[list[dict[str, Any] | None], str]]:
    """The sounds of all cells, row by row, None where still missing, and a status line."""
    cells: list[dict[str, Any] | None] = [None] * SIZE**2
    shown = 0.0
    for (row, column), line in with_progress(grid_order(SIZE), "Decoding the pad"):
        if stale():
            return
        if time.monotonic() - shown > _STATUS_INTERVAL:
            shown = time.monotonic()
            yield cells, line
        sound = _make(page, corners, column / (SIZE - 1), row / (SIZE - 1), stop)
        whole = sound.page_data() if {row, column} <= {0, SIZE - 1} else {}
        playback = {"key": sound.key, "lufs": sound.lufs, "peak_dbfs": sound.peak_dbfs}
        cells[row * SIZE + column] = whole | playback
    yield cells, status_line(f"All {len(cells)} sounds are decoded.")
