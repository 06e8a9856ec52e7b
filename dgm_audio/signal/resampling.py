"""Change of the sample rate."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError

_MAX_KERNEL = 1 << 22


def resample(audio: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Band-limited resampling: (..., T) -> (..., ceil(T * to_rate / from_rate)).

    Windowed-sinc interpolation. Torchaudio stores one filter per phase; for odd pairs of rates,
    such as 44101 to 44100 Hz, that takes gigabytes, so those go through SciPy's polyphase filter.

    >>> resample(torch.zeros(2, 100), 48000, 44100).shape
    torch.Size([2, 92])

    Raises:
        InputError: if a rate is not a positive integer.
    """
    for name, rate in (("from_rate", from_rate), ("to_rate", to_rate)):
        if not isinstance(rate, int | np.integer) or isinstance(rate, bool) or rate < 1:
            raise InputError(f"{name} is {rate!r}; it must be a positive integer in Hz")
    if from_rate == to_rate:
        return audio
    divisor = math.gcd(from_rate, to_rate)
    down, up = from_rate // divisor, to_rate // divisor
    if up * (down + 12 * max(1, down // up)) <= _MAX_KERNEL:
        from torchaudio.functional import resample as resample_tensor

        return resample_tensor(audio, orig_freq=from_rate, new_freq=to_rate)
    from scipy.signal import resample_poly

    out = resample_poly(audio.detach().cpu().numpy(), up, down, axis=-1)
    return torch.from_numpy(out).to(audio)
