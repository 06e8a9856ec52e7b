"""`Word`: what stands between two spaces, or a punctuation sign."""

from __future__ import annotations

from typing import NamedTuple

PUNCTUATION = (",", ".", "!", "?")
"""The signs that are kept: each stands for a pause and a melody of its own."""


class Word(NamedTuple):
    """A word or a punctuation sign.

    Args:
        symbols: how it is said: phones, letters, or the parts of a syllable.
        letters: how it is spelled; for a sign the sign.
    """

    symbols: tuple[str, ...]
    letters: tuple[str, ...]

    @property
    def is_sign(self) -> bool:
        """Whether this is a punctuation sign."""
        return self.letters[0] in PUNCTUATION


def sign(text: str) -> Word:
    """A punctuation sign."""
    return Word((text,), (text,))
