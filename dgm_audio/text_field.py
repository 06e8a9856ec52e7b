"""`Text`: what is to be said, as a field of a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dgm_audio.errors import InputError
from dgm_audio.fields import NOTHING, Known, as_tensor, class_indices, per_item
from dgm_audio.runtime.surroundings import holds


@dataclass(frozen=True)
class Text:
    """What is to be said: a string, one for all items or one per item, becomes symbols.

    How a text is read depends on its language (see `dgm_audio.text`).

    Args:
        symbols: that the model knows; indices count from 1.
        languages: that it knows, ISO 639-1.
        by: the earlier field of classes that says which of them a text is in; with a single
            language there need not be one.
        examples: for each language what is said where no text is given.
    """

    symbols: tuple[str, ...]
    languages: tuple[str, ...]
    by: str = ""
    examples: tuple[str, ...] = ()

    def default(self, batch: int, known: Known = NOTHING) -> Tensor:
        """The example of each item's language."""
        return self.parse("text", self.written("text", None, batch, known), batch, known)

    def parse(self, key: str, value: Any, batch: int, known: Known = NOTHING) -> Tensor:
        """Int64 tensor (B, N) of symbols, zeros after the end.

        Raises:
            InputError: if a text is empty, too long, or has signs that the language has not.
        """
        if isinstance(value, Tensor | np.ndarray):
            return self._symbols(key, as_tensor(value), batch)
        texts = per_item(key, value, batch)
        if all(isinstance(text, list | tuple) for text in texts):
            return self._symbols(key, _as_indices(key, texts), batch)
        languages = self._languages(batch, known)
        rows = [
            self._read(key, text, self.languages[index])
            for text, index in zip(texts, languages, strict=True)
        ]
        return pad_sequence(rows, batch_first=True)

    def written(self, key: str, value: Any, batch: int, known: Known = NOTHING) -> list[str]:
        """The text of each item as it is written: the given one, or the example of its language.

        Raises:
            InputError: if it is given as symbols.
        """
        if value is None:
            return [self.examples[index] for index in self._languages(batch, known)]
        texts = per_item(key, value, batch)
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"condition {key!r} is {value!r:.60}; it must be a string")
        return texts

    def _languages(self, batch: int, known: Known) -> list[int]:
        return class_indices(known[self.by]).tolist() if self.by in known else [0] * batch

    def _read(self, key: str, text: Any, language: str) -> Tensor:
        from dgm_audio.text import symbols

        if not isinstance(text, str):
            raise InputError(f"condition {key!r} is {text!r:.60}; it must be a string")
        found = symbols(text, language)
        unknown = [symbol for symbol in found if symbol not in self.symbols]
        if unknown:
            raise InputError(
                f"condition {key!r} is {text!r:.60}; the model has not learned {unknown[0]!r}"
            )
        indices = [1 + self.symbols.index(symbol) for symbol in found]
        return torch.tensor(indices, dtype=torch.long, device="cpu")

    def _symbols(self, key: str, rows: Tensor, batch: int) -> Tensor:
        rows = rows[None] if rows.ndim == 1 else rows
        whole = rows.ndim == 2 and not rows.is_floating_point() and len(rows) in (1, batch)
        if not whole or 0 in rows.shape:
            raise InputError(
                f"condition {key!r} is a tensor {tuple(rows.shape)} of {rows.dtype}; "
                "give a string, or indices of symbols (B, N)"
            )
        if not holds(
            (rows >= 0).all() & (rows <= len(self.symbols)).all() & (rows[:, 0] > 0).all()
        ):
            raise InputError(f"condition {key!r} has symbols beyond 1 to {len(self.symbols)}")
        return rows.long().expand(batch, -1)


def _as_indices(key: str, rows: list[Any]) -> Tensor:
    try:
        return torch.from_numpy(np.array(rows))
    except (TypeError, ValueError) as error:
        raise InputError(f"condition {key!r} is {rows!r:.60}; it must be a string") from error
