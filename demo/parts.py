"""Rows of controls that several tabs have."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.generator import AudioGenerator

from .handling import STOPS, Updates, say

if TYPE_CHECKING:
    from .page import Page

DRAWN_SEEDS = 1_000_000
MILLISECOND = 1e-3


def seed_row() -> tuple[gr.Number, gr.Checkbox]:
    """A seed with dice, and whether it is kept."""
    with gr.Row(elem_classes="dgm-seed"):
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, min_width=110)
        dice = gr.Button("⚂", scale=0, min_width=44, elem_classes="dgm-dice")
        keep = gr.Checkbox(False, label="keep", min_width=80, scale=0)
    dice.click(
        lambda: (secrets.randbelow(DRAWN_SEEDS), True),
        None,
        [seed, keep],
        queue=False,
        api_visibility="private",
    )
    return seed, keep


def stop_button(button: gr.Button, status: gr.HTML, cancels: list[Any]) -> None:
    """Stop: what waits is dropped, what is at work ends at the next block."""

    def press(request: gr.Request) -> str:
        STOPS.press(request)
        return say("Stopped.")

    button.click(
        press,
        outputs=status,
        queue=False,
        cancels=cancels,
        show_progress="hidden",
        api_visibility="private",
    )


def follows_model(
    page: Page, outputs: list[Any]
) -> Callable[[Callable[[AudioGenerator], Updates]], Callable[[AudioGenerator], Updates]]:
    """Call the function with the model whenever another one is picked; it updates the outputs."""

    def register(adapt: Callable[[AudioGenerator], Updates]) -> Callable[[AudioGenerator], Updates]:
        page.on_model.append((adapt, outputs))
        return adapt

    return register


def longest_of(model: AudioGenerator) -> float:
    """Seconds of the longest sound that a model makes."""
    most = model.audio.max_length
    return math.inf if most is None else most / model.audio.sample_rate


def length_of(model: AudioGenerator, seconds: float) -> int:
    """Samples of the seconds that a field holds: rounded to 1 ms, or those of another model.

    Raises:
        InputError: if they are no number above 0.
    """
    own, longest = model.audio.seconds, longest_of(model)
    if isinstance(seconds, int | float):
        seconds = min(own if abs(seconds - own) < MILLISECOND else seconds, longest)
    return model.audio.resolve_length(seconds)
