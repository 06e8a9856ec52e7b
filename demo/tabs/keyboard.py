"""Keyboard: notes, played on the screen or with the computer's keys.

A model with a pitch condition makes every note in advance. For any other model, static/keys.js
plays the sound in the dock faster and slower.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from dgm_audio.apps.render import item_conditions, usual_length
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.provenance import Provenance
from dgm_audio.specs import Scalar

from ..capability_text import pitch_spec, why_no_sample
from ..controls import SEED_RANGE, on_model_change, stop_button
from ..event_handlers import Updates, handler, status_line, with_progress
from ..page_context import PageContext
from ..sound_cache import Sound
from ..studio import Stop, Studio
from ..widgets import given_conditions, json_object, read_number, recipe_from, widget

KEYS = 25
"""Two octaves, from C to C."""

MAX_NOTE = 127
"""The highest MIDI number."""

A_SEED, THE_DOCK = "a seed", "the sound in the dock"


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
    words = gr.HTML()
    with gr.Row(elem_classes="dgm-row", visible=False) as timbre:
        source = gr.Radio([A_SEED, THE_DOCK], value=A_SEED, label="Notes with the timbre of")
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_classes="dgm-number")
        dice = gr.Button("⚂", scale=0, min_width=44, elem_classes="dgm-dice")
        stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
    status = gr.HTML()
    keys = widget("keys", {})
    to_make = widget("relay", wire="keys-make", elem_classes="dgm-relay")
    made = widget("relay", wire="keys-made", elem_classes="dgm-relay")

    @handler(status)
    def make(stop: Stop, *inputs: Any) -> Iterator[Updates]:
        for line, notes in make_notes(page.studio, stop, *inputs):
            yield {status: line, made: notes}

    inputs = [page.model, page.controls, source, seed, to_make]
    event = to_make.release(
        make,
        inputs,
        [made, status],
        trigger_mode="always_last",
        concurrency_id="model",
        show_progress="hidden",
    )
    stop_button(stop_here, status, [event])
    thrown = dice.click(lambda: secrets.randbelow(SEED_RANGE), None, seed, queue=False)
    for changed in (thrown.then, seed.submit, seed.blur, page.controls.change):
        changed(None, js="() => { dgm.emit('keys-timbre'); }")
    source.input(
        None, source, js=f"(chosen) => {{ dgm.emit('keys-source', chosen === '{THE_DOCK}'); }}"
    )

    @on_model_change(page, [words, timbre, keys])
    def adapt(model: AudioGenerator) -> Updates:
        pitch = None if why_no_sample(model) else pitch_spec(model)
        value: dict[str, Any] = {"weights": model.weights_hash, "low": 0, "high": MAX_NOTE}
        if pitch is not None:
            value |= {"low": pitch.low, "high": pitch.high, "pitched": True}
        return {
            words: status_line(_words(model, pitch)),
            timbre: gr.update(visible=pitch is not None),
            keys: value,
        }


def note_order(first: int, pitch: Scalar) -> list[int]:
    """The notes of two octaves from `first` within the model's range, from the middle outwards.

    >>> note_order(48, Scalar(50, 84, "MIDI number", 60))[:5]
    [60, 59, 61, 58, 62]
    """
    known = [note for note in range(first, first + KEYS) if pitch.low <= note <= pitch.high]
    return sorted(known, key=lambda note: (abs(note - first - KEYS // 2), note))


def seed_recipe(studio: Studio, name: str, seed: Any, given: Mapping[str, Any]) -> Provenance:
    """The first sound of a seed.

    Raises:
        InputError: if the seed or a condition is not allowed.
    """
    model = studio.model(name)
    most = int(studio.max_seconds * model.audio.sample_rate)
    condition = item_conditions(model, given, 1)[0]
    return studio.recipe(
        name,
        "sample",
        seed=check_integer("seed", seed, 0, MAX_SEED),
        index=0,
        temperature=1.0,
        length=min(usual_length(model, condition), most),
        condition=condition,
    )


def make_notes(
    studio: Studio, stop: Stop, name: str, controls: Any, origin: str, seed: Any, payload: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The notes that the page requested, one after another.

    Yields:
        A status line, and the notes so far, each as [note, playback facts].

    Raises:
        InputError: if the page sent an invalid value.
    """
    request = json_object(payload)
    model = studio.model(name)
    pitch = pitch_spec(model)
    if pitch is None or why_no_sample(model):
        return
    first = int(read_number(request, "first", 0, MAX_NOTE))
    turn = read_number(request, "turn", 0, 2**53)
    if origin == A_SEED:
        recipe = seed_recipe(studio, name, seed, given_conditions(controls))
    elif request.get("recipe"):
        recipe = recipe_from(request["recipe"])
    else:
        raise InputError("the dock holds no sound of this model; generate one, or use a seed")
    notes: list[tuple[int, dict[str, Any]]] = []
    for note, line in with_progress(note_order(first, pitch), "Making the notes", "notes"):
        yield line, {"turn": turn, "notes": notes}
        notes = [*notes, (note, _playback_facts(make_note(studio, recipe, note, stop)))]
    yield "", {"turn": turn, "notes": notes}


def make_note(studio: Studio, recipe: Provenance, note: int, stop: Stop) -> Sound:
    """The sound of a recipe at another pitch: the same latent, another condition.

    Raises:
        InputError: if it joins several sounds, or has no pitch.
    """
    condition = recipe.parameters.get("condition")
    if recipe.call == "path" or not isinstance(condition, dict) or "pitch" not in condition:
        raise InputError(
            f"a sound of the kind {recipe.call!r} has no single pitch to change; choose "
            "a note of this model in the dock, or a seed"
        )
    parameters = {**recipe.parameters, "condition": {**condition, "pitch": float(note)}}
    return studio.make(replace(recipe, parameters=parameters), stop)


def _playback_facts(sound: Sound) -> dict[str, Any]:
    """The facts with which the page plays a note."""
    return {"key": sound.key, "lufs": sound.lufs, "peak_dbfs": sound.peak_dbfs}


def _words(model: AudioGenerator, pitch: Scalar | None) -> str:
    name = model.name or "This model"
    if pitch is None:
        return (
            f"{name} has no pitch condition: the keys play the sound in the dock faster or slower, "
            "as a sampler does. Middle C plays it unchanged."
        )
    return (
        f"{name} makes every note itself, from {pitch.low:g} to {pitch.high:g} ({pitch.unit}): the "
        "latent stays, the pitch changes."
    )
