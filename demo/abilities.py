"""Which tab a model cannot serve, and why, in words; empty if it can."""

from __future__ import annotations

from dgm_audio.capabilities import RunsLive
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.resynthesis import check_vocoder
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


def what_morph_means(model: AudioGenerator) -> str:
    """What lies between two sounds, where that is not a blend of them."""
    hop = model.latent.hop
    if hop is None:
        return ""
    if hop == 1:
        return (
            f"The latents of {_name(model)} are white noise, one number per sample. Between two "
            "white noises lies another white noise: the pad plays related sounds, not a blend."
        )
    return (
        f"{_name(model)} has a latent for every {hop} samples. They are mixed moment by moment, so "
        "the events of both sounds meet; nothing moves in time."
    )


def why_no_transform(model: AudioGenerator) -> str:
    """Whether it takes recordings: it finds their latents, or goes by what it asks of them."""
    return "" if is_vocoder(model) else why_no_encoding(model)


def why_no_directions(model: AudioGenerator) -> str:
    """Whether it has latent directions that change what one hears."""
    if is_vocoder(model):
        return (
            f"{_name(model)} follows the recording frame by frame; its own noise decides next to "
            "nothing, so there are no directions to move it along."
        )
    if model.latent.hop is None or isinstance(model, RunsLive):
        return ""
    each = "sample" if model.latent.hop == 1 else f"{model.latent.hop} samples"
    return (
        f"The latent of {_name(model)} is white noise, new for every {each}: no direction in it "
        "changes what one hears."
    )


def is_vocoder(model: AudioGenerator) -> bool:
    """Whether it resynthesises recordings."""
    try:
        check_vocoder(model)
    except InputError:
        return False
    return True
