"""Integrated loudness of a sound that passes by, in constant memory but for 10 numbers a second.

The same as `measure_loudness`, but for a last block of less than 0.4 s, which does not count.
"""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import torch
from scipy.signal import lfilter
from torch import Tensor

from dgm_audio.signal.loudness import (
    BLOCK_SECONDS,
    Loudness,
    level_gain,
    measure_loudness,
    peak_dbfs,
)

_STEPS = 4
"""In a block: blocks begin every 0.1 s."""
_WEIGHTS = np.array([1.0, 1.0, 1.0, 1.41, 1.41])
"""Of the channels: left, right, centre, and those behind."""
_OFFSET, _ABSOLUTE_GATE, _RELATIVE_GATE = -0.691, -70.0, -10.0


class LoudnessMeter:
    """Measures blocks (C, t) of one sound.

    Args:
        sample_rate: in Hz.

    Example:
        >>> meter = LoudnessMeter(48000)
        >>> tone = torch.sin(6000 * torch.arange(96000) / 48000)[None]
        >>> for block in tone.split(1000, dim=1):
        ...     meter.add(block)
        >>> round(meter.found().lufs, 1), round(meter.found().peak_dbfs, 1)
        (-3.1, 0.0)
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate, self._done = sample_rate, 0
        stages = pyloudnorm.Meter(sample_rate)._filters.values()
        self._stages = [(stage.b * stage.passband_gain, stage.a) for stage in stages]
        self._states: list[np.ndarray] = []
        self._rest: np.ndarray | None = None
        self._energies: list[np.ndarray] = []
        self._start: list[Tensor] = []
        self._peak = 0.0

    def add(self, block: Tensor) -> None:
        """Listen to the next block (C, t)."""
        if not block.shape[1]:
            return
        self._peak = max(self._peak, float(block.abs().max()))
        if self._done < BLOCK_SECONDS * self._rate:
            self._start.append(block)
        squares = np.square(self._weighted(block.double().cpu().numpy()))
        if self._rest is not None:
            squares = np.concatenate([self._rest, squares], axis=1)
        first = self._done - (0 if self._rest is None else self._rest.shape[1])
        self._done += block.shape[1]
        while (end := self._border(len(self._energies) + 1) - first) <= squares.shape[1]:
            self._energies.append(squares[:, :end].sum(1))
            squares, first = squares[:, end:], first + end
        self._rest = squares

    def found(self) -> Loudness:
        """The loudness of all blocks so far."""
        if len(self._energies) < _STEPS:
            return measure_loudness(torch.cat(self._start, dim=1), self._rate)
        energies = np.stack(self._energies)
        blocks = np.lib.stride_tricks.sliding_window_view(energies, _STEPS, axis=0).sum(-1)
        power = blocks @ _WEIGHTS[: blocks.shape[1]] / (BLOCK_SECONDS * self._rate)
        with np.errstate(divide="ignore"):
            level = _OFFSET + 10 * np.log10(power)
        lufs, gate = -math.inf, _ABSOLUTE_GATE
        for below in (_RELATIVE_GATE, 0.0):
            kept = power[level > gate]
            if not len(kept):
                break
            lufs = _OFFSET + 10 * math.log10(kept.mean())
            gate = max(gate, lufs + below)
        peak = 20 * math.log10(self._peak) if self._peak > 0 else -math.inf
        return Loudness(lufs, peak, BLOCK_SECONDS)

    def _border(self, step: int) -> int:
        """Where a step of 0.1 s begins."""
        return int(BLOCK_SECONDS / _STEPS * step * self._rate)

    def _weighted(self, x: np.ndarray) -> np.ndarray:
        if not self._states:
            self._states = [np.zeros((len(x), len(a) - 1)) for _, a in self._stages]
        for index, (b, a) in enumerate(self._stages):
            x, self._states[index] = lfilter(b, a, x, axis=1, zi=self._states[index])
        return x


def to_level(
    audio: Tensor, sample_rate: int, level: str, target: float | None = None
) -> tuple[Tensor, float]:
    """Audio (C, T) or (T,) brought to a level by one gain, and the gain in dB (see `level_gain`).

    Raises:
        InputError: if the level is unknown, or the loudness cannot be measured.
    """
    found = Loudness(-math.inf, peak_dbfs(audio), 0.0)
    if level == "lufs" and audio.any():
        meter = LoudnessMeter(sample_rate)  # so that blocks and the whole get one gain
        meter.add(audio if audio.ndim == 2 else audio[None])
        found = meter.found()
    gain = level_gain(level, found, target)
    return (audio * float(np.float32(10 ** (gain / 20))) if gain else audio), gain
