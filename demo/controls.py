"""Rows of controls that several tabs share."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from dgm_audio.apps.render import usual_length
from dgm_audio.generator import AudioGenerator

from .event_handlers import STOPS, Updates, status_line
from .page_context import PageContext

SEED_RANGE = 1_000_000
"""The dice draw seeds below this."""

MILLISECOND = 1e-3


def seed_row() -> tuple[gr.Number, gr.Checkbox]:
    """A seed field with dice, and a checkbox that keeps the seed."""
    with gr.Row(elem_classes="dgm-seed"):
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=110)
        dice = gr.Button("⚂", scale=0, min_width=44, elem_classes="dgm-dice")
        keep = gr.Checkbox(False, label="keep", min_width=80, scale=0)
    dice.click(
        lambda: (secrets.randbelow(SEED_RANGE), True),
        None,
        [seed, keep],
        queue=False,
        api_visibility="private",
    )
    return seed, keep


def stop_button(button: gr.Button, status: gr.HTML, cancels: list[Any]) -> None:
    """Wire a Stop button: queued events are cancelled, running ones end at the next block."""

    def press(request: gr.Request) -> str:
        STOPS.press(request)
        return status_line("Stopped.")

    button.click(
        press,
        outputs=status,
        queue=False,
        cancels=cancels,
        show_progress="hidden",
        api_visibility="private",
    )


def on_model_change(
    page: PageContext, outputs: list[Any]
) -> Callable[[Callable[[AudioGenerator], Updates]], Callable[[AudioGenerator], Updates]]:
    """Decorator: call the function with each model that is picked; it updates the outputs."""

    def register(adapt: Callable[[AudioGenerator], Updates]) -> Callable[[AudioGenerator], Updates]:
        page.on_model.append((adapt, outputs))
        return adapt

    return register


def max_seconds_of(model: AudioGenerator) -> float:
    """Seconds of the longest sound that a model makes; infinite without a limit."""
    most = model.audio.max_length
    return math.inf if most is None else most / model.audio.sample_rate


def length_in_samples(
    model: AudioGenerator, seconds: float | None, condition: Mapping[str, Any]
) -> int:
    """Samples of a duration from a "Seconds" field; an empty field is the usual one.

    A duration within 1 ms of the model's own is the model's own: the field shows rounded values.
    Longer ones are cut to the model's longest.

    Raises:
        InputError: if the duration is no number above 0.
    """
    if seconds is None:
        return usual_length(model, condition)
    own, longest = model.audio.seconds, max_seconds_of(model)
    if isinstance(seconds, int | float):
        seconds = min(own if abs(seconds - own) < MILLISECOND else seconds, longest)
    return model.audio.resolve_length(seconds)
