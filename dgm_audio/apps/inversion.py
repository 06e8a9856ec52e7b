"""From a recording to the latents of a model, and how far the model's version of it is off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.render import item_conditions
from dgm_audio.errors import InputError
from dgm_audio.evaluation.reconstruction import levels
from dgm_audio.generator import AudioGenerator, Encoder, HasLogProb
from dgm_audio.io import probe, read_audio, shown
from dgm_audio.specs import Classes

PEAK = 0.95
"""What peak normalisation brings the largest sample to, as in training."""

_QUIET = 0.25


def encoder_of(model: AudioGenerator) -> Encoder:
    """The model as one that finds latents.

    Raises:
        InputError: if it has no encoder.
    """
    if not isinstance(model, Encoder):
        raise InputError(f"models of the family {model.family!r} have no encoder for audio files")
    return model


def read_for(
    model: AudioGenerator, path: Path, *, peak: bool = False
) -> tuple[Tensor, tuple[str, ...]]:
    """A file as the model takes it, and in words what was done to it.

    It is brought to the model's rate and channels, cut to the longest clip, and kept in [-1, 1].

    Args:
        model: with an encoder.
        path: of the file.
        peak: bring the largest sample to 0.95.

    Returns:
        Audio (1, C, T) and one note per change.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    spec, info, notes = model.audio, probe(path), []
    x, _ = read_audio(path, sample_rate=spec.sample_rate, channels=spec.channels)
    if info.sample_rate != spec.sample_rate:
        notes.append(f"resampled from {info.sample_rate} to {spec.sample_rate} Hz")
    if info.channels != spec.channels:
        notes.append(f"brought from {info.channels} to {spec.channels} channel(s)")
    if spec.max_length is not None and x.shape[1] > spec.max_length:
        longest = spec.max_length / spec.sample_rate
        notes.append(f"cut from {info.seconds:.3f} s to the model's longest clip, {longest:.3f} s")
        x = x[:, : spec.max_length]
    loudest = float(x.abs().max())
    if peak and loudest > 0:
        notes.append(f"brought from a peak of {loudest:.3g} to {PEAK}")
        x = x * (PEAK / loudest)
    elif loudest > 1:
        notes.append(f"lowered from a peak of {loudest:.3g} to 1")
        x = x / loudest
    elif loudest < _QUIET:
        notes.append(f"quiet, with a peak of {loudest:.3g}; --normalize peak may come closer")
    return x[None], tuple(f"{shown(path)}: {text}" for text in notes)


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


def closest_condition(
    model: AudioGenerator, clips: Sequence[Tensor], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The full condition for sounds (1, C, T); classes that are not given are tried out.

    Of all combinations of classes the one is taken under which the sounds are likeliest, or, for a
    model without a likelihood, whose reconstructions are off the least in sum.

    Raises:
        InputError: if a given value is not allowed.
    """
    choices = class_choices(model, given)
    if len(choices) == 1:
        return choices[0]
    cost = _surprise if isinstance(model, HasLogProb) else _error
    return min(choices, key=lambda choice: sum(cost(model, clip, choice) for clip in clips))


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
