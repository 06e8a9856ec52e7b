"""Change of the sample rate by windowed-sinc interpolation.

    y[m] = sum_n x[n] h(m / to_rate - n / from_rate)

with h a sinc, cut off a little below half of the lower rate and weighted by a Kaiser window.

References:
    Smith, "Digital audio resampling home page", 2002.
    McFee, "resampy: efficient sample rate conversion in Python", 2016 (the two sets of constants).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import Tensor

from dgm_audio.errors import InputError

_CROSSINGS, _ROLLOFF, _BETA = 64, 0.9475937167399596, 14.769656459379492
"""Zero crossings on each side, cut-off relative to half the lower rate, Kaiser beta ("best")."""

_ODD_CROSSINGS, _ODD_ROLLOFF, _ODD_BETA = 16, 0.85, 8.555504641634386
"""The same for odd pairs of rates ("fast")."""

_MAX_KERNEL = 1 << 22


def resample(audio: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Band-limited resampling: (..., T) -> (..., ceil(T * to_rate / from_rate)).

    Torchaudio stores one filter for every phase. For odd pairs of rates, such as 44101 to 44100 Hz,
    that takes gigabytes, so those go through SciPy's polyphase filter, without gradients.

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
    width = math.ceil(_CROSSINGS * down / min(down, up) / _ROLLOFF)
    if up * (down + 2 * width) > _MAX_KERNEL:
        samples = audio.detach().cpu().float().numpy()
        out = resample_poly(samples, up, down, axis=-1, window=_odd_filter(max(up, down)))
        return torch.from_numpy(out).to(audio)
    from torchaudio.functional import resample as resample_tensor

    return resample_tensor(
        audio,
        orig_freq=from_rate,
        new_freq=to_rate,
        lowpass_filter_width=_CROSSINGS,
        rolloff=_ROLLOFF,
        resampling_method="sinc_interp_kaiser",
        beta=_BETA,
    )


@lru_cache(maxsize=1)
def _odd_filter(factor: int) -> np.ndarray:
    """Lowpass for a rate `factor` times the lower one, of unit gain at 0 Hz."""
    half = _ODD_CROSSINGS * factor
    sinc = np.sinc(_ODD_ROLLOFF / factor * np.arange(-half, half + 1))
    response = sinc * np.kaiser(2 * half + 1, _ODD_BETA)
    return (response / response.sum()).astype(np.float32)
