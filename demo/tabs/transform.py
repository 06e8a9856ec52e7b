"""Transform: recordings as a model reconstructs them, and edited in its latent space."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from dgm_audio.apps.file_names import slug
from dgm_audio.apps.inversion import error_db
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.io import read_audio
from dgm_audio.provenance import Provenance
from dgm_audio.resynthesis import mel_error_db

from ..background import in_background
from ..capability_text import is_vocoder, why_no_directions, why_no_transform
from ..comparison_view import entry, error_text, inferred_conditions, original_entry, without_link
from ..controls import on_model_change, stop_button
from ..event_handlers import Updates, handler, status_line
from ..latent_edits import DirectionCache, edit, read_amounts, read_base, slider_values
from ..page_context import PageContext
from ..sound_cache import Sound
from ..studio import Stop
from ..uploads import read_for_vocoder, read_upload, resynthesise_upload
from ..widgets import given_conditions, json_object, recipe_from, widget

_FROM_DOCK = """(name, controls, full, _) =>
  [name, controls, full, dgm.state.current ? dgm.state.current.recipe : ""]"""


class Transform:
    """The tab's components and event handlers, which yield updates of the components.

    Args:
        page: the page of the tab.
    """

    def __init__(self, page: PageContext) -> None:
        self.page, self.studio = page, page.studio
        self.directions = DirectionCache(page.studio)
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
            self.comparison = widget("ab", {})
            self.no_sliders = gr.HTML()
            with gr.Column(visible=False) as self.edits:
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
        """Reconstruct a recording; one of file and microphone empties the other."""
        path = file or voice
        if not path:
            raise InputError("there is no recording yet; choose a file, or record one")
        yield {self.voice: None} if file else {self.file: None}
        yield from self._process(stop, name, controls, full, Path(path), own=True)

    def from_dock(
        self, stop: Stop, name: str, controls: Any, full: bool, text: str
    ) -> Iterator[Updates]:
        """Take the sound in the dock: by its own latent or, if of another model, reconstructed."""
        if not text:
            raise InputError("there is no sound of a model in the dock")
        recipe = recipe_from(text)
        model, sound = self.studio.model(name), self.studio.make(recipe, stop)
        if recipe.model == name and recipe.call not in ("path", "speak") and not is_vocoder(model):
            yield self._cleared() | {self.comparison: {"sides": [entry(sound, "In the dock")]}}
            yield from self._sliders(stop, model, recipe)
            return
        own = bool(recipe.parameters.get("recording"))
        path = self.studio.cache.path(sound.key)
        yield from self._process(stop, name, controls, full, path, own=own, source=sound)

    def change(self, stop: Stop, name: str, bars: Any, mix: Any, sides: Any) -> Iterator[Updates]:
        """Apply the sliders to the sound."""
        model = self.studio.model(name)
        base = read_base(self.studio, model, name, bars)
        amounts, directions = read_amounts(bars), None
        if any(amounts):
            condition = base.parameters.get("condition") or {}
            directions = yield from in_background(
                lambda report: self.directions.get(model, condition, report), stop, self.status
            )
        recipe = edit(self.studio, model, base, directions, amounts, mix)
        sound = self.studio.make(recipe, stop, "changed" if recipe is not base else "")
        shown = json_object(sides) | {
            "changed": entry(sound, "Changed") if recipe is not base else None
        }
        yield {self.page.dock: sound.page_data(), self.comparison: shown, self.status: ""}

    def adapt(self, model: AudioGenerator) -> Updates:
        """Adapt the tab to another model."""
        reason = why_no_transform(model)
        return {
            self.why: status_line(reason),
            self.everything: gr.update(visible=not reason),
            self.go: "Resynthesise" if is_vocoder(model) else "Encode",
            self.full: gr.update(visible=not is_vocoder(model)),
        } | self._cleared()

    def _cleared(self) -> Updates:
        return {
            self.comparison: {},
            self.no_sliders: "",
            self.edits: gr.update(visible=False),
            self.status: "",
        }

    def _process(
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
        """Reconstruct a file.

        `own`: it is, or was made of, a visitor's recording. `source`: it is this sound in the dock.
        """
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
        given, rate = given_conditions(controls), model.audio.sample_rate
        upload = yield from in_background(
            lambda report: read_upload(self.studio, model, path, given, stop, bool(full), report),
            stop,
            self.status,
        )
        recipe = self.studio.recipe(
            str(model.name),
            "decode",
            latents=self.studio.pack_latent(upload.z),
            length=upload.clip.shape[-1],
            condition=upload.condition,
            **({"recording": True} if own else {}),
        )
        yield {self.status: status_line("Decoding")}
        title = source.title if source else Path(upload.name).stem
        made = self.studio.make(recipe, stop, f"{title}, encoded")
        decoded, _ = read_audio(self.studio.cache.path(made.key))
        taken = self._put(upload.clip[0], rate, source.title if source else upload.name, title)
        error = error_db(upload.clip, decoded[None], rate)
        sides = [original_entry(taken, own, source), entry(made, "Reconstruction")]
        notes = [*inferred_conditions(upload.condition, given), *upload.notes]
        yield {
            self.comparison: {"sides": sides, "error": error_text(error), "notes": notes},
            self.page.dock: made.page_data(),
        }
        yield from self._sliders(stop, model, recipe)

    def _sliders(self, stop: Stop, model: AudioGenerator, base: Provenance) -> Iterator[Updates]:
        """Show the sliders of a sound, or why there are none."""
        reason = why_no_directions(model)
        if reason:
            yield {self.no_sliders: status_line(reason), self.status: ""}
            return
        condition = base.parameters.get("condition") or {}
        directions = yield from in_background(
            lambda report: self.directions.get(model, condition, report), stop, self.status
        )
        yield {
            self.bars: slider_values(model, directions, base),
            self.mix: {"model": base.model, "amount": 0.0},
            self.edits: gr.update(visible=True),
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
        """Resynthesise a recording, or the sound in the dock, with a vocoder."""
        x, notes = read_for_vocoder(self.studio, model, path)
        rate, given = model.audio.sample_rate, given_conditions(controls)
        start = time.perf_counter()
        y = yield from in_background(
            lambda report: resynthesise_upload(self.studio, model, x, given, report),
            stop,
            self.status,
        )
        took = time.perf_counter() - start
        title = source.title if source else path.stem
        taken = source or self._put(x, rate, path.name, title)
        made = self._put(y, rate, f"{title}, resynthesised", f"{title} resynthesised", took)
        shown = made.page_data() | ({} if own else without_link(str(model.name)))
        sides = [original_entry(taken, own, source), shown | {"label": "Resynthesis"}]
        error = error_text(mel_error_db(model, x, y))
        yield {
            self.comparison: {"sides": sides, "error": error, "notes": list(notes)},
            self.no_sliders: status_line(why_no_directions(model)),
            self.page.dock: shown,
            self.status: "",
        }

    def _put(self, x: torch.Tensor, rate: int, title: str, file: str, took: float = 0.0) -> Sound:
        """Store a sound without a recipe; a download is named after `file`."""
        return self.studio.cache.put(None, x, rate, title, slug(file), took)


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
    tab = Transform(page)
    from_page = gr.Textbox(visible=False)
    results = [
        page.dock,
        tab.status,
        tab.comparison,
        tab.no_sliders,
        tab.edits,
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
                [page.model, tab.bars, tab.mix, tab.comparison],
                [page.dock, tab.comparison, tab.status],
                trigger_mode="always_last",
                **model,
            )
        )
    stop_button(tab.stop, tab.status, events)
    adapted = [tab.why, tab.everything, tab.go, tab.full]
    on_model_change(page, [*adapted, tab.comparison, tab.no_sliders, tab.edits, tab.status])(
        tab.adapt
    )
