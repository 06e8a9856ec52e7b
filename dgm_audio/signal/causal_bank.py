"""Synthesis of the filter bank of `pqmf`, live and with an eighth of the work.

All filters are one prototype p times cosines, which repeat themselves, up to their sign, every 2M
samples. So the bands' sum over cosines is made once per frame, 2M numbers, and the prototype weighs
them where frames overlap:

    u_l[m] = sum_k X_k[l] c_k[m],    m = 0 ... 2M - 1
    x[lM + i] = sum_j (-1)^floor(j / 2) p[i + jM - M / 2] u_{l-j}[i + M (j mod 2)],    0 <= i < M

The sound is late by half the filters' length, and so needs no future frames.

References:
    See `dgm_audio.signal.pqmf`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dgm_audio.signal.pqmf import prototype


class CausalBank(nn.Module):
    """Bands (..., L + past, M), the first `past` of them from before, -> sound (..., L, M).

    Args:
        bands: M, even.

    Attributes:
        past: frames that a sample depends on besides its own, 16.

    Example:
        >>> bank = CausalBank(8)
        >>> bank(torch.randn(3, bank.past + 5, 8)).shape
        torch.Size([3, 5, 8])
    """

    cosines: Tensor
    taps: Tensor

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.bands, self.past = bands, 16
        n = np.arange(2 * bands) - bands / 2 - (16 * bands - 1) / 2
        k = np.arange(bands)[:, None]
        phase = (2 * k + 1) * np.pi / (2 * bands) * n + (-1.0) ** k * np.pi / 4
        held = np.pad(np.sqrt(2) * prototype(bands, 16 * bands), bands // 2).reshape(-1, bands)
        sign = (-1.0) ** (np.arange(len(held)) // 2)
        for name, table in (("cosines", np.cos(phase)), ("taps", sign[:, None] * held)):
            self.register_buffer(name, torch.tensor(table, dtype=torch.float32), persistent=False)

    def forward(self, seen: Tensor) -> Tensor:
        """The sound's samples, M per frame, in float32."""
        sums, taps = (seen.float() @ self.cosines.float()).float(), self.taps.float()
        frames = seen.shape[-2] - self.past
        asked = torch.is_grad_enabled() or torch.compiler.is_compiling()
        if sums.device.type == "cpu" and not asked:
            from dgm_audio.runtime.kernels.bank import overlap

            x = sums.new_empty(*sums.shape[:-2], frames, self.bands)
            flat, out = (one.unsqueeze(0).flatten(0, -3).numpy() for one in (sums, x))
            overlap(flat, taps.numpy(), out)
            return x
        return self.in_torch(sums, taps)

    def in_torch(self, sums: Tensor, taps: Tensor) -> Tensor:
        """The sound of the sums over bands, on any device; the reference for the compiled loop."""
        even, odd = sums.split(self.bands, dim=-1)
        frames = sums.shape[-2] - self.past
        x = even.narrow(-2, self.past, frames) * taps[0]
        for lag in range(1, self.past + 1):
            part = odd if lag % 2 else even
            x.addcmul_(part.narrow(-2, self.past - lag, frames), taps[lag])
        return x
