"""Sample: new sounds from a seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import gradio as gr

from dgm_audio.apps.render import item_conditions
from dgm_audio.apps.speak import how_to_say
from dgm_audio.errors import InputError
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer

from ..background import make_in_background
from ..capability_text import says_text, why_no_sample
from ..controls import (
    SEED_RANGE,
    length_in_samples,
    max_seconds_of,
    on_model_change,
    seed_row,
    stop_button,
)
from ..event_handlers import Updates, handler, status_line, with_progress
from ..page_context import PageContext
from ..studio import Stop
from ..widgets import given_conditions, widget

MAX_SOUNDS = 8


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
    why = gr.HTML()
    with gr.Column() as all_of_it:
        with gr.Row(elem_classes="dgm-row"):
            seed, keep_seed = seed_row()
            count = gr.Slider(1, MAX_SOUNDS, value=MAX_SOUNDS, step=1, label="How many")
            seconds = gr.Number(1.5, label="Seconds", step=0.1)
            temperature = gr.Slider(0, 2, value=1, step=0.05, label="Temperature")
        with gr.Row(elem_classes="dgm-row"):
            go = gr.Button(
                "Generate", variant="primary", elem_id="dgm-generate", elem_classes="dgm-go"
            )
            stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
        status = gr.HTML()
        sounds = widget("sounds", [])

    @handler(status)
    def generate(
        stop: Stop,
        name: str,
        controls: Any,
        number: float,
        locked: bool,
        how_many: int,
        long: float,
        warm: float,
    ) -> Iterator[Updates]:
        model = page.studio.model(name)
        drawn = number if locked else secrets.randbelow(SEED_RANGE)
        drawn = check_integer("seed", drawn, 0, MAX_SEED)
        items = item_conditions(
            model, given_conditions(controls), check_integer("how many", how_many, 1, MAX_SOUNDS)
        )
        made: list[dict[str, Any]] = []
        yield {seed: drawn, sounds: []}
        for (index, condition), line in with_progress(list(enumerate(items)), "Making"):
            yield {status: line}
            call, how = _call(model, condition, long)
            recipe = page.studio.recipe(
                name, call, seed=drawn, index=index, temperature=float(warm), **how
            )
            sound = yield from make_in_background(page.studio, recipe, stop, status)
            made.append(sound.page_data())
            yield {sounds: made} | ({page.dock: made[0]} if index == 0 else {})
        yield {status: status_line(f"{len(made)} sound{'s' * (len(made) > 1)} of seed {drawn}.")}

    inputs = [page.model, page.controls, seed, keep_seed, count, seconds, temperature]
    event = go.click(
        generate,
        inputs,
        [seed, sounds, page.dock, status],
        concurrency_id="model",
        show_progress="minimal",
        show_progress_on=status,
    )
    stop_button(stop_here, status, [event])

    @on_model_change(page, [why, all_of_it, seconds, sounds])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_sample(model)
        longest = min(page.studio.max_seconds, max_seconds_of(model))
        usual, speaks = min(model.audio.seconds, longest, 10.0), says_text(model)
        return {
            why: status_line(reason),
            all_of_it: gr.update(visible=not reason),
            seconds: gr.update(
                value=None if speaks else round(usual, 3),
                label=f"Seconds, up to {longest:.3g}" + ("; empty: as the text takes" * speaks),
            ),
            sounds: [],
        }


def _call(
    model: AudioGenerator, condition: dict[str, Any], seconds: float | None
) -> tuple[str, dict[str, Any]]:
    """The call of a recipe, and its parameters but for the seed; a long text is said in pieces."""
    if seconds is not None or not says_text(model):
        length = length_in_samples(model, seconds, condition)
        return "sample", {"condition": condition, "length": length}
    beside: dict[str, str] = {}
    call, how = how_to_say(model, condition, None, beside)
    if beside:
        raise InputError("this text is too long for the page; dgm-audio speak says longer ones")
    return call, how
