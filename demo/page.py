"""The page: top bar, conditions, tabs, dock."""

from __future__ import annotations

import html
from collections.abc import Iterator

import gradio as gr

from dgm_audio.apps.facts import describe
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.provenance import Provenance

from .background import make_in_background
from .event_handlers import Updates, handler, status_line
from .page_context import PageContext
from .studio import Stop, Studio
from .tabs import TABS
from .widgets import condition_fields, widget

TITLE = "dgm_audio"
_HEAD = (
    f"<h1>{TITLE}</h1>"
    '<button id="dgm-help" class="dgm-button" type="button" aria-label="Keys">?</button>'
)


def build(studio: Studio) -> gr.Blocks:
    """Build the whole page."""
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(600, 3600), fill_width=True
    ) as blocks:
        with gr.Row(elem_id="dgm-top"):
            gr.HTML(_HEAD, elem_id="dgm-title")
            model = gr.Dropdown(
                studio.names,
                value=studio.names[0] if studio.names else None,
                label="Model",
                container=False,
                elem_id="dgm-model",
                scale=0,
                min_width=220,
            )
            facts = gr.HTML(elem_id="dgm-facts")
        controls = widget("controls", {"fields": [], "given": {}}, elem_id="dgm-controls")
        status = gr.HTML(elem_id="dgm-status")
        dock = widget("dock", elem_id="dgm-dock", render=False)
        page = PageContext(studio, model, controls, dock)
        with gr.Tabs(elem_id="dgm-tabs"):
            for name, tab in TABS.items():
                with gr.Tab(name, id=name.lower(), elem_id=f"dgm-tab-{name.lower()}"):
                    tab(page)
        dock.render()
        _wire(blocks, page, facts, status)
    return blocks


def _wire(blocks: gr.Blocks, page: PageContext, facts: gr.HTML, status: gr.HTML) -> None:
    """Wire the events of loading the page and of picking a model."""
    outputs = [page.model, facts, page.controls, page.dock, status]
    for _, updated in page.on_model:
        outputs += [one for one in updated if one not in outputs]

    def shown(model: AudioGenerator) -> Updates:
        fields = {"fields": condition_fields(model.condition), "given": {}}
        updates: Updates = {facts: facts_html(model), page.controls: fields}
        for adapt, _ in page.on_model:
            updates |= adapt(model)
        return updates

    @handler(status)
    def pick(stop: Stop, name: str) -> Iterator[Updates]:
        yield {status: status_line(f"Loading {name} ...")}
        yield shown(page.studio.model(name)) | {status: ""}

    @handler(status)
    def arrive(stop: Stop, link: str) -> Iterator[Updates]:
        if not page.studio.names:
            raise InputError("no models come with this installation; name one: dgm-audio demo PATH")
        yield shown(page.studio.model(page.studio.names[0]))  # whatever the link is
        if not link:
            return
        recipe = Provenance.from_json(link)
        if recipe.parameters.get("recording"):
            raise InputError("links hold no recordings")
        yield shown(page.studio.model(recipe.model)) | {page.model: recipe.model}
        sound = yield from make_in_background(page.studio, recipe, stop, status)
        yield {page.dock: sound.page_data(), status: status_line("This is the sound of the link.")}

    page.model.select(
        pick,
        page.model,
        outputs,
        trigger_mode="always_last",
        concurrency_id="model",
        show_progress="hidden",
    )
    link = gr.Textbox(visible=False)
    blocks.load(
        arrive, link, outputs, concurrency_id="model", show_progress="hidden", js=_READ_LINK
    )


_READ_LINK = """() => dgm.link()"""


def facts_html(model: AudioGenerator) -> str:
    """The family badge, and one line from the model card."""
    known = describe(model)
    data = known["data"] or {}
    licences = data.get("license", "unknown")
    licence = licences if isinstance(licences, str) else ", ".join(licences)
    hop = known["latent"]["hop"]
    latent = f"{known['latent']['channels']} numbers per {f'{hop} samples' if hop else 'clip'}"
    if hop == 1:
        latent = "1 number per sample"
    longest = known["max_seconds"]
    seconds = f"up to {longest:.3g} s" if longest else "any length"
    channels = {1: "mono", 2: "stereo"}.get(known["channels"], f"{known['channels']} channels")
    parts = [
        f"data: {data.get('dataset', 'unknown')}",
        f"{known['sample_rate'] / 1000:g} kHz {channels}",
        seconds,
        f"latent: {latent}",
        f"licence of the data: {licence}",
        f"on {model.device.type}",
    ]
    line = " · ".join(html.escape(part) for part in parts)
    untrained = known["training"] is None and known["metrics"] is None
    warning = '<span class="dgm-untrained">never trained: it makes noise</span>'
    family, about = html.escape(model.family), html.escape(known["about"])
    badge = f'<span class="dgm-badge" title="{about}">{family}</span>'
    speed = '<span id="dgm-speed" class="dgm-known"></span>'  # filled by the dock's script
    return f"{badge}{warning if untrained else ''} <span class='dgm-known'>{line}</span>{speed}"
