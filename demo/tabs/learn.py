"""Learn: what the families do, a picture of the model, and the code of the sound in the dock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from dgm_audio.apps.latents import files_beside
from dgm_audio.generator import AudioGenerator
from dgm_audio.shipped import list_models

from ..diagram import diagram
from ..handling import Updates, handler
from ..lessons import families_html
from ..parts import follows_model
from ..python_code import python_code
from ..studio import Stop
from ..widgets import plain, recipe_from, widget

if TYPE_CHECKING:
    from ..page import Page

_FILE = re.compile(r"[\w.-]{1,120}")


def build(page: Page) -> None:
    """The tab's parts, and what fills them."""
    picture = gr.HTML(elem_id="dgm-learn-model")
    status = gr.HTML()
    code = widget("learn", {})
    families = gr.HTML(elem_id="dgm-learn-families")

    @handler(status)
    def explain(stop: Stop, asked: Any) -> Iterator[Updates]:
        yield {code: lines_of(asked), status: ""}

    code.input(explain, code, [code, status], queue=False, show_progress="hidden")

    @follows_model(page, [picture, families])
    def adapt(model: AudioGenerator) -> Updates:
        return {picture: diagram(model), families: families_html(model.family)}


def lines_of(asked: Any) -> dict[str, Any]:
    """What makes a sound again, for the widget "learn".

    Args:
        asked: of the page; the sound's "recipe", and the "file" that it is saved as.

    Raises:
        InputError: if the page sent something else.
    """
    text, file = plain(asked).get("recipe"), plain(asked).get("file")
    if not text:
        return {}
    name = file if isinstance(file, str) and _FILE.fullmatch(file) else "sound"
    recipe = recipe_from(text)
    lines, beside = python_code(recipe, f"{name}.wav"), files_beside(recipe)
    notes = []
    if beside:
        notes.append(f"Both need {', '.join(beside)}, which the dock hands out, beside them.")
    if not _known_everywhere(recipe.model):
        notes.append(
            f"{recipe.model!r:.60} is a model of one's own: put its folder where its name stands, "
            "and --model FOLDER behind recall."
        )
    command = f"dgm-audio recall {name}.wav"
    return {"recipe": text, "lines": lines, "command": command, "note": " ".join(notes)}


def _known_everywhere(name: str) -> bool:
    """Whether a model's name is enough to load it."""
    return name.startswith("hf:") or name in {info.name for info in list_models()}
