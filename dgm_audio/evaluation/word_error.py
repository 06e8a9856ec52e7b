"""Is speech understood? What a recogniser makes of it, against the text that was to be said.

    word error = (substitutions + deletions + insertions) / words of the text

of the cheapest way to edit the one into the other, pooled over sentences. The recogniser is
pocketsphinx with the English model that it brings and its own settings, the same for all sounds: an
old and modest one, which mishears every fifth word of studio speech. So a figure means something
only beside that of the recordings, and beside that of another sentence, which is near 1.

References:
    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.
    Huggins-Daines et al., "PocketSphinx: a free, real-time continuous speech recognition system for
    hand-held devices", 2006.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio import text as spoken
from dgm_audio.errors import InputError
from dgm_audio.signal.resampling import resample
from dgm_audio.text.alphabets import ENGLISH

RATE = 16000
"""The recogniser's, in Hz; other sound is resampled for it."""
PAUSE = 0.2
"""Seconds of silence before and after each sound: its first word must have an onset."""
_INITIALS = re.compile(r"(?<=\b[a-z]\.) (?=[a-z]\.)")
"""The space within "a. m.", as the recogniser writes what is elsewhere "A.M."."""


def words(text: str) -> list[str]:
    """The words of an English text as they are heard: small letters, numbers read out, no signs.

    >>> words("Call 911, it's 9 A.M.!"), words("it's nine a. m.")
    (['call', 'nine', 'hundred', 'and', 'eleven', "it's", 'nine', 'am'], ["it's", 'nine', 'am'])
    """
    if not any(map(str.isalnum, text)):
        return []
    found = spoken.words(_INITIALS.sub("", text), ENGLISH)
    return ["".join(word.letters) for word in found if not word.is_sign]


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The fewest words to insert, delete or replace that make the one of the other.

    >>> word_errors(words("Press 2, or 3."), words("press to three"))
    2
    """
    row = list(range(len(hypothesis) + 1))
    for count, wanted in enumerate(reference, start=1):
        above, row = row, [count]
        for column, heard in enumerate(hypothesis):
            replaced = above[column] + (heard != wanted)
            row.append(min(replaced, above[column + 1] + 1, row[column] + 1))
    return row[-1]


class Recogniser:
    """Writes down English speech.

    Raises:
        InputError: if pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            lacking = error.name or "pocketsphinx"
            raise InputError(f"{lacking} is not installed (dgm_audio[judge])") from error
        self._decoder: Any = Decoder(samprate=RATE, loglevel="FATAL")

    def __call__(self, x: Tensor, rate: int) -> str:
        """The text of a sound (T,) in [-1, 1] at `rate` Hz; the same whatever came before it."""
        silence = torch.zeros(int(PAUSE * RATE))
        sound = torch.cat([silence, resample(x, rate, RATE).clamp(-1, 1), silence])
        samples = (32767 * sound).round().numpy().astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""
