"""Recordings of any length through their mel and back, in memory that does not grow with them.

A recording of more than `PIECE` seconds is resynthesised in pieces. Each begins `LEAD` seconds
early, so that the vocoder has found its way, and fades in from the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from dgm_audio.apps.long_recording import in_blocks
from dgm_audio.generator import AudioGenerator
from dgm_audio.resynthesis import check_vocoder, mel_error_db, resynthesise
from dgm_audio.signal.full_scale import Limiter

PIECE, LEAD, FADE = 300.0, 1.0, 0.05
"""Seconds."""

Watch = Callable[[Iterator[Tensor], int], Iterable[Tensor]]


class Vocoding:
    """What a vocoder makes of a recording, and how far it is off.

    Args:
        model: a vocoder.
        given: other conditions than the mel (see `dgm_audio.resynthesis.resynthesise`).
        seed: of the noise.
        temperature: of the noise; by default the vocoder's own.
        kept: samples of both sounds to keep from the start; no more than a piece has.

    Attributes:
        heard: the first samples (C, t) of the recording.
        made: those of what was made of it.

    Raises:
        InputError: if the model is no vocoder.
    """

    def __init__(
        self,
        model: AudioGenerator,
        given: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        temperature: float | None = None,
        kept: int = 0,
    ) -> None:
        check_vocoder(model)
        self.model, self._given, self._kept = model, given, kept
        self._options: dict[str, Any] = {"seed": seed, "temperature": temperature}
        self._error, self._samples = 0.0, 0
        self.heard = self.made = torch.zeros(0)

    @property
    def error_db(self) -> float:
        """As `dgm_audio.resynthesis.mel_error_db`; of several pieces the mean, by their length."""
        return self._error / self._samples

    def __call__(self, parts: Iterable[Tensor], watch: Watch | None = None) -> Iterator[Tensor]:
        """The sound, in blocks (1, C, t), of the parts (1, C, t) of a recording.

        Args:
            parts: at the model's rate, in [-1, 1].
            watch: passes on the blocks of each piece, of so many samples in all.
        """
        return Limiter(self.model.audio.sample_rate).whole(self._pieces(parts, watch))

    def _pieces(self, parts: Iterable[Tensor], watch: Watch | None) -> Iterator[Tensor]:
        rate = self.model.audio.sample_rate
        lead, fade = round(LEAD * rate), round(FADE * rate)
        rise = torch.linspace(0, 1, fade)
        before = ending = torch.zeros(0)
        pieces = in_blocks(parts, round(PIECE * rate))
        piece = next(pieces, None)
        while piece is not None:
            following = next(pieces, None)
            x = torch.cat([before, piece[0]], dim=1) if before.numel() else piece[0]
            y = self._made(x, watch)
            if before.numel():
                y = y[:, lead - fade :]
                y[:, :fade] = rise * y[:, :fade] + (1 - rise) * ending
            count = y.shape[1] - (0 if following is None else fade)
            yield y[None, :, :count]
            before, ending, piece = x[:, -lead:], y[:, count:], following

    def _made(self, x: Tensor, watch: Watch | None) -> Tensor:
        blocks = resynthesise(self.model, x, self._given, **self._options)
        y = torch.cat(list(blocks if watch is None else watch(blocks, x.shape[1])), dim=2)[:, 0]
        self._error += mel_error_db(self.model, x, y) * x.shape[1]
        if not self._samples:
            self.heard, self.made = x[:, : self._kept].clone(), y[:, : self._kept].clone()
        self._samples += x.shape[1]
        return y
