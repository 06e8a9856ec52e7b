"""Map: a two-dimensional map of sounds, playable at its points and between them.

The page holds its map and names it in every request, so that the server keeps no state per visitor.
Requests and answers travel on separate channels (static/relay.js).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator

from ..capability_text import why_no_map
from ..controls import SEED_RANGE, on_model_change, seed_row, stop_button
from ..event_handlers import Updates, handler, status_line
from ..map_cache import MapCache
from ..page_context import PageContext
from ..studio import Stop
from ..widgets import given_conditions, json_object, read_number, recipe_from, widget

AHEAD = 8
"""Sounds per request that the page prefetches, at most."""

EDGE = 1.2
"""The page shows coordinates from -EDGE to EDGE."""


@dataclass(frozen=True)
class MapEvents:
    """Event handlers of the tab; they yield updates of its components.

    Args:
        maps: the maps in memory.
        board: widget that shows the map.
        seed: field with the seed of the next map.
        status: status line above the map.
        played: channel of sounds to play.
        made: channel of prefetched sounds.
        found: channel of the coordinates of the sound in the dock.
    """

    maps: MapCache
    board: Any
    seed: Any
    status: Any
    played: Any
    made: Any
    found: Any

    def draw(self, stop: Stop, name: str, controls: Any, seed: Any) -> Iterator[Updates]:
        """The map of a seed."""
        yield {self.status: status_line("Drawing the map ...")}
        shown = self.maps.get(name, seed, given_conditions(controls), stop)
        text = json.dumps(shown.page_data())  # Gradio copies values piece by piece at every event
        yield {self.board: {"map": text}, self.status: ""}

    def draw_another(
        self, stop: Stop, name: str, controls: Any, seed: Any, locked: bool
    ) -> Iterator[Updates]:
        """The map of a new seed, or of the given one if it is locked."""
        seed = seed if locked else secrets.randbelow(SEED_RANGE)
        yield {self.seed: seed}
        yield from self.draw(stop, name, controls, seed)

    def play(self, stop: Stop, name: str, payload: Any) -> Iterator[Updates]:
        """The sound of a point by its index, or at coordinates (x, y)."""
        request = json_object(payload)
        shown = self.maps.requested(name, request, stop)
        if "index" in request:
            sound = shown.point_sound(request["index"], stop)
        else:
            x, y = (read_number(request, one, -EDGE, EDGE) for one in ("x", "y"))
            sound = shown.place_sound(x, y, stop)
        kept = {one: request.get(one) for one in ("id", "turn", "index", "final")}
        yield {self.played: kept | {"sound": sound.page_data()}, self.status: ""}

    def make_ahead(self, stop: Stop, name: str, payload: Any) -> Iterator[Updates]:
        """The sounds of a few points; on an error none, because the page waits for an answer."""
        request = json_object(payload)
        indices = request.get("indices")
        if not isinstance(indices, list) or len(indices) > AHEAD:
            raise InputError(f"indices must be a list of at most {AHEAD} numbers")
        try:
            shown = self.maps.requested(name, request, stop)
            sounds = [[index, shown.point_sound(index, stop).page_data()] for index in indices]
        except Exception:
            yield {self.made: {"id": request.get("id"), "sounds": []}}
            raise
        yield {self.made: {"id": request.get("id"), "sounds": sounds}}

    def find(self, stop: Stop, name: str, payload: Any) -> Iterator[Updates]:
        """The coordinates of a sound."""
        request = json_object(payload)
        shown = self.maps.requested(name, request, stop)
        place = shown.locate(recipe_from(request.get("recipe")))
        yield {self.found: {"id": request.get("id"), "key": request.get("key"), "place": place}}


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
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
    to_draw, to_play, to_make, to_find = map(_channel, ("draw", "play", "make", "find"))
    played, made, found = map(_channel, ("played", "made", "found"))
    map_events = MapEvents(MapCache(page.studio), board, seed, status, played, made, found)

    model_first = [page.model, page.controls, seed]
    safe = handler(status)
    quietly: dict[str, Any] = {"concurrency_id": "model", "show_progress": "hidden"}
    last: dict[str, Any] = quietly | {"trigger_mode": "always_last"}
    each: dict[str, Any] = quietly | {"trigger_mode": "multiple"}
    drawn = [board, seed, status]
    events = [
        go.click(safe(map_events.draw_another), [*model_first, keep_seed], drawn, **quietly),
        to_draw.release(safe(map_events.draw), model_first, drawn, **last),
        to_play.release(safe(map_events.play), [page.model, to_play], [played, status], **last),
        to_make.release(safe(map_events.make_ahead), [page.model, to_make], [made, status], **each),
        to_find.release(safe(map_events.find), [page.model, to_find], [found, status], **each),
    ]
    stop_button(stop_here, status, events)
    on_given = "(chosen) => { dgm.emit('map-given', chosen && chosen.given); }"
    page.controls.change(None, page.controls, None, js=on_given)

    @on_model_change(page, [why, all_of_it, board])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_map(model)
        return {
            why: status_line(reason),
            all_of_it: gr.update(visible=not reason),
            board: {} if reason else {"weights": model.weights_hash},
        }


def _channel(name: str) -> gr.HTML:
    """A channel for requests or for answers; in one channel they would overwrite each other."""
    return widget("relay", wire=f"map-{name}", elem_classes="dgm-relay")
