"""Phases of a magnitude spectrogram, frame by frame and without look-ahead.

The bins around a peak belong to one partial. Its frequency f is where the parabola through the
log-magnitudes of the peak and its neighbours is highest; from frame to frame its phase advances by
f, and all bins around the peak take it (phases refer to the frames' centres):

    phi_l[k] = phi_{l-1}[p] + 2 pi f_l[p] hop / n_fft,    p the peak nearest to k

So the phases of a held tone are consistent without a network that learns them.

References:
    Beauregard, Harish and Wyse, "Single pass spectrogram inversion", 2015.
    Laroche and Dolson, "Improved phase vocoder time-scale modification of audio", 1999.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FAR = 1 << 20
SILENCE = 1e-9


def partials(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """For each bin the peak that it belongs to, and that peak's frequency in bins.

    Args:
        magnitude: (..., F).

    Returns:
        Indices (..., F), and frequencies (..., F).
    """
    level = log_level(magnitude)
    left, right = F.pad(level, (1, 0))[..., :-1], F.pad(level, (0, 1))[..., 1:]
    higher, as_high = level > left, level >= right
    higher[..., 0], as_high[..., -1] = True, True
    bins = torch.arange(level.shape[-1], device=level.device)
    peak = higher & as_high
    below = torch.where(peak, bins, -FAR).cummax(-1).values
    above = torch.where(peak, bins, FAR).flip(-1).cummin(-1).values.flip(-1)
    nearest = torch.where(bins - below <= above - bins, below, above)
    bend = (2 * level - left - right).clamp_min(1e-6)
    frequency = bins + (0.5 * (right - left) / bend).clamp(-0.5, 0.5)
    return nearest, frequency.gather(-1, nearest)


def follow(magnitude: Tensor, overlap: int, phase: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Phases of a spectrogram in turns, 0 to 1.

    Args:
        magnitude: (N, L, F).
        overlap: n_fft / hop.
        phase: those of the frame before the first (N, F); zeros by default.

    Returns:
        The phases (N, L, F), and those of the last frame (N, F) to go on from.
    """
    magnitude = magnitude.detach()
    if phase is None:
        phase = magnitude.new_zeros(len(magnitude), magnitude.shape[2], dtype=torch.float64)
    plain = magnitude.device.type == "cpu" and magnitude.dtype == torch.float32
    if plain and not torch.compiler.is_compiling():
        return _follow_compiled(magnitude, overlap, phase)
    return follow_in_torch(magnitude, overlap, phase)


def follow_in_torch(magnitude: Tensor, overlap: int, phase: Tensor) -> tuple[Tensor, Tensor]:
    """As `follow`, on any device; the reference for the compiled loop."""
    nearest, frequency = partials(magnitude)
    advance = frequency.double() / overlap
    found = []
    for source, step in zip(nearest.unbind(1), advance.unbind(1), strict=True):
        phase = (phase.gather(-1, source) + step) % 1.0
        found.append(phase)
    return torch.stack(found, dim=1).to(magnitude.dtype), phase


def _follow_compiled(magnitude: Tensor, overlap: int, phase: Tensor) -> tuple[Tensor, Tensor]:
    from dgm_audio.runtime.kernels.phase import follow

    level, last = log_level(magnitude).contiguous(), phase.clone()
    turns = torch.empty_like(level)
    follow(level.numpy(), overlap, last.numpy(), turns.numpy())
    return turns, last


def log_level(magnitude: Tensor) -> Tensor:
    """Log-magnitudes in nepers, for finding peaks."""
    return magnitude.clamp_min(SILENCE).log()
