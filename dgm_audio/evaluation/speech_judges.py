"""The judges of speech: a recogniser, DNSMOS and a speaker encoder, as far as they are installed.

References:
    Reddy, Gopal and Cutler, "DNSMOS P.835: a non-intrusive perceptual objective speech quality
    metric to evaluate noise suppressors", 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation.speaker import SpeakerEncoder
from dgm_audio.evaluation.word_error import ENGLISH, Recogniser, words
from dgm_audio.signal.resampling import resample

RATE = 16000
DNSMOS_SECONDS = 9.01
"""What DNSMOS hears at a time; a shorter sound is repeated, of a longer one this is the start."""
Judge = TypeVar("Judge")


class Heard(NamedTuple):
    """What the judges say of one sound; None where there is no judge.

    Args:
        words: that are understood; of English only.
        dnsmos: overall quality, 1 to 5.
        embedding: of the voice (256,).
    """

    words: list[str] | None
    dnsmos: float | None
    embedding: Tensor | None


class SpeechJudges:
    """Listens to speech.

    Attributes:
        notes: a line for each judge that is not installed.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._recogniser = self._made("word error", Recogniser)
        self._dnsmos = self._made("DNSMOS", dnsmos)
        self._encoder = self._made("speaker similarity", SpeakerEncoder)

    def _made(self, name: str, make: Callable[[], Judge]) -> Judge | None:
        try:
            return make()
        except InputError as error:
            self.notes.append(f"{name} is left out: {error}")
            return None

    def __call__(self, x: Tensor, rate: int, language: str) -> Heard:
        """What is heard in a sound (T,) at `rate` Hz, in [-1, 1]."""
        read = self._recogniser if language == ENGLISH else None
        return Heard(
            read and words(read(x, rate)),
            self._dnsmos and self._dnsmos(x, rate),
            self.embedding(x, rate),
        )

    def embedding(self, x: Tensor, rate: int) -> Tensor | None:
        """The voice (256,) of a sound (T,)."""
        return None if self._encoder is None else self._encoder(x, rate)


def dnsmos() -> Callable[[Tensor, int], float]:
    """Overall DNSMOS (P.835) of a sound (T,) at a rate in Hz.

    Raises:
        InputError: if `speechmos` is not installed.
    """
    try:
        from speechmos import dnsmos  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        lacking = error.name or "speechmos"
        raise InputError(f"{lacking} is not installed (dgm_audio[judge])") from error

    def measure(x: Tensor, rate: int) -> float:
        sound = resample(x, rate, RATE).clamp(-1, 1).numpy()
        found: Any = dnsmos.run(np.resize(sound, int(DNSMOS_SECONDS * RATE)), RATE)
        return float(found["ovrl_mos"])

    return measure
