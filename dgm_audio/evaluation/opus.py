"""A sound after Opus, the codec of calls and of the web, as a yardstick for reconstructions.

libsndfile encodes and decodes. Its compression level c from 0 to 1 stands for a target of
256 - 250 c kbit/s per channel, at a variable bit rate; how much it really took is in the result.
libsndfile takes away the codec's delay, so that a sound lies where it lay.

References:
    Valin, Vos and Terriberry, "Definition of the Opus audio codec", RFC 6716, 2012.
    libsndfile 1.2, src/ogg_opus.c (what the compression level means).
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.signal.resampling import resample

RATES = (8000, 12000, 16000, 24000, 48000)
"""Sample rates in Hz that Opus knows; other sound is resampled to the next one and back."""
LEAST, MOST = 6.0, 256.0
"""kbit/s per channel."""
_BLOCK = 1 << 16


class Coded(NamedTuple):
    """A sound (C, T) after the codec, and the size of the Ogg file in bytes."""

    audio: Tensor
    size: int


def hindrance(channels: int, kbps: float) -> str:
    """Why sound cannot be coded so; empty if it can."""
    if "OPUS" not in soundfile.available_subtypes("OGG"):
        return f"libsndfile {soundfile.__libsndfile_version__} has no Opus"
    if not LEAST <= kbps / channels <= MOST:
        return (
            f"{kbps:g} kbit/s for {channels} channels; "
            f"Opus takes {LEAST:g} to {MOST:g} kbit/s per channel"
        )
    return ""


def through_opus(x: Tensor, sample_rate: int, kbps: float) -> Coded:
    """What Opus makes of audio (C, T) in [-1, 1], as (C, T) at the same rate.

    Args:
        x: the audio.
        sample_rate: in Hz.
        kbps: of all channels together.

    Raises:
        InputError: if the audio is not (C, T), or `hindrance` says why not.
    """
    if x.ndim != 2 or 0 in x.shape:
        raise InputError(f"the audio has shape {tuple(x.shape)}; expected (C, T)")
    if reason := hindrance(len(x), kbps):
        raise InputError(f"cannot encode Opus: {reason}")
    rate = next((known for known in RATES if known >= sample_rate), RATES[-1])
    encoded = _encode(resample(x, sample_rate, rate), rate, kbps / len(x))
    samples, _ = soundfile.read(io.BytesIO(encoded), dtype="float32", always_2d=True)
    audio = resample(torch.from_numpy(samples.T.copy()), rate, sample_rate)[:, : x.shape[1]]
    return Coded(F.pad(audio, (0, x.shape[1] - audio.shape[1])), len(encoded))


def _encode(x: Tensor, rate: int, kbps: float) -> bytes:
    """An Ogg file of so many kbit/s per channel, written in blocks: libsndfile's stack is small."""
    samples, file = x.clamp(-1, 1).numpy(), io.BytesIO()
    level = (MOST - kbps) / (MOST - LEAST)
    with soundfile.SoundFile(
        file, "w", rate, len(samples), "OPUS", format="OGG", compression_level=level
    ) as sound:
        for start in range(0, samples.shape[1], _BLOCK):
            sound.write(np.ascontiguousarray(samples[:, start : start + _BLOCK].T))
    return file.getvalue()
