"""Compare: one seed through several models."""

from __future__ import annotations

import html
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from dgm_audio.apps.file_names import label
from dgm_audio.apps.render import item_conditions, usual_length
from dgm_audio.generator import MAX_SEED, AudioGenerator, check_integer
from dgm_audio.model_folder import read_header
from dgm_audio.shipped import list_models
from dgm_audio.specs import Classes, ConditionSpec, Scalar, Text

from ..background import Report, in_background
from ..capability_text import why_no_sample
from ..controls import SEED_RANGE, on_model_change, seed_row, stop_button
from ..event_handlers import Updates, handler, status_line
from ..page_context import PageContext
from ..sound_cache import Sound
from ..studio import Stop, Studio
from ..widgets import given_conditions, widget

MAX_PRESELECTED = 4
"""Models ticked at first, at most."""

COLUMNS = ("Model", "Sound", "Length", "Rate", "Latent", "Time taken", "Speed", "Loudness")


def build(page: PageContext) -> None:
    """The tab's controls and their events."""
    studio = page.studio
    names = gr.CheckboxGroup(studio.names, label="Models", elem_id="dgm-compare-models")
    with gr.Row(elem_classes="dgm-row"):
        seed, keep_seed = seed_row()
    with gr.Row(elem_classes="dgm-row"):
        go = gr.Button("Compare", variant="primary", elem_classes="dgm-go")
        stop_here = gr.Button("Stop", variant="stop", scale=0, min_width=90)
    status = gr.HTML()
    sounds = widget("sounds", [], elem_classes="dgm-compare")
    table = gr.HTML()

    @handler(status)
    def compare(
        stop: Stop, chosen: list[str], controls: Any, number: Any, locked: bool
    ) -> Iterator[Updates]:
        drawn = number if locked else secrets.randbelow(SEED_RANGE)
        drawn = check_integer("seed", drawn, 0, MAX_SEED)
        yield {seed: drawn, sounds: [], table: ""}
        specs: dict[str, ConditionSpec] = {}
        rows: list[str] = []
        for name in chosen or []:
            stop.check()
            yield {status: status_line(f"Loading {name}")}
            model = studio.model(name)
            if reason := why_no_sample(model):
                rows.append(_refusal(name, reason))
            else:
                specs[name] = model.condition
        conditions = shared_conditions(specs, given_conditions(controls))
        made: list[dict[str, Any]] = []
        for name, condition in conditions.items():
            yield {
                status: status_line(f"{name} is sampling: {len(made)} of {len(conditions)} done")
            }
            work = partial(_made, studio, name, condition, drawn, stop)
            sound, row = yield from in_background(work, stop, status)
            note = f"{name} · {_seconds(sound.took)} · {_speed(sound)}"
            made.append(sound.page_data() | {"note": note})
            rows.insert(len(made) - 1, row)
            update: Updates = {sounds: made, table: _table(rows)}
            yield update | ({page.dock: made[0]} if len(made) == 1 else {})
        yield {table: _table(rows) if rows else "", status: status_line(_done(len(made), drawn))}

    inputs = [names, page.controls, seed, keep_seed]
    event = go.click(
        compare,
        inputs,
        [seed, sounds, table, page.dock, status],
        concurrency_id="model",
        show_progress="minimal",
        show_progress_on=status,
    )
    stop_button(stop_here, status, [event])

    @on_model_change(page, [names])
    def adapt(model: AudioGenerator) -> Updates:
        return {names: models_of_same_data(studio, model)}


def models_of_same_data(studio: Studio, model: AudioGenerator) -> list[str]:
    """Models on the page that were trained on the same data, this one first."""
    if model.name not in studio.names or why_no_sample(model):
        return []
    found = [str(model.name)]
    if model.card_path is None:
        return found
    own = _data_ids(read_header(model.card_path.parent))
    for info in list_models():
        if info.name in studio.names and info.name != model.name:
            alike = _data_ids(read_header(info.path)) & own
            found += [info.name] if alike else []
    return found[:MAX_PRESELECTED]


def shared_conditions(
    specs: Mapping[str, ConditionSpec], given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The condition of each model's sound, with the same class if the models share one.

    Args:
        specs: of the models, by name.
        given: conditions chosen on the page; a model ignores those that it does not have.

    Returns:
        The condition by model name, without what follows from the rest. Without a choice, the class
        is the first one that all models with classes have, or else each model's own first one.
    """
    names = [_names(spec) for spec in specs.values()]
    with_classes = [one for one in names if one]
    common = [
        name for name in (with_classes or [[]])[0] if all(name in one for one in names if one)
    ]
    wanted = [value for value in given.values() if isinstance(value, str)] or common[:1]
    return {name: _condition(spec, given, wanted) for name, spec in specs.items()}


def _condition(
    spec: ConditionSpec, given: Mapping[str, Any], wanted: Sequence[str]
) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for key, one in spec:
        if isinstance(one, Classes):
            found = next((name for name in wanted if name in one.names), "")
            if found or not one.follows:
                own[key] = found or one.names[0]
        elif isinstance(one, Text) and given.get(key):
            own[key] = given[key]
        elif isinstance(one, Scalar):
            value = given.get(key)
            fits = isinstance(value, int | float) and one.low <= value <= one.high
            own[key] = float(value) if fits and value is not None else one.default_value
    return own


def _names(spec: ConditionSpec) -> list[str]:
    return [name for _, one in spec if isinstance(one, Classes) for name in one.names]


def _made(
    studio: Studio, name: str, condition: dict[str, Any], seed: int, stop: Stop, report: Report
) -> tuple[Sound, str]:
    """The sound of a model, and its row of the table."""
    model = studio.model(name)
    condition = item_conditions(model, condition, 1)[0]
    most = int(studio.max_seconds * model.audio.sample_rate)
    length = min(usual_length(model, condition), most)
    recipe = studio.recipe(
        name,
        "sample",
        seed=seed,
        index=0,
        temperature=1.0,
        length=length,
        condition=condition,
    )
    sound = studio.make(recipe, stop)
    hop = model.latent.hop
    latent = f"{model.latent.channels} x {model.latent.frames(length)}"
    loud = "silent" if sound.lufs is None else f"{sound.lufs:.1f} LUFS"
    cells = [
        name,
        label(condition) or "-",
        f"{sound.seconds:.2f} s",
        f"{sound.rate / 1000:g} kHz",
        latent if hop else f"{latent}, one code",
        _seconds(sound.took),
        _speed(sound),
        loud,
    ]
    return sound, _row(cells)


def _seconds(took: float) -> str:
    return f"{took:.2f} s" if took >= 0.1 else f"{1000 * took:.0f} ms"


def _speed(sound: Sound) -> str:
    speed = sound.seconds / max(sound.took, 1e-6)
    return f"{speed:.1f} x real time" if speed < 10 else f"{speed:.0f} x real time"


def _row(cells: Sequence[str]) -> str:
    head, *rest = (html.escape(cell) for cell in cells)
    return f"<tr><th scope='row'>{head}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>"


def _refusal(name: str, reason: str) -> str:
    text = f"<td colspan='{len(COLUMNS) - 1}'>{html.escape(reason)}</td>"
    return f"<tr><th scope='row'>{html.escape(name)}</th>{text}</tr>"


def _table(rows: Sequence[str]) -> str:
    head = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div class='dgm-table'><table>{body}</table></div>"


def _done(count: int, seed: int) -> str:
    if not count:
        return "Tick at least one model that can sample."
    return (
        f"{count} {'model' if count == 1 else 'models'}, one seed: {seed}. Click a card to play it."
    )


def _data_ids(header: Mapping[str, Any]) -> set[str]:
    """Names and hashes of a model's training data."""
    data = header.get("data") or {}
    return {str(data[key]) for key in ("dataset", "manifest_sha256") if data.get(key)}
