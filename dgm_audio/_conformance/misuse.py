"""Check of every error case of the public methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from dgm_audio._conformance.subject import Subject, require
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import MAX_LATENT_NORM, Classes, Scalar, Text

Case = tuple[str, Callable[[], Any]]


def check_errors(subject: Subject) -> str:
    """Every wrong argument gives an InputError of one line, before anything is computed."""
    cases = [*_sample_cases(subject), *_decode_cases(subject), *_interpolate_cases(subject)]
    cases += [*_condition_cases(subject), *_audio_cases(subject)]
    for name, call in cases:
        try:
            call()
        except InputError as error:
            require("\n" not in str(error), f"{name}: the message has several lines")
        except Exception as error:
            require(False, f"{name}: {type(error).__name__} instead of InputError")
        else:
            require(False, f"{name}: accepted")
    return f"{len(cases)} cases"


def _sample_cases(subject: Subject) -> Iterator[Case]:
    model, condition = subject.model, subject.condition(1)
    wrong: dict[str, list[Any]] = {
        "batch": [0, -1, 1.5, True, 10**9],
        "seconds": [0, -1.0, 1e9, math.nan, math.inf, "1"],
        "seed": [-1, 2**64, 0.5, True],
        "temperature": [-1.0, math.nan, math.inf, "hot"],
    }
    for key, values in wrong.items():
        for value in values:
            arguments = {"condition": condition, "seed": 0, key: value}
            yield f"sample({key}={value!r})", partial(model.sample, **arguments)


def _decode_cases(subject: Subject) -> Iterator[Case]:
    model, condition = subject.model, subject.condition(1)
    z = subject.latents(1)
    wrong: dict[str, Any] = {
        "no tensor": z.tolist(),
        "two dimensions": z[0],
        "an empty batch": z[:0],
        "no frames": z[:, :, :0],
        "too many channels": torch.cat([z, z], dim=1),
        "integers": z.long(),
        "NaN": z * math.nan,
        "infinity": z * math.inf,
        "a huge norm": z / z.norm() * 2 * MAX_LATENT_NORM,
    }
    if model.latent.hop is None:
        wrong["two frames"] = torch.cat([z, z], dim=2)
    for name, value in wrong.items():
        yield f"decode of latents with {name}", partial(model.decode, value, condition)
    hop = model.latent.hop
    too_long = model.audio.max_length if hop is None else z.shape[2] * hop
    lengths: list[Any] = [0, -1, 1.5, True]
    for length in lengths if too_long is None else [*lengths, too_long + 1]:
        yield f"decode(length={length!r})", partial(model.decode, z, condition, length=length)


def _interpolate_cases(subject: Subject) -> Iterator[Case]:
    model, condition = subject.model, subject.condition(1)
    z = subject.latents(2)
    counts: list[Any] = [0, 1, -2, 2.5, True]
    for steps in counts:
        call = partial(model.interpolate, z[0], z[1], steps, condition)
        yield f"interpolate(steps={steps!r})", call
    ends: dict[str, Any] = {
        "of another shape": torch.cat([z[1], z[1]], dim=0),
        "in a batch of two": z,
        "as a list": z[1].tolist(),
        "with NaN": z[1] * math.nan,
    }
    for name, end in ends.items():
        yield f"interpolate to a latent {name}", partial(model.interpolate, z[0], end, 3, condition)


def _condition_cases(subject: Subject) -> Iterator[Case]:
    model, good, z = subject.model, subject.condition(1), subject.latents(1)
    wrong: dict[str, Any] = {"of an unknown name": {**good, "no such field": 0}}
    wrong["that is no mapping"] = "loud"
    for key, field in model.condition:
        values: list[Any] = ["no such value", math.nan, [0, 0], object()]
        if isinstance(field, Text):
            symbols = good[key]
            values = ["", [""], 7, math.nan, object(), symbols.float(), symbols[:, :0], -symbols]
        elif isinstance(field, Classes):
            values += [-1, len(field.names), 0.5, True]
        elif isinstance(field, Scalar):
            numbers = (field.low - 1, field.high + 1)
            values += [number for number in numbers if math.isfinite(number)]
        else:
            values += [torch.full_like(good[key], math.nan), good[key][:, :0], good[key].long()]
            if math.isfinite(field.high):
                values += [10 * (good[key] + field.low), good[key] + 1e4]
        wrong |= {f"{key}={value!r}": {**good, key: value} for value in values}
    for name, condition in wrong.items():
        yield f"a condition {name}", partial(model.decode, z, condition, length=subject.length)


def _audio_cases(subject: Subject) -> Iterator[Case]:
    model, condition = subject.model, subject.condition(1)
    x = subject.sounds(1)
    wrong: dict[str, Any] = {
        "no tensor": x.tolist(),
        "two dimensions": x[0],
        "an empty batch": x[:0],
        "no samples": x[..., :0],
        "too many channels": torch.cat([x, x], dim=1),
        "integers": x.long(),
        "NaN": x * math.nan,
        "values above 1": x + 2,
    }
    longest = model.audio.max_length
    if longest is not None:
        wrong["too many samples"] = torch.zeros(1, model.audio.channels, longest + 1)
    for method in _sound_methods(model):
        for name, value in wrong.items():
            yield f"{method.__name__} of audio with {name}", partial(method, value, condition)
        unknown = {**condition, "no such field": 0}
        yield f"{method.__name__} with an unknown condition", partial(method, x, unknown)


def _sound_methods(model: AudioGenerator) -> list[Callable[..., Any]]:
    names = ("encode", "log_prob", "elbo")
    return [getattr(model, name) for name in names if hasattr(model, name)]
