"""A memory budget for building a model from a config that somebody else wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from dgm_audio.errors import CheckpointError


def _product(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """Numbers in a tensor whose sizes are the leading arguments."""
    sizes = kwargs.get("size", args)
    if len(sizes) and isinstance(sizes[0], tuple | list):
        sizes = sizes[0]
    count = 1
    for size in sizes:
        count *= size if isinstance(size, int) else 1
    return count


def _full_product(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    return _product(args[:1], kwargs)


def _square(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    return _product(args, kwargs) if len(args) > 1 else _product(args, kwargs) ** 2


def _repeated(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    return args[0].numel() * _product(args[1:], kwargs)


_FACTORIES = {
    **dict.fromkeys((torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn), _product),
    **dict.fromkeys((torch.hann_window, torch.hamming_window, torch.randperm), _product),
    torch.full: _full_product,
    torch.eye: _square,
    Tensor.repeat: _repeated,
}


class MemoryBudget(TorchFunctionMode):
    """Counts what a constructor asks for and refuses before the tensor is made.

    Real tensors under a budget rather than a trial run on the meta device: that one imports a
    compiler (over a second), and constructors that look at values, as mel filters do, fail on it.
    """

    def __init__(self, limit: int, message: str) -> None:
        super().__init__()
        self.left, self.message = limit, message

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _FACTORIES:
            self.left -= 4 * _FACTORIES[func](args, kwargs)
            if self.left < 0:
                raise CheckpointError(self.message)
        return func(*args, **kwargs)
