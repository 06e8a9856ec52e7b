"""From a recording to the latents of a model, and how far the model's version of it is off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.classes import class_shares
from dgm_audio.apps.render import item_conditions
from dgm_audio.errors import InputError
from dgm_audio.evaluation.reconstruction import levels
from dgm_audio.generator import AudioGenerator, Encoder, HasLogProb
from dgm_audio.signal.pitch import note_pitch
from dgm_audio.specs import Classes, Scalar, Text


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

    A class whose default follows another does so.

    Raises:
        InputError: if a given value is not allowed, or a field has no default.
    """
    assumed = item_conditions(model, given, 1)[0]
    open_fields = {
        key: spec.names
        for key, spec in model.condition
        if isinstance(spec, Classes) and key not in given and not spec.follows
    }
    if not open_fields:
        return [assumed]
    return [
        item_conditions(model, {**given, **dict(zip(open_fields, names, strict=True))}, 1)[0]
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


def likely_conditions(
    model: AudioGenerator,
    clip: Tensor,
    given: Mapping[str, Any],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[tuple[dict[str, Any], float]]:
    """The full conditions that a sound (1, C, T) may have, the likeliest first, with probabilities.

    Classes that are not given are told by the likelihood or, for a model without one, as
    `dgm_audio.apps.classes` says; a pitch that is not given is listened for. `progress` is told how
    much of how much was done; it may stop by raising.

    Raises:
        InputError: if a given value is not allowed, or what is said is not given.
    """
    for key, spec in model.condition:
        if isinstance(spec, Text) and given.get(key) is None:
            raise InputError(f"the condition {key!r} is not given: what is said in the recording")
    class_choices(model, given)  # wrong values before slow work
    choices = class_choices(model, dict(given) | heard_pitch(model, clip, given))
    if len(choices) == 1:
        return [(choices[0], 1.0)]
    if isinstance(model, HasLogProb):
        nats = []
        for done, choice in enumerate(choices):
            progress(done, len(choices))
            with torch.no_grad():
                nats.append(float(model.log_prob(clip, choice)))
        shares = torch.tensor(nats, dtype=torch.float64).softmax(0).tolist()
    else:
        shares = class_shares(model, clip, choices, progress)
    found = zip(choices, shares, strict=True)
    return sorted(found, key=lambda item: -item[1])


def closest_condition(
    model: AudioGenerator,
    clip: Tensor,
    given: Mapping[str, Any],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The first of `likely_conditions`.

    Raises:
        InputError: if a given value is not allowed.
    """
    return likely_conditions(model, clip, given, progress)[0][0]


def encode(model: AudioGenerator, clip: Tensor, condition: Mapping[str, Any]) -> Tensor:
    """Latents (1, D, L) of one sound (1, C, T).

    Raises:
        InputError: if the model has no encoder.
    """
    with torch.no_grad():
        return encoder_of(model).encode(clip, condition)
