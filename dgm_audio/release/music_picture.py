"""Mel spectrograms of what a live model does with music: rebuild it, play through it, make it up.

All rows share the time axis and one level axis: dB below the loudest point of the recording.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor

from dgm_audio.apps.transfer import transfer
from dgm_audio.errors import InputError
from dgm_audio.evaluation.multiscale import multiscale_distance
from dgm_audio.evaluation.reconstruction import reconstructed
from dgm_audio.generator import AudioGenerator, Encoder
from dgm_audio.release.vocoding_picture import Row, mel_picture
from dgm_audio.signal.mel import LogMel, MelSpec

PICTURE_SECONDS = 10
"""A picture shows so much of a recording, from its start."""
_BANDS, _WINDOW, _HIGHEST = 128, 0.03, 20000.0


def music_picture(model: AudioGenerator, recording: Tensor, foreign: Tensor) -> Image:
    """From above: a recording, its reconstruction, another sound's transfer, and a sample, seed 0.

    At most the first 10 s; channels are averaged.

    Args:
        model: one that runs live, on any device.
        recording: audio (C, T) in [-1, 1], at the model's rate and with its channels; best one that
            the model was not trained on.
        foreign: the same of another sound (C, U), which is played through the model.

    Raises:
        InputError: if a sound is not of the model's channels, or empty.
    """
    for name, x in (("recording", recording), ("foreign sound", foreign)):
        if x.ndim != 2 or len(x) != model.audio.channels or not x.shape[1]:
            raise InputError(
                f"the {name} has shape {tuple(x.shape)}; expected ({model.audio.channels}, T)"
            )
    if not isinstance(model, Encoder):
        raise InputError(f"models of the family {model.family!r} do not encode")
    rate = model.audio.sample_rate
    x = recording[:, : PICTURE_SECONDS * rate][None]
    length = x.shape[2]
    other = foreign[:, :length][None]
    made = reconstructed(model, x, {})
    with torch.no_grad():
        moved = transfer(model, other.to(model.device)).cpu()
        drawn = model.sample(1, seconds=length / rate, seed=0).cpu()
    log_mel = LogMel(_mel_spec(rate))
    sounds = (
        (x, "recording", ""),
        (made, "reconstruction", f"STFT distance {float(multiscale_distance(x.cpu(), made)):.2f}"),
        (moved, "transfer of another recording", "loudness follows it"),
        (drawn, "sample", "seed 0"),
    )
    rows = [
        Row(log_mel(_fitted(y, length)[0].float().cpu().mean(0)), title, note)
        for y, title, note in sounds
    ]
    spec, name = log_mel.spec, model.name or model.family
    facts = f"{spec.n_mels} bands, {rate} Hz, {length / rate:.2f} s"
    return mel_picture(rows, spec, heading=name, subheading=facts)


def _fitted(x: Tensor, length: int) -> Tensor:
    """Audio (..., T) with silence at the end where it is shorter."""
    return F.pad(x, (0, length - x.shape[-1]))


def _mel_spec(rate: int) -> MelSpec:
    n_fft = 2 ** math.ceil(math.log2(_WINDOW * rate))
    return MelSpec(rate, n_fft, n_fft // 4, _BANDS, f_max=min(rate / 2, _HIGHEST))
