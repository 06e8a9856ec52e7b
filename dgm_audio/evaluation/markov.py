"""The simplest model of a sequence of symbols that knows more than their frequencies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dgm_audio.errors import InputError


class MarkovChain:
    """Order-1 chain over K symbols, smoothed as Witten and Bell do.

        p(b)     = (n_b + 1) / (n + K)
        p(b | a) = (n_ab + d_a p(b)) / (n_a + d_a)

    n are counts, d_a is the number of different symbols that were seen after a. Every symbol that
    followed for the first time argues for another one to come; adding 1 to all K^2 counts would
    make the chain, which is there to be beaten, weaker than it need be. The first symbol of a
    sequence has the probability p(b). Before `fit` all symbols are equally likely.

    Args:
        levels: K.

    References:
        Witten and Bell, "The zero-frequency problem: estimating the probabilities of novel events
        in adaptive text compression", 1991.
    """

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.fit([])

    def fit(self, sequences: Iterable[np.ndarray]) -> MarkovChain:
        """Count in int64 sequences (T,); what was counted before is forgotten.

        >>> chain = MarkovChain(2).fit([np.array([0, 1, 0, 1])])
        >>> chain.bits(np.array([0]))
        1.0
        """
        count, pairs = np.zeros(self.levels), np.zeros(self.levels**2)
        for symbols in map(self._checked, sequences):
            count += np.bincount(symbols, minlength=self.levels)
            pairs += np.bincount(self.levels * symbols[:-1] + symbols[1:], minlength=len(pairs))
        marginal = (count + 1) / (count.sum() + self.levels)
        after = pairs.reshape(self.levels, self.levels)
        seen = after.sum(1, keepdims=True)
        new = np.maximum((after > 0).sum(1, keepdims=True), 1)
        self._first = -np.log2(marginal)
        self._next = -np.log2((after + new * marginal) / (seen + new))
        return self

    def bits(self, symbols: np.ndarray) -> float:
        """Bits of a whole int64 sequence (T,): -log2 p."""
        symbols = self._checked(symbols)
        return float(self._first[symbols[:1]].sum() + self._next[symbols[:-1], symbols[1:]].sum())

    def _checked(self, symbols: np.ndarray) -> np.ndarray:
        if len(symbols) and not 0 <= symbols.min() <= symbols.max() < self.levels:
            raise InputError(
                f"symbols go from {symbols.min()} to {symbols.max()}; "
                f"they must lie in 0 to {self.levels - 1}"
            )
        return symbols
