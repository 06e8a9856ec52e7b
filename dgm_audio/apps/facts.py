"""All that is known of a model, as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgm_audio.capabilities import RunsLive
    from dgm_audio.generator import AudioGenerator
    from dgm_audio.specs import Field


def describe(model: AudioGenerator) -> dict[str, Any]:
    """All facts of a model that was loaded, as JSON values."""
    from dgm_audio.capabilities import RunsLive
    from dgm_audio.generator import Encoder, HasElbo, HasLogProb, Streams
    from dgm_audio.model_folder import read_header

    header = read_header(model.card_path.parent) if model.card_path else {}
    audio, latent = model.audio, model.latent
    return {
        "name": model.name,
        "family": model.family,
        "about": " ".join((type(model).__doc__ or "").split("\n\n")[0].split()),
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "seconds": audio.seconds,
        "max_seconds": audio.max_length and audio.max_length / audio.sample_rate,
        "latent": {"channels": latent.channels, "hop": latent.hop},
        "conditions": {key: _field(spec) for key, spec in model.condition},
        "encode": isinstance(model, Encoder),
        "log_prob": isinstance(model, HasLogProb),
        "elbo": isinstance(model, HasElbo),
        "stream": isinstance(model, Streams),
        "live": _live(model) if isinstance(model, RunsLive) else None,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "weights": model.weights_hash,
        "card": str(model.card_path) if model.card_path else None,
        "data": header.get("data"),
        "training": header.get("recipe"),
        "metrics": header.get("metrics"),
    }


def _live(model: RunsLive) -> dict[str, Any]:
    """How late a stream is, with the smallest blocks, and what its axes explain."""
    stream = model.stream()
    spread = model.spread.double().square()
    explained = (spread.cumsum(0) / spread.sum()).tolist()
    return {
        "latency_ms": round(stream.latency_ms(stream.hop), 1),
        "informative_axes": model.informative,
        "explained": [round(share, 4) for share in explained],
    }


def _field(spec: Field) -> dict[str, Any]:
    from dgm_audio.specs import Classes, Mixture, Scalar, Text

    if isinstance(spec, Text):
        return {"text": True, "languages": list(spec.languages), "examples": list(spec.examples)}
    if isinstance(spec, Mixture):
        return {"classes": list(spec.names), "mixture": True}
    if isinstance(spec, Classes):
        return {"classes": list(spec.names)}
    if isinstance(spec, Scalar):
        return {
            "low": spec.low,
            "high": spec.high,
            "unit": spec.unit,
            "default": spec.default_value,
        }
    return {"frames": spec.channels, "hop": spec.hop}
