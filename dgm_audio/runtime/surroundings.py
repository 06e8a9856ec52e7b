"""Torch's global settings (default types, autocast), from which models are independent.

Torch has a default type, a default device, autocast and inference mode. A program may use them for
its own ends; a seed still has one sound, and a loaded model can be trained, wherever it was loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import wraps
from inspect import isgenerator
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from dgm_audio.errors import InputError

_building = threading.RLock()


class OnDevice(Protocol):
    """An object with a device."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...


Method = TypeVar("Method", bound=Callable[..., Any])


@contextmanager
def usual_defaults() -> Iterator[None]:
    """Torch as it is when nobody has set anything: what is built within can be told apart by none.

    The default type holds for all threads, so that one thread builds at a time.
    """
    with _building, torch.inference_mode(False), autocast_off("cpu"), torch.device("cpu"):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


def autocast_off(device: str) -> AbstractContextManager[Any]:
    """No autocast on devices of a type: results are float32."""
    if torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def in_own_precision(method: Method) -> Method:
    """Run a method of an `OnDevice` object with autocast off, generators block by block."""

    @wraps(method)
    def call(self: OnDevice, *args: Any, **kwargs: Any) -> Any:
        device = self.device.type
        with autocast_off(device):
            result = method(self, *args, **kwargs)
        return _blocks(result, device) if isgenerator(result) else result

    return call  # type: ignore[return-value]


def _blocks(blocks: Generator[Any, Any, Any], device: str) -> Iterator[Tensor]:
    """The same blocks; the caller's settings hold between two of them."""
    with closing(blocks):
        while True:
            with autocast_off(device):
                block = next(blocks, None)
            if block is None:
                return
            yield block


def holds(condition: Tensor) -> bool:
    """Whether a condition on values holds; True while a graph is traced, which has no values.

    Raises:
        InputError: under `torch.func.vmap`, where values cannot be looked at.
    """
    if torch.compiler.is_compiling():  # and so while exporting
        return True
    try:
        return bool(condition)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise InputError(
            "torch.func.vmap hides the values that are checked here; models take whole batches: "
            "call decode(z) with z (B, D, L) instead"
        ) from error
