"""Checks that a sound depends on nothing but its arguments: threads, and what is set for torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from time import thread_time
from typing import Any

import torch
from torch import Tensor

from dgm_audio._conformance.subject import Subject, first, require
from dgm_audio.capabilities import HasCodes, RunsLive
from dgm_audio.vocoded import is_vocoder

THREADS = 8
SLOW_SECONDS = 0.1
"""Of computing; what takes longer is called by two threads only."""

Call = Callable[[int], Tensor]


def check_threads(subject: Subject) -> str:
    """Eight threads that use a model at once get the bytes of one, and leave the model as it was.

    Each has latents and sounds of its own, and calls all public methods, each in another order.
    """
    before = _state(subject.model)
    calls, usual = _calls(subject, THREADS), {}
    for name, call in calls.items():
        start = thread_time()
        usual[name] = [call(0)]
        many = THREADS if thread_time() - start < SLOW_SECONDS else 2
        usual[name] += [call(item) for item in range(1, many)]

    def use(item: int) -> list[str]:
        names = [*list(calls)[item % len(calls) :], *list(calls)[: item % len(calls)]]
        names = [name for name in names if item < len(usual[name])]
        return [name for name in names if not torch.equal(calls[name](item), usual[name][item])]

    with ThreadPoolExecutor(THREADS) as pool:
        wrong = sorted({name for names in pool.map(use, range(THREADS)) for name in names})
    require(not wrong, f"{first(wrong)}: other bytes with {THREADS} threads than with one")
    _require_untouched(before, _state(subject.model))
    return f"{', '.join(calls)} by {THREADS} threads"


def check_torch_defaults(subject: Subject) -> str:
    """Sounds do not depend on torch's default type and device, on autocast or inference mode."""
    calls = _calls(subject, 1)
    usual = {name: call(0) for name, call in calls.items()}
    settings = _settings(subject.model.device.type)
    try:
        with ExitStack() as stack:
            for setting in settings.values():
                stack.enter_context(setting())
            problem = _difference(calls, usual)
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split()):.100}"
    if problem:
        blamed = [name for name, setting in settings.items() if _matters(setting, calls, usual)]
        require(False, f"under {first(blamed or list(settings))}: {problem}")
    return ", ".join(settings)


def _calls(subject: Subject, items: int) -> dict[str, Call]:
    """The public methods that the model has, of the i-th latent, sound or seed."""
    model, length = subject.model, subject.length
    z, condition = subject.latents(items + 1), subject.condition(1)
    x = subject.decode(z).clamp(-0.999, 0.999)
    own = [z[item : item + 1] for item in range(len(z))]
    heard = [x[item : item + 1] for item in range(len(x))]
    seconds = length / model.audio.sample_rate
    anything: Any = model
    said = {key: value if value.ndim == 3 else value.tolist() for key, value in condition.items()}
    calls: dict[str, Call] = {
        "decode": lambda item: model.decode(own[item], condition, length=length),
        "sample": lambda item: model.sample(1, seconds=seconds, condition=said, seed=item),
        "interpolate": lambda item: model.interpolate(own[item], own[item + 1], 2, condition),
    }
    for name in ("encode", "log_prob"):
        if hasattr(model, name):
            calls[name] = partial(_of_sound, getattr(model, name), heard, condition)
    if is_vocoder(model):
        calls["mel"] = lambda item: anything.mel(heard[item])
    if hasattr(model, "decode_blocks"):
        calls["decode_blocks"] = lambda item: torch.cat(
            list(anything.decode_blocks(own[item], condition, length=length)), dim=2
        )
    if isinstance(model, HasCodes):
        calls["codes"] = lambda item: model.codes(own[item], condition)
        calls["latents"] = lambda item: model.latents(own[item], condition)
    if isinstance(model, RunsLive):
        calls["stream"] = lambda item: model.stream().decode(own[item])
    return {name: torch.no_grad()(call) for name, call in calls.items()}


def _of_sound(
    method: Callable[..., Tensor], x: list[Tensor], condition: dict[str, Tensor], item: int
) -> Tensor:
    return method(x[item], condition)


def _state(model: torch.nn.Module) -> dict[str, tuple[Tensor, Tensor, bool]]:
    """Every parameter and buffer: the tensor itself, a copy, whether it learns."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {key: (one, one.detach().clone(), one.requires_grad) for key, one in tensors.items()}


def _require_untouched(before: dict[str, Any], after: dict[str, Any]) -> None:
    require(before.keys() == after.keys(), "the model has other parameters or buffers than before")
    changed = [
        key
        for key, (tensor, copy, learns) in after.items()
        if tensor is not before[key][0]
        or not torch.equal(copy, before[key][1])
        or learns != before[key][2]
    ]
    require(not changed, f"the model's {first(changed)} changed")


def _settings(device: str) -> dict[str, Callable[[], Any]]:
    return {
        "a default type of float64": _float64_by_default,
        "a default device": partial(torch.device, "meta"),
        "autocast": partial(torch.autocast, device, torch.bfloat16),
        "inference mode": torch.inference_mode,
    }


@contextmanager
def _float64_by_default() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _difference(calls: dict[str, Call], usual: dict[str, Tensor]) -> str:
    """What is not as usual; empty if all is."""
    for name, call in calls.items():
        found, wanted = call(0), usual[name]
        if found.dtype != wanted.dtype:
            return f"{name} is {found.dtype}, usually {wanted.dtype}"
        if not torch.equal(found, wanted):
            return f"{name} differs by {float((found - wanted).abs().max()):.2g}"
    return ""


def _matters(setting: Callable[[], Any], calls: dict[str, Call], usual: dict[str, Tensor]) -> bool:
    try:
        with setting():
            return bool(_difference(calls, usual))
    except Exception:  # a model that breaks under a setting may break in any way
        return True
