"""From a recording to the latents of a model, and how far the model's version of it is off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.render import item_conditions
from dgm_audio.errors import InputError
from dgm_audio.evaluation.reconstruction import levels
from dgm_audio.generator import AudioGenerator, Encoder, HasLogProb
from dgm_audio.signal.pitch import note_pitch
from dgm_audio.specs import Classes, Scalar


def encoder_of(model: AudioGenerator) -> Encoder:
    """The model as one that finds latents.

    Raises:
        InputError: if it has no encoder.
    """
    if not isinstance(model, Encoder):
        raise InputError(f"models of the family {model.family!r} have no encoder for audio files")
    return model


def fit_length(x: Tensor, length: int) -> Tensor:
    """Audio (1, C, T) cut, or filled up with silence, to `length` samples."""
    return F.pad(x[..., :length], (0, max(0, length - x.shape[-1])))


def error_db(x: Tensor, y: Tensor, sample_rate: int) -> float:
    """Mean absolute difference of the log-mel levels of two sounds (1, C, T), in dB.

    As in `dgm_audio.evaluation.reconstruction`, where the levels are defined.
    """
    return float((levels(x, sample_rate) - levels(y, sample_rate)).abs().mean())


def class_choices(model: AudioGenerator, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The full conditions of one sound: all combinations of the classes that are not given.

    Raises:
        InputError: if a given value is not allowed, or a field has no default.
    """
    assumed = item_conditions(model, given, 1)[0]
    open_fields = {
        key: spec.names
        for key, spec in model.condition
        if isinstance(spec, Classes) and key not in given
    }
    return [
        assumed | dict(zip(open_fields, names, strict=True))
        for names in product(*open_fields.values())
    ]


def heard_pitch(model: AudioGenerator, clip: Tensor, given: Mapping[str, Any]) -> dict[str, float]:
    """The condition "pitch" as a sound (1, C, T) has it, to a tenth of a semitone.

    Empty if the model has no such condition, it is given, or there is no pitch to be heard.
    """
    spec = model.condition.fields.get("pitch")
    if not isinstance(spec, Scalar) or "pitch" in given:
        return {}
    found = note_pitch(clip[0].mean(0), model.audio.sample_rate, spec.low, spec.high)
    return {} if found is None else {"pitch": round(found, 1)}


def closest_condition(
    model: AudioGenerator,
    clips: Sequence[Tensor],
    given: Mapping[str, Any],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The full condition for sounds (1, C, T); what is not given is found out.

    Of all combinations of classes the one is taken under which the sounds are likeliest, or, for a
    model without a likelihood, whose reconstructions are off the least in sum; each sound at its
    own pitch. The pitch of the condition is that of the first one. `progress` is told how many of
    the combinations were tried, before each; it may stop by raising.

    Raises:
        InputError: if a given value is not allowed.
    """
    class_choices(model, given)  # wrong values before slow work
    pitches = [heard_pitch(model, clip, given) for clip in clips]
    choices = class_choices(model, dict(given) | (pitches[0] if pitches else {}))
    if len(choices) == 1:
        return choices[0]
    cost = _surprise if isinstance(model, HasLogProb) else _error
    costs = []
    for done, choice in enumerate(choices):
        progress(done, len(choices))
        pairs = zip(clips, pitches, strict=True)
        costs.append(sum(cost(model, clip, choice | own) for clip, own in pairs))
    return choices[costs.index(min(costs))]


def encode(model: AudioGenerator, clip: Tensor, condition: Mapping[str, Any]) -> Tensor:
    """Latents (1, D, L) of one sound (1, C, T).

    Raises:
        InputError: if the model has no encoder.
    """
    with torch.no_grad():
        return encoder_of(model).encode(clip, condition)


def _surprise(model: AudioGenerator, clip: Tensor, condition: Mapping[str, Any]) -> float:
    assert isinstance(model, HasLogProb)
    with torch.no_grad():
        return -float(model.log_prob(clip, condition))


def _error(model: AudioGenerator, clip: Tensor, condition: Mapping[str, Any]) -> float:
    with torch.no_grad():
        z = encode(model, clip, condition)
        made = model.decode(z, condition, length=clip.shape[-1]).cpu()
    return error_db(clip, made, model.audio.sample_rate)
