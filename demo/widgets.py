"""The parts of the page that Gradio does not have: HTML with a script of their own in static/.

What a widget holds, `value`, goes both ways as JSON. What comes back from the page is anybody's: it
is read field by field, and what is not allowed is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from dgm_audio.errors import InputError
from dgm_audio.provenance import Provenance
from dgm_audio.specs import Classes, ConditionSpec, Scalar

STATIC = Path(__file__).parent / "static"
MAX_JSON = 64 * 1024
"""Bytes of JSON that a widget takes back from the page."""


def widget(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """HTML whose script is `dgm.<name>(element, props, trigger, watch)` in static/<name>.js.

    No subclass of `gr.HTML`: Gradio writes a stub file beside the module of each.
    """
    return gr.HTML(
        value,
        html_template=f'<div class="dgm-{name}"></div>',
        js_on_load=f"dgm.{name}(element, props, trigger, watch); /* 'input' 'release' 'change' */",
        apply_default_css=False,
        **options,
    )


def plain(payload: Any) -> dict[str, Any]:
    """What the page sent for a widget, if it is a JSON object of a size that the page sends.

    Raises:
        InputError: if it is not.
    """
    if payload is None:
        return {}
    try:
        size = len(json.dumps(payload, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise InputError("the page sent something that is no JSON") from None
    if not isinstance(payload, dict) or size > MAX_JSON:
        found = f"{type(payload).__name__} of {size} bytes"
        raise InputError(f"the page sent a {found}; expected an object of at most {MAX_JSON}")
    return payload


def given_of(payload: Any) -> dict[str, Any]:
    """The conditions that were chosen, of the widget "controls", for the model's `ConditionSpec`.

    Raises:
        InputError: if the page sent something else.
    """
    given = plain(payload).get("given") or {}
    if not isinstance(given, dict) or len(given) > 32:
        raise InputError("the conditions must be an object of at most 32 names")
    return {str(key): value for key, value in given.items() if value not in (None, "")}


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
    if isinstance(value, int | float) and not isinstance(value, bool):
        if low <= value <= high:  # of NaN, too, this is false
            return float(value)
    raise InputError(f"{key} is {value!r:.40}; it must be a number from {low:g} to {high:g}")


def recipe_from(text: Any) -> Provenance:
    """A recipe that the page sent.

    Raises:
        InputError: if it is none.
    """
    if not isinstance(text, str):
        raise InputError(f"a recipe is a text, not {type(text).__name__}")
    return Provenance.from_json(text)


def scripts() -> str:
    """All scripts of the page, for its head; the engine first."""
    return "".join(f"<script>\n{text}\n</script>\n" for text in _static("js", "engine"))


def styles() -> str:
    """The page's style sheets; the common one first."""
    return "\n".join(_static("css", "page"))


def _static(kind: str, first: str) -> list[str]:
    """The files of a kind in static/, one of them first."""
    files = sorted(STATIC.glob(f"*.{kind}"), key=lambda path: (path.stem != first, path.stem))
    return [path.read_text("utf-8") for path in files]
