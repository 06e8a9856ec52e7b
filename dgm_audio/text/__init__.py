"""Text as a condition: what is written becomes the symbols that a model of speech reads.

    >>> " ".join(symbols("Press 2.", "en"))
    '^ P R EH1 S   T UW1 . $'
    >>> " ".join(symbols("Marque 2", "es"))
    '^ m a r q u e   d o s $'

English becomes phones, with their stress, by the CMU dictionary, Mandarin in pinyin its initials,
finals and tones, any other language its letters. Phones are upper case and letters lower case, so
that a word can be spelled where its sound is not known: `Word.letters`.
"""

from __future__ import annotations

from dgm_audio.text.symbols import PINYIN, SIGNS, Word, inventory, joined, symbols, words

__all__ = ["PINYIN", "SIGNS", "Word", "inventory", "joined", "symbols", "words"]
