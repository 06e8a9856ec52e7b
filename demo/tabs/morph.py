"""Morph: a pad between four sounds, and a line between two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.apps.morph import grid_order
from dgm_audio.generator import AudioGenerator, check_integer

from ..abilities import what_morph_means, why_no_encoding, why_no_sample
from ..background import Tell, in_background
from ..corners import Corners, read_corners
from ..handling import Updates, handler, say, steps
from ..parts import follows_model, stop_button
from ..shelf import Sound
from ..studio import Stop, title_of
from ..uploads import read_upload
from ..widgets import given_of, number, plain, widget
from .morph_line import build_line, joined

if TYPE_CHECKING:
    from ..page import Page

SIZE = 9
"""Cells along each side of the pad."""

USUAL_SECONDS, MOST_SECONDS = 1.5, 6.0
"""Of each sound: the page keeps 81 of them in memory."""

_LAST = 2**53
_EVERY = 0.2
"""Seconds between two words to the page on how far the grid is."""

_REDRAW = "() => dgm.emit('given')"


@dataclass(frozen=True)
class _Parts:
    """The tab's components; on `asks` the page speaks, on `cells` the server."""

    asks: gr.HTML
    cells: gr.HTML
    seconds: gr.Slider
    status: gr.HTML
    own: list[gr.UploadButton]


def build(page: Page) -> None:
    """The tab's controls, and what they do."""
    why, means = gr.HTML(), gr.HTML()
    longest = min(MOST_SECONDS, page.studio.max_seconds)
    with gr.Column() as all_of_it:
        pad = widget("pad", {}, elem_id="dgm-morph")
        asks, cells = (
            widget("relay", wire=wire, elem_classes="dgm-relay") for wire in ("pad", "pad-cells")
        )
        with gr.Row(elem_classes="dgm-row"):
            status = gr.HTML()
            stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
        seconds = gr.Slider(
            0.1, longest, value=min(USUAL_SECONDS, longest), step=0.1, label="Seconds each"
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

    @follows_model(page, [why, means, all_of_it, seconds, status, pad])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_sample(model)
        usual = min(round(model.audio.seconds, 1), USUAL_SECONDS, longest)
        return {
            why: say(reason),
            means: say("" if reason else what_morph_means(model)),
            all_of_it: gr.update(visible=not reason),
            seconds: gr.update(value=usual, visible=model.latent.hop is not None),
            status: "",
            pad: {
                "weights": model.weights_hash,
                "conditions": [key for key, _ in model.condition],
                "deaf": why_no_encoding(model),
            },
        }


def _wire_pad(page: Page, parts: _Parts) -> Any:
    """The newest wish of the page is served; what is older gives way to it."""
    status, cells = parts.status, parts.cells
    newest = gr.State({"turn": 0})

    def announce(said: Any, newest: dict[str, int]) -> None:
        turn = said.get("turn") if isinstance(said, dict) else None
        if isinstance(turn, int):
            newest["turn"] = max(newest["turn"], turn)

    @handler(status)
    def serve(
        stop: Stop, name: str, controls: Any, payload: Any, long: float, newest: dict[str, int]
    ) -> Iterator[Updates]:
        said = plain(payload)
        turn = check_integer("turn", said.get("turn"), 0, _LAST)
        path = said.get("want") == "path"  # it was recorded once: nothing newer replaces it
        if newest["turn"] > turn and not path:
            return
        corners = read_corners(
            page.studio,
            name,
            said.get("corners"),
            4,
            given=given_of(controls),
            own=said.get("own") is True,
            seconds=long,
        )
        if path:
            yield from joined(page, status, corners, said.get("points"), stop)
        elif said.get("want") == "place":
            x, y = (round(number(said, key, 0, 1), 4) for key in ("x", "y"))
            yield {page.dock: _make(page, corners, x, y, stop).page() | {"quiet": True}}
        if not said.get("complete"):
            grid = check_integer("grid", said.get("grid"), 0, _LAST)
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


def _wire_uploads(page: Page, parts: _Parts) -> list[Any]:
    """One's own sounds as corners."""

    def taking(corner: int) -> Callable[..., Iterator[Updates]]:
        @handler(parts.status)
        def take(stop: Stop, name: str, controls: Any, path: str | None) -> Iterator[Updates]:
            if path is None:
                return
            given = given_of(controls)
            work = partial(_uploaded, page, name, path, given, stop)
            sound, told = yield from in_background(work, stop, parts.status)
            taken = {"corner": corner, "sound": sound.page(), "at": time.time()}
            yield {parts.cells: taken, parts.status: say(f"Corner {corner + 1} is {told}.")}

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
    page: Page, name: str, path: str, given: dict[str, Any], stop: Stop, tell: Tell
) -> tuple[Sound, str]:
    """The model's version of a recording, and what was done to it, in words."""
    upload = read_upload(page.studio, page.studio.model(name), path, given, stop, tell=tell)
    recipe = page.studio.recipe(
        name,
        "decode",
        latents=page.studio.packed(upload.z),
        length=upload.clip.shape[-1],
        condition=upload.condition,
        recording=True,
    )
    sound = page.studio.make(recipe, stop, Path(upload.name).stem)
    return sound, "; ".join((upload.name, *upload.notes))


def _make(page: Page, corners: Corners, x: float, y: float, stop: Stop) -> Sound:
    recipe = corners.at(x, y)
    where = f" {x:.2f}, {y:.2f}" if recipe.call == "morph" else ""
    return page.studio.make(recipe, stop, title_of(recipe) + where)


def _grid(
    page: Page, corners: Corners, stop: Stop, stale: Callable[[], bool]
) -> Iterator[tuple[list[dict[str, Any] | None], str]]:
    """The sounds of all cells, row by row, None for those to come, and a line for the status."""
    cells: list[dict[str, Any] | None] = [None] * SIZE**2
    shown = 0.0
    for (row, column), line in steps(grid_order(SIZE), "Decoding the pad"):
        if stale():
            return
        if time.monotonic() - shown > _EVERY:
            shown = time.monotonic()
            yield cells, line
        sound = _make(page, corners, column / (SIZE - 1), row / (SIZE - 1), stop)
        whole = sound.page() if {row, column} <= {0, SIZE - 1} else {}
        heard = {"key": sound.key, "lufs": sound.lufs, "peak_dbfs": sound.peak_dbfs}
        cells[row * SIZE + column] = whole | heard
    yield cells, say(f"All {len(cells)} sounds are decoded.")
