"""Sample: new sounds of a seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.apps.render import item_conditions
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer

from ..abilities import why_no_sample
from ..background import making
from ..handling import Updates, handler, say, steps
from ..parts import DRAWN_SEEDS, follows_model, length_of, longest_of, seed_row, stop_button
from ..studio import Stop
from ..widgets import given_of, widget

if TYPE_CHECKING:
    from ..page import Page

MOST = 8


def build(page: Page) -> None:
    """The tab's controls, and what they do."""
    why = gr.HTML()
    with gr.Column() as all_of_it:
        with gr.Row(elem_classes="dgm-row"):
            seed, keep_seed = seed_row()
            count = gr.Slider(1, MOST, value=MOST, step=1, label="How many")
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
        drawn = number if locked else secrets.randbelow(DRAWN_SEEDS)
        drawn = check_integer("seed", drawn, 0, MAX_SEED)
        items = item_conditions(
            model, given_of(controls), check_integer("how many", how_many, 1, MOST)
        )
        length = length_of(model, long)
        made: list[dict[str, Any]] = []
        yield {seed: drawn, sounds: []}
        for (index, condition), line in steps(list(enumerate(items)), "Making"):
            yield {status: line}
            recipe = page.studio.recipe(
                name,
                "sample",
                seed=drawn,
                index=index,
                temperature=float(warm),
                length=length,
                condition=condition,
            )
            sound = yield from making(page.studio, recipe, stop, status)
            made.append(sound.page())
            yield {sounds: made} | ({page.dock: made[0]} if index == 0 else {})
        yield {status: say(f"{len(made)} sound{'s' * (len(made) > 1)} of seed {drawn}.")}

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

    @follows_model(page, [why, all_of_it, seconds, sounds])
    def adapt(model: AudioGenerator) -> Updates:
        reason = why_no_sample(model)
        longest = min(page.studio.max_seconds, longest_of(model))
        usual = min(model.audio.seconds, longest, 10.0)
        return {
            why: say(reason),
            all_of_it: gr.update(visible=not reason),
            seconds: gr.update(value=round(usual, 3), label=f"Seconds, up to {longest:.3g}"),
            sounds: [],
        }
