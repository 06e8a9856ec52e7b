"""What the tabs of the page share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from dgm_audio.generator import AudioGenerator

from .event_handlers import Updates
from .studio import Studio


@dataclass
class PageContext:
    """Components and services that the tabs share.

    Attributes:
        studio: models and sounds.
        model: the picker; its value is a name.
        controls: the conditions chosen on the page.
        dock: the player; a tab that has made a sound yields `{page.dock: sound.page_data()}`.
        on_model: functions called with each model that is picked, and the outputs they update.
    """

    studio: Studio
    model: gr.Dropdown
    controls: gr.HTML
    dock: gr.HTML
    on_model: list[tuple[Callable[[AudioGenerator], Updates], list[Any]]] = field(
        default_factory=list
    )
