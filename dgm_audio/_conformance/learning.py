"""Checks of the parts that training and saving rely on."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dgm_audio._conformance.subject import NotApplicable, Subject, first, require
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.config import from_dict, to_dict
from dgm_audio.errors import ConfigError, InputError, UnknownModelError
from dgm_audio.fingerprint import verify_fingerprint
from dgm_audio.generator import AudioGenerator
from dgm_audio.registry import get_family
from dgm_audio.specs import AudioSpec, ConditionSpec, Frames, LatentSpec


def check_description(subject: Subject) -> None:
    """The model says what it is: family, specs, and a frozen config that survives JSON."""
    model = subject.model
    kinds = {"audio": AudioSpec, "latent": LatentSpec, "condition": ConditionSpec, "family": str}
    for name, kind in kinds.items():
        found = getattr(model, name, None)
        require(isinstance(found, kind), f"model.{name} is {found!r}, not a {kind.__name__}")
    config_class = getattr(type(model), "config_class", None)
    require(is_dataclass(config_class), "config_class is no dataclass")
    require(type(model.config) is config_class, "model.config is no config_class")
    frozen = model.config.__dataclass_params__.frozen
    require(frozen, f"{type(model.config).__name__} is not frozen")
    try:
        again = from_dict(type(model.config), to_dict(model.config))
    except (ConfigError, TypeError) as error:
        require(False, f"the config does not survive JSON: {error}")
    else:
        require(again == model.config, f"the config comes back from JSON as {again}")


def check_registry(subject: Subject) -> None:
    """`dgm_audio.load` will find the class by the family name that checkpoints store."""
    family = subject.model.family
    try:
        registered = get_family(family)
    except UnknownModelError as error:
        raise NotApplicable(f"{error}; only this process can load its checkpoints") from error
    require(
        registered is type(subject.model),
        f"the family {family!r} is registered for {registered.__module__}.{registered.__name__}",
    )


def check_gradients(subject: Subject) -> str:
    """Every parameter gets a finite gradient through decode, encode, log_prob or elbo.

    A copy is checked, with gradients switched on: models may come in inference form.
    """
    model = copy.deepcopy(subject.model).requires_grad_(True)
    missing = dict(model.named_parameters())
    if not missing:
        raise NotApplicable("the model has no parameters")
    paths = []
    for name, run in _differentiable(model, subject):
        model.zero_grad(set_to_none=True)
        output = run()
        if not output.requires_grad:
            continue
        paths.append(name)
        rng = torch.Generator().manual_seed(0)
        weight = torch.randn(output.shape, generator=rng).to(output.device)
        (output.float() * weight).sum().backward()
        for key, parameter in model.named_parameters():
            if parameter.grad is not None:
                finite = bool(torch.isfinite(parameter.grad).all())
                require(finite, f"the gradient of {key} through {name} is not finite")
                missing.pop(key, None)
    require(not missing, f"no gradient reaches {first(list(missing))}")
    return f"through {', '.join(paths)}"


def check_input_gradients(subject: Subject) -> str:
    """Latents and frames get a finite gradient that is not zero, or decode says that it has none.

    People fit latents by descent: a gradient that is silently missing would mislead them.
    """
    model = subject.model
    z, condition = subject.latents(1), subject.condition(1)
    inputs = {"z": z.requires_grad_()}
    for key, field in model.condition:
        if isinstance(field, Frames):
            condition[key] = inputs[key] = condition[key].requires_grad_()
    try:
        x = model.decode(z, condition, length=subject.length)
    except InputError as error:
        named = any(name in str(error) for name in (model.name, model.family) if name)
        require(named and "\n" not in str(error), f"decode refuses without its name: {error}")
        return "decode refuses them"
    require(x.requires_grad, "decode drops the gradient of its arguments, and does not say so")
    rng = torch.Generator().manual_seed(0)
    weight = torch.randn(x.shape, generator=rng).to(x.device)
    found = torch.autograd.grad((x * weight).sum(), list(inputs.values()), allow_unused=True)
    for name, gradient in zip(inputs, found, strict=True):
        require(gradient is not None, f"no gradient reaches {name}")
        assert gradient is not None
        require(bool(torch.isfinite(gradient).all()), f"the gradient of {name} is not finite")
        require(bool(gradient.any()), f"the gradient of {name} is zero")
    return f"of {', '.join(inputs)}"


def _differentiable(
    model: AudioGenerator, subject: Subject
) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Named calls whose results depend on the parameters."""
    x, condition = subject.sounds(2), subject.condition(2)
    z = subject.latents(2)
    yield "decode", lambda: model.decode(z, condition, length=subject.length)
    for name in ("encode", "log_prob", "elbo"):
        method = getattr(model, name, None)
        if method is not None:
            yield name, lambda method=method: method(x, condition)


def check_save_and_load(subject: Subject) -> str:
    """Saved and loaded, a model has the same bits, and sounds the same; also in half precision."""
    model, z = subject.model, subject.latents(2)
    with tempfile.TemporaryDirectory() as folder:
        for half in (False, True):
            path = save_model(model, Path(folder) / f"first-{half}", half=half)
            loaded = load_model(path, model.device, family=type(model))
            verify_fingerprint(loaded, max(subject.tolerance, 1e-3))
            again = save_model(loaded, Path(folder) / f"second-{half}", half=half)
            same = load_model(again, "cpu", family=type(model)).weights_hash == loaded.weights_hash
            require(same, f"save, load, save changes the weights file (half={half})")
            if not half:
                _require_same_state(model, loaded)
                expected, found = (replace(subject, model=one).decode(z) for one in (model, loaded))
                require(torch.equal(expected, found), "the loaded model sounds different")
        size = (path / "model.safetensors").stat().st_size
    return f"{size:,} bytes in half precision"


def _require_same_state(model: AudioGenerator, loaded: AudioGenerator) -> None:
    after = loaded.state_dict()
    changed = [key for key, value in model.state_dict().items() if not value.equal(after[key])]
    require(not changed, f"saving and loading changes {first(changed)}")
