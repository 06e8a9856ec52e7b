"""Learn: the families, a diagram of the model, and the code of the sound in the dock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import gradio as gr

from dgm_audio.apps.latents import files_beside
from dgm_audio.generator import AudioGenerator
from dgm_audio.shipped import list_models

from ..controls import on_model_change
from ..diagram import diagram
from ..event_handlers import Updates, handler
from ..family_docs import families_html
from ..page_context import PageContext
from ..python_code import python_code
from ..studio import Stop
from ..widgets import json_object, recipe_from, widget

_FILE = re.compile(r"[\w.-]{1,120}")


def build(page: PageContext) -> None:
    """The tab's components and their events."""
    picture = gr.HTML(elem_id="dgm-learn-model")
    status = gr.HTML()
    code = widget("learn", {})
    families = gr.HTML(elem_id="dgm-learn-families")

    @handler(status)
    def explain(stop: Stop, payload: Any) -> Iterator[Updates]:
        yield {code: code_of(payload), status: ""}

    code.input(explain, code, [code, status], queue=False, show_progress="hidden")

    @on_model_change(page, [picture, families])
    def adapt(model: AudioGenerator) -> Updates:
        return {picture: diagram(model), families: families_html(model.family)}


def code_of(payload: Any) -> dict[str, Any]:
    """Python code and command that make a sound again: the value of the widget "learn".

    Args:
        payload: from the page: the sound's "recipe", and the name "file" of its download.

    Raises:
        InputError: if the page sent anything else.
    """
    request = json_object(payload)
    text, file = request.get("recipe"), request.get("file")
    if not text:
        return {}
    name = file if isinstance(file, str) and _FILE.fullmatch(file) else "sound"
    recipe = recipe_from(text)
    lines, beside = python_code(recipe, f"{name}.wav"), files_beside(recipe)
    notes = []
    if beside:
        notes.append(
            f"Both need {', '.join(beside)} in the same folder; download it from the dock."
        )
    if not _known_everywhere(recipe.model):
        notes.append(
            f"{recipe.model!r:.60} is your own model: write its folder in place of its name, "
            "and append --model FOLDER to the recall command."
        )
    command = f"dgm-audio recall {name}.wav"
    return {"recipe": text, "lines": lines, "command": command, "note": " ".join(notes)}


def _known_everywhere(name: str) -> bool:
    """Whether a model's name is enough to load it."""
    return name.startswith("hf:") or name in {info.name for info in list_models()}
