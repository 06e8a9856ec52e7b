"""Components that Gradio lacks: HTML with a script of their own in static/.

The `value` of a widget travels both ways as JSON. Input from the page is untrusted: it is read
field by field and validated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from dgm_audio.errors import InputError
from dgm_audio.provenance import Provenance
from dgm_audio.specs import Classes, ConditionSpec, Scalar, Text

STATIC = Path(__file__).parent / "static"
MAX_JSON = 64 * 1024
"""Largest JSON value that a widget accepts from the page, in bytes."""


def widget(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """HTML whose script is `dgm.<name>(element, props, trigger, watch)` in static/<name>.js.

    No subclass of `gr.HTML`: for each one Gradio would write a stub file beside its module.
    """
    return gr.HTML(
        value,
        html_template=f'<div class="dgm-{name}"></div>',
        js_on_load=f"dgm.{name}(element, props, trigger, watch); /* 'input' 'release' 'change' */",
        apply_default_css=False,
        **options,
    )


def json_object(payload: Any) -> dict[str, Any]:
    """The value of a widget as a JSON object; None gives an empty one.

    Raises:
        InputError: if it is no JSON object, or larger than `MAX_JSON`.
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


def given_conditions(payload: Any) -> dict[str, Any]:
    """The conditions chosen in the widget "controls", unchecked by the model's `ConditionSpec`.

    Raises:
        InputError: if the page sent anything else.
    """
    given = json_object(payload).get("given") or {}
    if not isinstance(given, dict) or len(given) > 32:
        raise InputError("the conditions must be an object of at most 32 names")
    return {str(key): value for key, value in given.items() if value not in (None, "")}


def condition_fields(spec: ConditionSpec) -> list[dict[str, Any]]:
    """The conditions of a model that the page offers, for the widget "controls"."""
    fields: list[dict[str, Any]] = []
    for key, one in spec:
        if isinstance(one, Text):
            fields.append({"key": key, "text": one.examples[0]})
        elif isinstance(one, Classes):
            fields.append({"key": key, "names": list(one.names)})
        elif isinstance(one, Scalar):
            low, high = one.low, one.high
            fields.append(
                {"key": key, "low": low, "high": high, "unit": one.unit, "value": one.default_value}
            )
    return fields


def read_number(values: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A number that the page sent.

    Raises:
        InputError: if it is no number in [low, high].
    """
    value = values.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if low <= value <= high:  # also refuses NaN
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
    """All scripts of the page, for its head; engine.js first."""
    return "".join(f"<script>\n{text}\n</script>\n" for text in _static("js", "engine"))


def styles() -> str:
    """All style sheets of the page; page.css first."""
    return "\n".join(_static("css", "page"))


def _static(kind: str, first: str) -> list[str]:
    """The texts of the files of a kind in static/, `first` in front."""
    files = sorted(STATIC.glob(f"*.{kind}"), key=lambda path: (path.stem != first, path.stem))
    return [path.read_text("utf-8") for path in files]
