"""Mel spectrograms of sentences, as they were recorded and as a model says them, in pairs.

All rows share the time axis and one level axis: dB below the loudest point of the first recording.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from PIL.Image import Image

from dgm_audio.errors import DataError
from dgm_audio.evaluation.sentences import (
    Speaker,
    check_speaks,
    recording,
    say,
    sentences_of,
)
from dgm_audio.generator import AudioGenerator
from dgm_audio.release.vocoding_picture import Row, mel_picture
from dgm_audio.signal.mel import LogMel, MelSpec

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

SENTENCES, SECONDS = 3, 2.5
"""How many are shown, and about how long they are."""
_BANDS, _WINDOW, _HIGHEST = 80, 0.032, 8000.0


def speech_picture(model: AudioGenerator, test: ClipSet) -> Image:
    """Three sentences, each as it was recorded and below as the model says it with seed 0.

    Args:
        model: one that speaks.
        test: recordings that it was not trained on, with transcripts; sentences of different voices
            and languages are taken, as far as there are some.

    Raises:
        InputError: if the model does not speak, or not with these voices.
        DataError: if no recording has a transcript.
    """
    check_speaks(model)
    every = sentences_of(test)
    pairs = []
    for row in shown_rows(test):
        with torch.no_grad():
            pairs.append((every[row], recording(test, row), say(model, every[row], 0)))
    length = max(len(x) for _, *sounds in pairs for x in sounds)
    log_mel = LogMel(_mel_spec(model.audio.sample_rate))
    rows = []
    for sentence, real, made in pairs:
        for x, what in ((real, "recording"), (made, "spoken by the model")):
            mel = log_mel(F.pad(x, (0, length - len(x))))
            rows.append(Row(mel, f'"{sentence.text}", {what}', sentence.speaker.name))
    spec, name = log_mel.spec, model.name or model.family
    facts = f"{spec.n_mels} bands, {spec.sample_rate} Hz, seed 0"
    return mel_picture(rows, spec, heading=name, subheading=facts)


def shown_rows(test: ClipSet, count: int = SENTENCES) -> list[int]:
    """Rows of sentences of about 2.5 s, one of each speaker in turn.

    Raises:
        DataError: if no recording has a transcript.
    """
    wanted = SECONDS * test.sample_rate
    by_speaker: dict[Speaker, list[int]] = {}
    for row in sorted(range(len(test)), key=lambda row: abs(int(test.lengths[row]) - wanted)):
        if test.texts[row]:
            speaker = Speaker(test.voices[row], test.languages[row])
            by_speaker.setdefault(speaker, []).append(row)
    if not by_speaker:
        raise DataError("none of the recordings has a transcript")
    turns = sorted((place, row) for rows in by_speaker.values() for place, row in enumerate(rows))
    return [row for _, row in turns[:count]]


def _mel_spec(rate: int) -> MelSpec:
    n_fft = 2 ** math.ceil(math.log2(_WINDOW * rate))
    return MelSpec(rate, n_fft, n_fft // 4, _BANDS, f_max=min(rate / 2, _HIGHEST))
