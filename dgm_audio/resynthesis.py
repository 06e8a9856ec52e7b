"""Through the mel and back: what a vocoder makes of a recording.

Channels are resynthesised side by side from one and the same noise, so that equal channels stay
equal. Beside the sound itself, a long recording needs no more memory than a short one if the model
hands out blocks (`Streams`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from dgm_audio.capabilities import Streams
from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.vocoded import mel_spec_of, own_temperature

_PIECE = 2**18
"""Samples whose mel is computed at a time."""


def check_vocoder(model: AudioGenerator) -> None:
    """Whether recordings can be resynthesised with this model.

    Raises:
        InputError: if it is no vocoder, or one of sound with several channels.
    """
    mel_spec_of(model)
    if model.audio.channels != 1:
        raise InputError(
            f"the vocoder makes {model.audio.channels} channels from one mel; recordings are "
            "resynthesised channel by channel, so it must make 1"
        )


def mel_of(model: AudioGenerator, x: Tensor) -> Tensor:
    """`model.mel` of the channels of a recording (C, T), piece by piece: (C, M, 1 + T // hop)."""
    spec = mel_spec_of(model)
    before = -(-spec.n_fft // (2 * spec.hop))  # frames that a window reaches back
    count, step = 1 + x.shape[1] // spec.hop, max(_PIECE // spec.hop, 1)
    mels = []
    for first in range(0, count, step):
        start, stop = max(first - before, 0), min(first + step, count)
        piece = x[:, start * spec.hop : (stop + before) * spec.hop]
        mel = model.mel(piece[:, None])  # type: ignore[operator]
        mels.append(mel[..., first - start : stop - start])
    return torch.cat(mels, dim=2)


def resynthesise(
    model: AudioGenerator,
    x: Tensor,
    given: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    temperature: float | None = None,
) -> Iterator[Tensor]:
    """What the vocoder makes of the mel of a recording (C, T), in blocks (C, 1, t) on the CPU.

    Args:
        model: a vocoder.
        x: at the model's rate, in [-1, 1].
        given: other conditions than the mel; absent ones take the default of a single sound.
        seed: of the noise.
        temperature: of the noise; by default the vocoder's own.

    Raises:
        InputError: if the model is no vocoder, or an argument is not allowed.
    """
    check_vocoder(model)
    length = x.shape[1]
    temperature = own_temperature(model) if temperature is None else temperature
    z = model.noise(1, length=length, seed=seed, temperature=temperature).expand(len(x), -1, -1)
    with torch.no_grad():
        condition = {"mel": mel_of(model, x)} | _others(model, given or {})
        if isinstance(model, Streams):
            blocks = model.decode_blocks(z, condition, length=length)
        else:
            blocks = iter([model.decode(z, condition, length=length)])
    while True:  # the caller's gradients are its own affair between two blocks
        with torch.no_grad():
            block = next(blocks, None)
        if block is None:
            return
        yield block.cpu()


def mel_error_db(model: AudioGenerator, x: Tensor, y: Tensor) -> float:
    """Mean absolute difference of the log-mels of two sounds (C, T) in dB, by the vocoder's mel."""
    difference = (mel_of(model, x) - mel_of(model, y)).abs().mean()
    return float(difference) * 20 / math.log(10)


def _others(model: AudioGenerator, given: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions beside the mel, one value for all channels; unknown ones are left to decode.

    Raises:
        InputError: if the mel is given.
    """
    if "mel" in given:
        raise InputError("the condition 'mel' is that of the recording; it cannot be given")
    defaults: dict[str, Tensor] = {}
    for key, spec in model.condition:
        if key != "mel":
            defaults[key] = spec.default(1, defaults)
    return {**defaults, **given}
