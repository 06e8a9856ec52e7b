"""The sum of `CausalBank` over frames, compiled."""

from __future__ import annotations

from dgm_audio.runtime.kernels.compiled import compiled


@compiled
def overlap(seen, taps, x):
    """Written: sound x (N, L, M) of the sums over bands (N, past + L, 2 M), weighed by the taps."""
    items, frames, bands = x.shape
    past = len(taps) - 1
    for item in range(items):
        for frame in range(frames):
            out = x[item, frame]
            for lag in range(past + 1):
                half = lag % 2 * bands
                part = seen[item, frame + past - lag, half : half + bands]
                for i in range(bands):
                    out[i] = out[i] + part[i] * taps[lag, i] if lag else part[i] * taps[0, i]
