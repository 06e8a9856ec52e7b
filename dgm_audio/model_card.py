"""Model cards: a README.md whose YAML front matter the Hugging Face Hub understands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgm_audio.generator import AudioGenerator


def model_card(
    name: str, model: AudioGenerator, header: Mapping[str, Any], text: str | None = None
) -> str:
    """The card of a model: front matter, description, use, and where it comes from.

    Args:
        name: of the model; the title.
        model: the generator.
        header: content of `config.json`; `data["license"]` is the Hub's identifier of the licence
            (or a list of them), such as "cc0-1.0"; without it the card says "unknown".
        text: the description, Markdown; by default the first paragraph of the family's docstring.
            A text that starts with front matter of its own is the whole card, verbatim.
    """
    if text is not None and text.startswith("---\n"):
        return text
    parts = [
        _front_matter(model.family, (header["data"] or {}).get("license", "unknown")),
        f"# {name}",
        (text or _first_paragraph(type(model).__doc__ or "")).strip(),
        _use(name, model),
        _table("Data", header["data"]),
        _table("Training", header["recipe"]),
        _metrics(header["metrics"]),
        _table("Versions", header["versions"]),
        f"Weights: {header['dtype']}, sha256 `{header['weights_sha256']}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def card_summary(path: Path) -> str:
    """The first paragraph of a card below its title, as one line; empty if there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    blocks = [block.strip() for block in text.split("\n\n")]
    return next((" ".join(b.split()) for b in blocks if b and not b.startswith("#")), "")


def _front_matter(family: str, licence: Any) -> str:
    """YAML; every JSON value is YAML, so strings are quoted as JSON quotes them."""
    values = {
        "license": licence,
        "library_name": "dgm_audio",
        "tags": ["audio", "audio-generation", "dgm_audio", family],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["---", *lines, "---"])


def _first_paragraph(docstring: str) -> str:
    return " ".join(docstring.strip().split("\n\n")[0].split())


def _use(name: str, model: AudioGenerator) -> str:
    from dgm_audio.specs import Text

    audio, latent = model.audio, model.latent
    latents = "1" if latent.hop is None else f"L = ceil(T / {latent.hop})"
    conditions = ", ".join(f"`{key}`" for key, _ in model.condition) or "none"
    speaks = any(isinstance(spec, Text) for _, spec in model.condition)
    usual = "as long as the text takes" if speaks else f"{audio.seconds:.3f} s"
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return "\n".join(
        [
            "## Use",
            "",
            "```python",
            "import dgm_audio",
            "",
            f'model = dgm_audio.load("{name}")  # or the path of this folder',
            "x = model.sample(8, seed=0)  # (B, C, T) in [-1, 1]",
            "```",
            "",
            f"Family `{model.family}`, {parameters:,} parameters; {audio.sample_rate} Hz, "
            f"{audio.channels} channel(s), {usual}; "
            f"latents (B, {latent.channels}, {latents}); conditions: {conditions}.",
        ]
    )


def _table(title: str, values: Mapping[str, Any] | None) -> str:
    if not values:
        return f"## {title}\n\nNot recorded."
    rows = [f"| {_cell(key)} | {_cell(value)} |" for key, value in values.items()]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *rows])


def _metrics(metrics: Mapping[str, Any] | None) -> str:
    """Values with their intervals, which an evaluation keeps under the key "ci".

    Tables of values (by class, counts) are in `config.json` only.
    """
    if not metrics:
        return "## Metrics\n\nNot measured."
    intervals = metrics.get("ci", {})
    shown = {
        key: f"{_cell(value)} [{', '.join(_cell(end) for end in intervals[key])}]"
        if key in intervals
        else value
        for key, value in metrics.items()
        if not isinstance(value, Mapping)
    }
    return _table("Metrics", shown)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.replace("|", "\\|").split())
