# type: ignore  (a kernel is Triton's language, which only looks like Python)
"""Backward-adaptive linear prediction of streams on a GPU (see `signal.prediction`).

The sampler's kernel makes the predictions; this module computes their coefficients. At every hop
`renew` solves each stream's normal equations anew, one stream per program, in float64. It does so
on the GPU, since the CPU's compiled code takes 25 us per stream: a full GPU steps 2000 streams
through a hop of 128 in a few milliseconds, and would wait for 50 of the CPU's. And nothing has to
wait for a result: launches queue up.

Sums have one order here, too, whatever the batch, though not the CPU's: coefficients agree to 1e-9
or so, and predictions to float32.

Levinson's recursion is written with the backward predictor b, the forward one a in reverse, as

    k = (r_{i+1} - sum_j b_j r_{j+1}) / error
    a <- a - k b,    b <- b - k a one place on,    a_i = b_0 = k

so that all of a row is computed at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from dgm_audio.families.autoregressive.cuda_packing import padded
from dgm_audio.runtime.kernels.wavenet_cuda_mixture import jit, tl
from dgm_audio.signal.prediction import BackwardPrediction

AT_ONCE = 8
"""Samples whose products with later ones are taken at once."""


class PredictionState:
    """The state of a batch of streams for its predictions.

    Args:
        prediction: its sizes.
        streams: n.
        device: where.

    Attributes:
        samples: (n, room + hop), float32: those before the present hop, then the hop's own.

        room: at least W, and at least P with its padding.
        coefficients: (n, P), float64, of the last P samples, the oldest first; P is padded with
            zeros from the left to a power of two.
        errors: mean absolute errors, short, long, and the largest recent long one (n, 3), float64.
    """

    def __init__(self, prediction: BackwardPrediction, streams: int, device: torch.device) -> None:
        from dgm_audio.runtime.kernels.prediction import FIRST, FLOOR, HEAVIER, N_SPREADS

        self.order, self.hop = prediction.order, prediction.hop
        self.window = torch.from_numpy(prediction.memory(0).window).to(device)
        taps, doubles = padded(self.order), {"dtype": torch.float64, "device": device}
        self.room = max(prediction.window, taps)
        self.samples = torch.zeros(streams, self.room + self.hop, device=device)
        self.coefficients = torch.zeros(streams, taps, **doubles)
        self.errors = torch.full((streams, N_SPREADS), FIRST, **doubles)
        self.warps = max(1, taps // 128)
        self.sizes = {
            "WINDOW": len(self.window),
            "ORDER": self.order,
            "TAPS": taps,
            "HEAVIER": HEAVIER,
            "FLOOR": FLOOR,
            "AT_ONCE": AT_ONCE,
        }

    def renew(self) -> None:
        """Begin a hop: coefficients of the samples so far."""
        self.samples = self.samples.roll(-self.hop, 1)  # the new hop's are written before read
        if not self.order:
            return
        windowed = self.samples[:, self.room - len(self.window) : self.room].double() * self.window
        windowed = F.pad(windowed, (0, 2 * self.sizes["TAPS"]))
        launch = renew_coefficients[(len(windowed),)]
        launch(windowed, self.coefficients, **self.sizes, num_warps=self.warps)


@jit
def renew_coefficients(
    windowed,
    coefficients,
    WINDOW: tl.constexpr,
    ORDER: tl.constexpr,
    TAPS: tl.constexpr,
    HEAVIER: tl.constexpr,
    FLOOR: tl.constexpr,
    AT_ONCE: tl.constexpr,
):
    """Coefficients (n, TAPS) from weighted samples (n, WINDOW + 2 TAPS), zeros at the end."""
    stream = tl.program_id(0).to(tl.int64)
    j, i = tl.arange(0, AT_ONCE), tl.arange(0, TAPS)
    windowed += stream * (WINDOW + 2 * TAPS)
    power = tl.zeros((AT_ONCE,), tl.float64)
    products = tl.zeros((AT_ONCE, TAPS), tl.float64)
    for first in range(0, WINDOW, AT_ONCE):
        now = tl.load(windowed + first + j)
        later = tl.load(windowed + first + 1 + j[:, None] + i[None, :])
        power += now * now
        products += now[:, None] * later
    error = tl.sum(power, 0) * HEAVIER + FLOOR
    r = tl.sum(products, 0)

    a, b = tl.zeros((TAPS,), tl.float64), tl.zeros((TAPS,), tl.float64)
    before = tl.maximum(i - 1, 0)
    for order in range(ORDER):
        here = i == order
        k = tl.sum(tl.where(here, r, 0) - b * r, 0) / error
        shifted = tl.gather(b - k * a, before, 0)
        a = tl.where(here, k, a - k * b)
        b = tl.where(i == 0, k, shifted)
        error *= 1 - k * k
    tl.store(coefficients + stream * TAPS + TAPS - 1 - i, a)
