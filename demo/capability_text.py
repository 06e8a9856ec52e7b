"""Why a tab is unavailable for a model, in words for the page.

The `why_no_...` functions return the reason, or an empty text if the model has the capability.
"""

from __future__ import annotations

from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.resynthesis import check_vocoder
from dgm_audio.specs import Frames, Mixture, Scalar, Text


def why_no_sample(model: AudioGenerator) -> str:
    """Why the model cannot draw sounds from noise alone."""
    needed = [key for key, spec in model.condition if isinstance(spec, Frames)]
    if not needed:
        return ""
    return (
        f"{_name(model)} makes sounds from a given {needed[0]} and cannot sample without one. "
        "Give it a recording under Transform."
    )


def why_no_map(model: AudioGenerator) -> str:
    """Why the model has no map: it needs one code per clip."""
    if why_no_sample(model):
        return why_no_sample(model)
    hop = model.latent.hop
    if hop is None:
        return ""
    each = "sample" if hop == 1 else f"{hop} samples"
    return (
        f"{_name(model)} has one latent per {each}, so that a clip is no single point of a map. "
        "Choose a model with one code per clip."
    )


def why_no_encoding(model: AudioGenerator) -> str:
    """Why the model cannot encode recordings."""
    if isinstance(model, Encoder) and not why_no_sample(model):
        return ""
    return f"{_name(model)} cannot encode recordings."


def pitch_spec(model: AudioGenerator) -> Scalar | None:
    """The pitch condition (a MIDI number); None if the model has none."""
    found = model.condition.fields.get("pitch")
    return found if isinstance(found, Scalar) else None


def _name(model: AudioGenerator) -> str:
    return model.name or "This model"


def morph_note(model: AudioGenerator) -> str:
    """How a morph sounds, where it is not a plain blend of the two sounds; else empty."""
    hop = model.latent.hop
    if hop is None:
        return ""
    if says_text(model):
        return (
            "All corners say the same text, at the pace of the slowest. If each keeps its own "
            "voice, the voices glide into each other."
        )
    if hop == 1:
        return (
            f"The latents of {_name(model)} are white noise, one number per sample. "
            "Interpolation gives other white noise: the pad plays related sounds, not a blend."
        )
    return (
        f"{_name(model)} has one latent per {hop} samples. They are mixed frame by frame: the "
        "events of both sounds overlap, and none is shifted in time."
    )


def why_no_transform(model: AudioGenerator) -> str:
    """Why the model takes no recordings: it neither encodes nor resynthesises them."""
    return "" if is_vocoder(model) else why_no_encoding(model)


def why_no_directions(model: AudioGenerator) -> str:
    """Why the model has no latent directions with an audible effect."""
    if is_vocoder(model):
        return (
            f"{_name(model)} follows the recording frame by frame; its noise has almost no "
            "audible effect, so there are no directions to move it along."
        )
    if model.latent.hop is None or isinstance(model, RunsLive):
        return ""
    each = "sample" if model.latent.hop == 1 else f"{model.latent.hop} samples"
    return (
        f"The latent of {_name(model)} is white noise, independent for every {each}: no direction "
        "in it has an audible effect."
    )


def says_text(model: AudioGenerator) -> bool:
    """Whether a text is among the conditions: a sound is as long as its text takes."""
    return any(isinstance(spec, Text) for _, spec in model.condition)


def own_conditions(model: AudioGenerator) -> list[str]:
    """The conditions that each corner of a morph may have for itself."""
    if says_text(model):
        return [key for key, spec in model.condition if isinstance(spec, Mixture)]
    return [key for key, _ in model.condition]


def is_vocoder(model: AudioGenerator) -> bool:
    """Whether the model is a vocoder: it resynthesises recordings."""
    try:
        check_vocoder(model)
    except InputError:
        return False
    return True
