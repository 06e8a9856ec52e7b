"""Transform: one's own recordings, as a model makes them, and changed in its latent space."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import torch

from dgm_audio.apps.inversion import error_db
from dgm_audio.apps.naming import slug
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import read_audio
from dgm_audio.provenance import Provenance
from dgm_audio.resynthesis import mel_error_db

from ..abilities import is_vocoder, why_no_directions, why_no_transform
from ..background import in_background
from ..changing import KnownDirections, amounts_of, bars_of, base_of, changed
from ..handling import Updates, handler, say
from ..parts import follows_model, stop_button
from ..shelf import Sound
from ..sides import error_words, found_out, original, side, unlinked
from ..studio import Stop
from ..uploads import read_sides, read_upload, resynthesised
from ..widgets import given_of, plain, recipe_from, widget

if TYPE_CHECKING:
    from ..page import Page

_FROM_DOCK = """(name, controls, full, _) =>
  [name, controls, full, dgm.state.current ? dgm.state.current.recipe : ""]"""


class Transform:
    """What the tab does: its events yield updates of its parts.

    Args:
        page: see there.
    """

    def __init__(self, page: Page) -> None:
        self.page, self.studio = page, page.studio
        self.known = KnownDirections(page.studio)
        self.why = gr.HTML()
        with gr.Column() as self.everything:
            with gr.Row(elem_classes="dgm-row"):
                self.file = gr.File(label="Your recording", elem_id="dgm-recording", height=120)
                self.voice = gr.Audio(
                    sources=["microphone"],
                    type="filepath",
                    label="Or the microphone",
                    elem_id="dgm-microphone",
                    buttons=[],
                )
            with gr.Row(elem_classes="dgm-row"):
                self.go = gr.Button("Encode", variant="primary", elem_classes="dgm-go")
                self.take = gr.Button("Take the sound in the dock")
                self.full = gr.Checkbox(False, label="bring to full level", min_width=180)
                self.stop = gr.Button("Stop", variant="stop", scale=0, min_width=90)
            self.status = gr.HTML()
            self.sides = widget("ab", {})
            self.no_bars = gr.HTML()
            with gr.Column(visible=False) as self.changing:
                self.bars = widget("bars", {})
                self.mix = widget("mix", {})

    def encode(
        self,
        stop: Stop,
        name: str,
        controls: Any,
        full: bool,
        file: str | None,
        voice: str | None,
    ) -> Iterator[Updates]:
        """A recording as the model makes it; one source empties the other."""
        path = file or voice
        if not path:
            raise InputError("there is no recording yet; choose a file, or record one")
        yield {self.voice: None} if file else {self.file: None}
        yield from self._heard(stop, name, controls, full, Path(path), own=True)

    def from_dock(
        self, stop: Stop, name: str, controls: Any, full: bool, text: str
    ) -> Iterator[Updates]:
        """The sound in the dock: its own latent or, of another model, as this one makes it."""
        if not text:
            raise InputError("there is no sound of a model in the dock")
        recipe = recipe_from(text)
        model, sound = self.studio.model(name), self.studio.make(recipe, stop)
        if recipe.model == name and recipe.call != "path" and not is_vocoder(model):
            yield self._cleared() | {self.sides: {"sides": [side(sound, "In the dock")]}}
            yield from self._sliders(stop, model, recipe)
            return
        own = bool(recipe.parameters.get("recording"))
        path = self.studio.shelf.path(sound.key)
        yield from self._heard(stop, name, controls, full, path, own=own, source=sound)

    def change(self, stop: Stop, name: str, bars: Any, mix: Any, sides: Any) -> Iterator[Updates]:
        """The sound with the sliders as they are now."""
        model = self.studio.model(name)
        base = base_of(self.studio, model, name, bars)
        amounts, directions = amounts_of(bars), None
        if any(amounts):
            condition = base.parameters.get("condition") or {}
            directions = yield from in_background(
                lambda tell: self.known.of(model, condition, tell), stop, self.status
            )
        recipe = changed(self.studio, model, base, directions, amounts, mix)
        sound = self.studio.make(recipe, stop, "changed" if recipe is not base else "")
        shown = plain(sides) | {"changed": side(sound, "Changed") if recipe is not base else None}
        yield {self.page.dock: sound.page(), self.sides: shown, self.status: ""}

    def adapt(self, model: AudioGenerator) -> Updates:
        """Another model was picked."""
        reason = why_no_transform(model)
        return {
            self.why: say(reason),
            self.everything: gr.update(visible=not reason),
            self.go: "Resynthesise" if is_vocoder(model) else "Encode",
            self.full: gr.update(visible=not is_vocoder(model)),
        } | self._cleared()

    def _cleared(self) -> Updates:
        return {
            self.sides: {},
            self.no_bars: "",
            self.changing: gr.update(visible=False),
            self.status: "",
        }

    def _heard(
        self,
        stop: Stop,
        name: str,
        controls: Any,
        full: bool,
        path: Path,
        *,
        own: bool,
        source: Sound | None = None,
    ) -> Iterator[Updates]:
        """A file as the model makes it; `own` of a visitor's recording, `source` in the dock."""
        model = self.studio.model(name)
        if why_no_transform(model):
            raise InputError(why_no_transform(model))
        yield self._cleared()
        if is_vocoder(model):
            yield from self._resynthesised(stop, model, controls, path, own, source)
        else:
            yield from self._encoded(stop, model, controls, full, path, own, source)

    def _encoded(
        self,
        stop: Stop,
        model: AudioGenerator,
        controls: Any,
        full: bool,
        path: Path,
        own: bool,
        source: Sound | None,
    ) -> Iterator[Updates]:
        given, rate = given_of(controls), model.audio.sample_rate
        upload = yield from in_background(
            lambda tell: read_upload(self.studio, model, path, given, stop, bool(full), tell),
            stop,
            self.status,
        )
        recipe = self.studio.recipe(
            str(model.name),
            "decode",
            latents=self.studio.packed(upload.z),
            length=upload.clip.shape[-1],
            condition=upload.condition,
            **({"recording": True} if own else {}),
        )
        yield {self.status: say("Decoding")}
        title = source.title if source else Path(upload.name).stem
        made = self.studio.make(recipe, stop, f"{title}, encoded")
        heard, _ = read_audio(self.studio.shelf.path(made.key))
        taken = self._put(upload.clip[0], rate, source.title if source else upload.name, title)
        error = error_db(upload.clip, heard[None], rate)
        sides = [original(taken, own, source), side(made, "Reconstruction")]
        notes = [*found_out(upload.condition, given), *upload.notes]
        yield {
            self.sides: {"sides": sides, "error": error_words(error), "notes": notes},
            self.page.dock: made.page(),
        }
        yield from self._sliders(stop, model, recipe)

    def _sliders(self, stop: Stop, model: AudioGenerator, base: Provenance) -> Iterator[Updates]:
        """The sliders of a sound, or why there are none."""
        reason = why_no_directions(model)
        if reason:
            yield {self.no_bars: say(reason), self.status: ""}
            return
        condition = base.parameters.get("condition") or {}
        directions = yield from in_background(
            lambda tell: self.known.of(model, condition, tell), stop, self.status
        )
        yield {
            self.bars: bars_of(model, directions, base),
            self.mix: {"model": base.model, "amount": 0.0},
            self.changing: gr.update(visible=True),
            self.status: "",
        }

    def _resynthesised(
        self,
        stop: Stop,
        model: AudioGenerator,
        controls: Any,
        path: Path,
        own: bool,
        source: Sound | None,
    ) -> Iterator[Updates]:
        """A recording, or the sound in the dock, through a vocoder."""
        x, notes = read_sides(self.studio, model, path)
        rate, given = model.audio.sample_rate, given_of(controls)
        start = time.perf_counter()
        y = yield from in_background(
            lambda tell: resynthesised(self.studio, model, x, given, tell), stop, self.status
        )
        took = time.perf_counter() - start
        title = source.title if source else path.stem
        taken = source or self._put(x, rate, path.name, title)
        made = self._put(y, rate, f"{title}, resynthesised", f"{title} resynthesised", took)
        shown = made.page() | ({} if own else unlinked(str(model.name)))
        sides = [original(taken, own, source), shown | {"label": "Resynthesis"}]
        error = error_words(mel_error_db(model, x, y))
        yield {
            self.sides: {"sides": sides, "error": error, "notes": list(notes)},
            self.no_bars: say(why_no_directions(model)),
            self.page.dock: shown,
            self.status: "",
        }

    def _put(self, x: torch.Tensor, rate: int, title: str, file: str, took: float = 0.0) -> Sound:
        """A sound that no recipe makes; a download of it is called after `file`."""
        return self.studio.shelf.put(None, x, rate, title, slug(file), took)


def build(page: Page) -> None:
    """The tab's controls, and what they do."""
    tab = Transform(page)
    from_page = gr.Textbox(visible=False)
    results = [
        page.dock,
        tab.status,
        tab.sides,
        tab.no_bars,
        tab.changing,
        tab.bars,
        tab.mix,
    ]
    encode, take = handler(tab.status)(tab.encode), handler(tab.status)(tab.from_dock)
    change = handler(tab.status)(tab.change)
    model = {"concurrency_id": "model", "show_progress": "minimal", "show_progress_on": tab.status}
    inputs = [page.model, page.controls, tab.full]
    nothing, sources = gr.State(None), [tab.file, tab.voice]
    starts = [
        (tab.go.click, [tab.file, tab.voice]),
        (tab.file.upload, [tab.file, nothing]),
        (tab.voice.stop_recording, [nothing, tab.voice]),
    ]
    events = [
        start(encode, [*inputs, *source], [*results, *sources], **model) for start, source in starts
    ]
    events.append(tab.take.click(take, [*inputs, from_page], results, js=_FROM_DOCK, **model))
    for part in (tab.bars, tab.mix):
        events.append(
            part.release(
                change,
                [page.model, tab.bars, tab.mix, tab.sides],
                [page.dock, tab.sides, tab.status],
                trigger_mode="always_last",
                **model,
            )
        )
    stop_button(tab.stop, tab.status, events)
    adapted = [tab.why, tab.everything, tab.go, tab.full]
    follows_model(page, [*adapted, tab.sides, tab.no_bars, tab.changing, tab.status])(tab.adapt)
