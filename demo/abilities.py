"""Which tab a model cannot serve, and why, in words; empty if it can."""

from __future__ import annotations

from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.specs import Frames, Scalar


def why_no_sample(model: AudioGenerator) -> str:
    """Whether it makes sounds of noise alone."""
    needed = [key for key, spec in model.condition if isinstance(spec, Frames)]
    if not needed:
        return ""
    return (
        f"{_name(model)} makes the sound of a given {needed[0]}, so it draws none by itself. "
        "Give it a recording under Transform."
    )


def why_no_map(model: AudioGenerator) -> str:
    """Whether a point of a plane stands for a clip."""
    if why_no_sample(model):
        return why_no_sample(model)
    hop = model.latent.hop
    if hop is None:
        return ""
    each = "sample" if hop == 1 else f"{hop} samples"
    return (
        f"{_name(model)} has a latent for every {each}, so no point of a map stands for a clip. "
        "Models with one code per clip have a map."
    )


def why_no_encoding(model: AudioGenerator) -> str:
    """Whether it finds the latent of a recording."""
    if isinstance(model, Encoder) and not why_no_sample(model):
        return ""
    return f"{_name(model)} does not find latents of recordings."


def pitch_of(model: AudioGenerator) -> Scalar | None:
    """The condition by which it plays notes, in MIDI numbers."""
    found = model.condition.fields.get("pitch")
    return found if isinstance(found, Scalar) else None


def _name(model: AudioGenerator) -> str:
    return model.name or "This model"
