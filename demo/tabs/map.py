"""Map: a plane of sounds, to be played point by point and in between.

The page holds the map that it shows, and names it in all that it asks for: nothing is kept per
visitor. What it asks for and what is answered travel on wires of their own (static/relay.js).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator

from ..abilities import why_no_map
from ..handling import Updates, handler, say
from ..parts import DRAWN_SEEDS, follows_model, seed_row, stop_button
from ..planes import Planes
from ..studio import Stop
from ..widgets import given_of, number, plain, recipe_from, widget

if TYPE_CHECKING:
    from ..page import Page

AHEAD = 8
"""Sounds that the page asks for at once, before anybody wants to hear them."""

EDGE = 1.2
"""The page shows places from -EDGE to EDGE."""


@dataclass(frozen=True)
class Answers:
    """What the page asks for, as updates of its parts.

    Args:
        planes: the maps.
        board: the map that is shown.
        seed: of the map that comes next.
        status: the line above it.
        played: carries the sound that was asked for.
        made: carries sounds that were made ahead.
        found: carries the place of the sound in the dock.
    """

    planes: Planes
    board: Any
    seed: Any
    status: Any
    played: Any
    made: Any
    found: Any

    def draw(self, stop: Stop, name: str, controls: Any, seed: Any) -> Iterator[Updates]:
        """The map of a seed."""
        yield {self.status: say("Drawing the map ...")}
        plane = self.planes.draw(name, seed, given_of(controls), stop)
        text = json.dumps(plane.page())  # Gradio copies values piece by piece at every event
        yield {self.board: {"map": text}, self.status: ""}

    def draw_another(
        self, stop: Stop, name: str, controls: Any, seed: Any, locked: bool
    ) -> Iterator[Updates]:
        """The map of a new seed, or of this one if it is locked."""
        seed = seed if locked else secrets.randbelow(DRAWN_SEEDS)
        yield {self.seed: seed}
        yield from self.draw(stop, name, controls, seed)

    def play(self, stop: Stop, name: str, asked: Any) -> Iterator[Updates]:
        """The sound of a point, if one is named, or of a place."""
        wanted = plain(asked)
        plane = self.planes.asked(name, wanted, stop)
        if "index" in wanted:
            sound = plane.point(wanted["index"], stop)
        else:
            x, y = (number(wanted, one, -EDGE, EDGE) for one in ("x", "y"))
            sound = plane.place(x, y, stop)
        kept = {one: wanted.get(one) for one in ("id", "turn", "index", "final")}
        yield {self.played: kept | {"sound": sound.page()}, self.status: ""}

    def make_ahead(self, stop: Stop, name: str, asked: Any) -> Iterator[Updates]:
        """The sounds of a few points; none if it cannot be done: the page waits for an answer."""
        wanted = plain(asked)
        indices = wanted.get("indices")
        if not isinstance(indices, list) or len(indices) > AHEAD:
            raise InputError(f"indices must be a list of at most {AHEAD} numbers")
        try:
            plane = self.planes.asked(name, wanted, stop)
            sounds = [[index, plane.point(index, stop).page()] for index in indices]
        except Exception:
            yield {self.made: {"id": wanted.get("id"), "sounds": []}}
            raise
        yield {self.made: {"id": wanted.get("id"), "sounds": sounds}}

    def find(self, stop: Stop, name: str, asked: Any) -> Iterator[Updates]:
        """Where a sound lies."""
        wanted = plain(asked)
        plane = self.planes.asked(name, wanted, stop)
        place = plane.find(recipe_from(wanted.get("recipe")))
        yield {self.found: {"id": wanted.get("id"), "key": wanted.get("key"), "place": place}}


def build(page: Page) -> None:
    """The tab's controls, and what they do."""
    why = gr.HTML()
    with gr.Column() as all_of_it:
        with gr.Row(elem_classes="dgm-row"):
            seed, keep_seed = seed_row()
            go = gr.Button(
                "Another map",
                variant="primary",
                elem_id="dgm-map-draw",
                elem_classes="dgm-go",
            )
            stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
        status = gr.HTML()
        board = widget("map", {})
    to_draw, to_play, to_make, to_find = map(_wire, ("draw", "play", "make", "find"))
    played, made, found = map(_wire, ("played", "made", "found"))
    answers = Answers(Planes(page.studio), board, seed, status, played, made, found)

    model_first = [page.model, page.controls, seed]
    safe = handler(status)
    quietly: dict[str, Any] = {"concurrency_id": "model", "show_progress": "hidden"}
    last: dict[str, Any] = quietly | {"trigger_mode": "always_last"}
    each: dict[str, Any] = quietly | {"trigger_mode": "multiple"}
    drawn = [board, seed, status]
    events = [
        go.click(safe(answers.draw_another), [*model_first, keep_seed], drawn, **quietly),
        to_draw.release(safe(answers.draw), model_first, drawn, **last),
        to_play.release(safe(answers.play), [page.model, to_play], [played, status], **last),
        to_make.release(safe(answers.make_ahead), [page.model, to_make], [made, status], **each),
        to_find.release(safe(answers.find), [page.model, to_find], [found, status], **each),
    ]
    stop_button(stop_here, status, events)
    tell = "(chosen) => { dgm.emit('map-given', chosen && chosen.given); }"
    page.controls.change(None, page.controls, None, js=tell)

    @follows_model(page, [why, all_of_it, board])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_map(model)
        return {
            why: say(reason),
            all_of_it: gr.update(visible=not reason),
            board: {} if reason else {"weights": model.weights_hash},
        }


def _wire(name: str) -> gr.HTML:
    """What the page asks for, or what is answered; never both, for one would undo the other."""
    return widget("relay", wire=f"map-{name}", elem_classes="dgm-relay")
