"""`dgm-audio list` and `dgm-audio info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgm_audio.apps.facts import describe
from dgm_audio.cli.console import emit, note, table
from dgm_audio.cli.options import DEFAULT_MODEL, Json, Model, load


@dataclass(frozen=True, kw_only=True)
class List:
    """Name the models that come with the package.

    Example:
        dgm-audio list
        dgm-audio list --json
    """

    json: Json = False

    def run(self) -> None:
        """Print a line per model."""
        from dgm_audio.shipped import list_models

        models = list_models()
        if self.json:
            keys = ("name", "family", "license", "bytes", "summary")
            emit(
                [
                    {key: getattr(model, key) for key in keys} | {"path": str(model.path)}
                    for model in models
                ]
            )
            return
        if not models:
            note("no models come with this installation; train one with `dgm-audio train FOLDER`")
            return
        rows = [("NAME", "FAMILY", "SIZE", "LICENCE", "WHAT IT IS")]
        for model in models:
            size = f"{model.bytes / 2**20:.1f} MiB"
            rows.append((model.name, model.family, size, model.license, model.summary))
        print(table(rows))


@dataclass(frozen=True, kw_only=True)
class Info:
    """Show what a model makes, takes and can do, and how good it is.

    Example:
        dgm-audio info
        dgm-audio info drums-vae --json
        dgm-audio info drums-vae --verify

    Args:
        verify: decode once, and compare with what the model gave when it was saved.
    """

    model: Model = DEFAULT_MODEL
    json: Json = False
    verify: bool = False

    def run(self) -> None:
        """Print the facts."""
        model = load(self.model, "cpu")
        facts = describe(model)
        if self.verify:
            from dgm_audio.fingerprint import verify_fingerprint

            facts["fingerprint_difference"] = verify_fingerprint(model)
        if self.json:
            emit(facts)
            return
        print(table((f"{key}:" if key else "", text) for key, text in _texts(facts)))


def _texts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts in words."""
    longest = facts["max_seconds"]
    speaks = any("text" in field for field in facts["conditions"].values())
    usual = "as long as the text takes" if speaks else f"{facts['seconds']:.3f} s"
    audio = f"{facts['sample_rate']} Hz, {facts['channels']} channel(s), {usual}"
    limit = f" (at most {longest:.3f} s)" if longest else " (any length)"
    hop = facts["latent"]["hop"]
    latent = f"{facts['latent']['channels']} numbers per " + (f"{hop} samples" if hop else "clip")
    able = {
        "encode": "encode (audio to latents)",
        "log_prob": "log_prob (exact likelihood)",
        "elbo": "elbo (a lower bound of the likelihood)",
        "stream": "stream (long sounds block by block)",
    }
    can = ["sample", "interpolate", *(text for key, text in able.items() if facts[key])]
    live = facts["live"]
    if live:
        can.append(f"live (from sound to sound in {live['latency_ms']:g} ms)")
        latent += (
            f"; {live['informative_axes']} axes carry information, the first 8 explain "
            f"{live['explained'][:8][-1]:.0%} of the variance"
        )
    rows = [("name", facts["name"]), ("family", f"{facts['family']}: {facts['about']}")]
    rows += [("audio", audio + limit), ("latent", latent), ("can", ", ".join(can))]
    for key, field in facts["conditions"].items():
        rows.append(("condition", f"{key} = {_choices(field)}"))
    rows += [("size", f"{facts['parameters']:,} parameters"), ("weights", facts["weights"])]
    rows += [(key, _flat(facts[key])) for key in ("data", "training") if facts[key]]
    if facts["metrics"]:
        rows.append(("metrics", _metrics(facts["metrics"])))
        rows.append(("", f"dgm-audio evaluate {facts['name']} says what they mean for a listener"))
    if "fingerprint_difference" in facts:
        off = facts["fingerprint_difference"]
        rows.append(("fingerprint", f"as when it was saved, to {off:.1g} of the peak"))
    if facts["card"]:
        rows.append(("card", facts["card"]))
    return rows


def _metrics(metrics: dict[str, Any]) -> str:
    """The metrics that a report begins with, in words; all by their keys in another report."""
    from dgm_audio.evaluation.report_table import HEADLINE

    titles = []
    for key, title in HEADLINE:
        where = {"test clips": metrics.get(key), "unseen groups": metrics.get(key + "_unseen")}
        known = [f"{value:.2f} on {name}" for name, value in where.items() if value is not None]
        titles += [f"{title}: {', '.join(known)}"] if known else []
    return "; ".join(titles) or _flat(metrics)


def _choices(field: dict[str, Any]) -> str:
    if "text" in field:
        return f"what is to be said in {', '.join(field['languages'])}"
    if field.get("mixture"):
        return f"{', '.join(field['classes'])}, or a mixture such as NAME:1,NAME:2"
    if "classes" in field:
        return ", ".join(field["classes"])
    if "low" in field:
        low, high, default = field["low"], field["high"], field["default"]
        return f"{low:g} to {high:g} ({field['unit']}), by default {default:g}"
    return f"{field['frames']} numbers per {field['hop']} samples"


def _flat(values: dict[str, Any]) -> str:
    """Short values in one line; nested ones are in the card and in the JSON."""
    plain = {key: value for key, value in values.items() if isinstance(value, str | int | float)}
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in plain.items()
    )
