"""The parts of the page that Gradio does not have: HTML with a script of their own in static/.

What a widget holds, `value`, goes both ways as JSON. What comes back from the page is anybody's:
each widget reads it field by field and refuses what it does not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from dgm_audio.errors import InputError
from dgm_audio.recipe import Recipe
from dgm_audio.specs import Classes, ConditionSpec, Scalar

STATIC = Path(__file__).parent / "static"
MAX_JSON = 64 * 1024
"""Bytes of JSON that a widget takes back from the page."""

from gradio.events import Dependency

class Widget(gr.HTML):
    """HTML whose script is `dgm.<name>(element, props, trigger, watch)` in static/<name>.js."""

    name = ""

    def __init__(self, value: Any = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template=f'<div class="dgm-{self.name}"></div>',
            js_on_load=f"dgm.{self.name}(element, props, trigger, watch); "
            "/* 'input' 'release' 'change' */",
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Any) -> Any:
        """JSON as it is."""
        return value

    def preprocess(self, payload: Any) -> Any:
        """What the page sent, if it is of a size that the page sends."""
        try:
            size = len(json.dumps(payload, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            size = MAX_JSON + 1
        return self.read(payload) if size <= MAX_JSON else self.read(None)

    def read(self, payload: Any) -> Any:
        """The value of a payload that may be anything; wrong parts are left out."""
        return payload if isinstance(payload, dict) else {}

    def api_info(self) -> dict[str, Any]:
        """What a program may send."""
        return {"type": "object", "description": (type(self).__doc__ or "").split("\n")[0]}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Dock(Widget):
    """The player: the JSON of a sound (see `shelf.Sound.page`); nothing comes back."""

    name = "dock"
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Sounds(Widget):
    """Players side by side: a list of sounds; nothing comes back."""

    name = "sounds"
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Controls(Widget):
    """The conditions of a model: {"fields": [...], "given": {name: value}}.

    Only `given` comes back, as a mapping that the model's `ConditionSpec` reads.
    """

    name = "controls"

    def read(self, payload: Any) -> dict[str, Any]:
        """The conditions that were chosen."""
        given = payload.get("given") if isinstance(payload, dict) else None
        if not isinstance(given, dict) or len(given) > 32:
            return {}
        return {str(key): value for key, value in given.items() if value not in (None, "")}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

def fields_of(spec: ConditionSpec) -> list[dict[str, Any]]:
    """The conditions of a model that can be chosen on the page."""
    fields: list[dict[str, Any]] = []
    for key, one in spec:
        if isinstance(one, Classes):
            fields.append({"key": key, "names": list(one.names)})
        elif isinstance(one, Scalar):
            low, high = one.low, one.high
            fields.append(
                {"key": key, "low": low, "high": high, "unit": one.unit, "value": one.default_value}
            )
    return fields

def number(values: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A number that the page sent.

    Raises:
        InputError: if it is none, or outside [low, high].
    """
    value = values.get(key)
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fine or not low <= value <= high:
        raise InputError(f"{key} is {value!r:.40}; it must be a number from {low:g} to {high:g}")
    return float(value)

def recipe_from(text: Any) -> Recipe:
    """A recipe that the page sent.

    Raises:
        InputError: if it is none.
    """
    if not isinstance(text, str):
        raise InputError(f"a recipe is a text, not {type(text).__name__}")
    return Recipe.from_json(text)

def scripts() -> str:
    """All scripts of the page, for its head; the engine first."""
    files = sorted(STATIC.glob("*.js"), key=lambda path: (path.stem != "engine", path.stem))
    return "".join(f"<script>\n{path.read_text('utf-8')}\n</script>\n" for path in files)

def styles() -> str:
    """The page's style sheet."""
    return (STATIC / "page.css").read_text("utf-8")
