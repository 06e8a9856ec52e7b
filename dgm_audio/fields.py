"""Fields of a condition that hold for a whole sound: a class, a mixture of classes, a number.

Each has `default(batch, known)` and `parse(key, value, batch, known)`; `known` are the fields that
come before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.runtime.surroundings import holds

Known = Mapping[str, Tensor]
"""The fields of a condition that were parsed before: names to tensors."""
NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True)
class Classes:
    """A class label out of K names. Given as a name, an index, a list of them, or a tensor (B,).

    A name is understood in upper and lower case, with blanks around it, and with blanks or hyphens
    for its underscores, unless two classes differ in nothing else: then only as it is written.

    >>> Classes(("kick", "closed_hat")).parse("class", [" Kick", "Closed hat", 0], batch=3)
    tensor([0, 1, 0])
    """

    names: tuple[str, ...]
    follows: str = ""
    """An earlier field of classes that decides the default: `usual` has a class for each."""
    usual: tuple[int, ...] = ()

    def default(self, batch: int, known: Known = NOTHING) -> Tensor:
        """Item i gets class i mod K: a batch without labels shows every class."""
        if self.follows in known:
            return torch.tensor(self.usual, dtype=torch.long, device="cpu")[
                class_indices(known[self.follows])
            ]
        return torch.arange(batch, device="cpu") % len(self.names)

    def parse(self, key: str, value: Any, batch: int, known: Known = NOTHING) -> Tensor:
        """Int64 tensor (B,) of class indices."""
        if _is_traced(value):
            return _row(key, value, batch).long()
        indices = [self._index(key, item) for item in per_item(key, value, batch)]
        return torch.tensor(indices, dtype=torch.long, device="cpu")

    def _index(self, key: str, item: Any) -> int:
        if isinstance(item, str):
            alike = [name for name in self.names if _plain(name) == _plain(item)]
            if item in self.names or len(alike) == 1:
                return self.names.index(item if item in self.names else alike[0])
            item = int(item) if item.isdecimal() else item
        if isinstance(item, int | np.integer) and not isinstance(item, bool):
            if 0 <= item < len(self.names):
                return int(item)
        allowed = ", ".join(self.names)
        raise InputError(f"condition {key!r} is {item!r:.60}; allowed are {allowed}")


@dataclass(frozen=True)
class Mixture(Classes):
    """Shares of K classes: a name or an index as for `Classes`, or names with weights.

    >>> voice = Mixture(("allison", "carlo"))
    >>> voice.parse("voice", ["carlo", {"allison": 3, "carlo": 1}, "allison:3, carlo:1"], batch=3)
    tensor([[0.0000, 1.0000],
            [0.7500, 0.2500],
            [0.7500, 0.2500]])
    """

    def default(self, batch: int, known: Known = NOTHING) -> Tensor:
        """Item i gets class i mod K alone, (B, K)."""
        return F.one_hot(super().default(batch, known), len(self.names)).float()

    def parse(self, key: str, value: Any, batch: int, known: Known = NOTHING) -> Tensor:
        """Float tensor (B, K) of shares that sum up to 1."""
        if isinstance(value, Tensor | np.ndarray) and value.ndim == 2:
            return self._shares(key, as_tensor(value), batch)
        if isinstance(value, Tensor) and _is_traced(value):
            return F.one_hot(_row(key, value, batch).long(), len(self.names)).float()
        rows = [self._weights(key, item) for item in per_item(key, value, batch)]
        return self._shares(key, torch.tensor(rows, dtype=torch.float32, device="cpu"), batch)

    def plain(self, shares: Tensor) -> str | dict[str, float]:
        """Shares (K,) as a JSON value: one name, or names with their shares.

        >>> voice = Mixture(("allison", "carlo", "june"))
        >>> voice.plain(torch.tensor([0.0, 1.0, 0.0])), voice.plain(torch.tensor([0.7, 0.0, 0.3]))
        ('carlo', {'allison': 0.7, 'june': 0.3})
        """
        numbers = [float(str(share)) for share in shares.float().cpu().numpy()]  # 0.7, not 0.69999
        found = {name: share for name, share in zip(self.names, numbers, strict=True) if share > 0}
        return next(iter(found)) if len(found) == 1 else found

    def _weights(self, key: str, item: Any) -> list[float]:
        if isinstance(item, str) and ":" in item:
            item = _weights_of(key, item)
        if isinstance(item, Sequence) and not isinstance(item, str):
            item = dict(zip(self.names, item, strict=True)) if len(item) == len(self.names) else {}
        weights = [0.0] * len(self.names)
        for name, weight in item.items() if isinstance(item, Mapping) else [(item, 1.0)]:
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise InputError(f"condition {key!r} has weight {weight!r:.60}; give a number")
            weights[self._index(key, name)] += weight
        return weights

    def _shares(self, key: str, weights: Tensor, batch: int) -> Tensor:
        if tuple(weights.shape) not in {(1, len(self.names)), (batch, len(self.names))}:
            raise InputError(
                f"condition {key!r} has shape {tuple(weights.shape)}; "
                f"expected ({batch}, {len(self.names)})"
            )
        total = weights.float().sum(1, keepdim=True)
        if not holds((weights >= 0).all() & (total > 0).all() & total.isfinite().all()):
            raise InputError(
                f"condition {key!r} has weights {weights.tolist()!r:.60}; for each of "
                f"{len(self.names)} classes give a number from 0 upwards, not all 0"
            )
        return (weights.float() / total).expand(batch, -1)


@dataclass(frozen=True)
class Scalar:
    """A number in [low, high], with its unit; absent means `default_value`."""

    low: float
    high: float
    unit: str
    default_value: float

    def default(self, batch: int, known: Known = NOTHING) -> Tensor:
        """Float tensor (B,) of the default value."""
        number = float(self.default_value)
        return torch.full((batch,), number, dtype=torch.float32, device="cpu")

    def parse(self, key: str, value: Any, batch: int, known: Known = NOTHING) -> Tensor:
        """Float tensor (B,)."""
        if _is_traced(value):
            return _row(key, value, batch).float()
        try:
            numbers = [float(item) for item in per_item(key, value, batch)]
        except (TypeError, ValueError, OverflowError):
            numbers = [math.nan]
        if not all(self.low <= number <= self.high for number in numbers):
            raise InputError(
                f"condition {key!r} is {value!r:.60}; "
                f"it must be a number from {self.low:g} to {self.high:g} ({self.unit})"
            )
        return torch.tensor(numbers, dtype=torch.float32, device="cpu")


def _weights_of(key: str, text: str) -> dict[str, float]:
    """Names with weights of a text such as "allison:3, carlo:1"."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition(":")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            raise InputError(
                f"condition {key!r} is {text!r:.60}; write NAME, or NAME:WEIGHT,NAME:WEIGHT"
            ) from None
    return weights


def _plain(name: str) -> str:
    """A name as it is compared (see `Classes`)."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _is_traced(value: Any) -> bool:
    """Whether a value is a tensor of a graph that is being traced: it has none yet."""
    return isinstance(value, Tensor) and torch.compiler.is_compiling()


def as_tensor(value: Tensor | np.ndarray) -> Tensor:
    """The tensor itself, or the array as one, whatever torch's default device is."""
    return value if isinstance(value, Tensor) else torch.from_numpy(value)


def class_indices(value: Tensor) -> Tensor:
    """Class indices (B,) of a parsed field, of a mixture those of the largest share."""
    return (value.argmax(1) if value.ndim == 2 else value).cpu()


def _row(key: str, value: Tensor, batch: int) -> Tensor:
    """Values (B,) of a tensor with one value, or one per item."""
    flat = value.flatten()
    if flat.shape[0] not in (1, batch):
        raise InputError(f"condition {key!r} has {flat.shape[0]} values for a batch of {batch}")
    return flat.expand(batch)


def per_item(key: str, value: Any, batch: int) -> list[Any]:
    """One value per item of the batch; a single value is repeated."""
    if isinstance(value, Tensor | np.ndarray):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * batch
    if len(value) == 1:
        return list(value) * batch
    if len(value) != batch:
        raise InputError(f"condition {key!r} has {len(value)} values for a batch of {batch}")
    return list(value)
