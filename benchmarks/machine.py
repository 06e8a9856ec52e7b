"""What one core of this machine can do at most, and what else keeps the cores busy."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch

from dgm_audio.runtime.kernels.vectors import LANES, fma, full, load, store

QUIET = 0.15
"""Cores that other work may use during a measurement that counts."""
SECONDS = 0.02
"""How long one measurement of a peak lasts."""


class Load:
    """Measures, while it is entered, how many cores other work keeps busy (Linux; else 0).

    Attributes:
        others: those cores.
        core_seconds: CPU time of this process.
    """

    others = core_seconds = 0.0

    def __enter__(self) -> Load:
        self._start = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        busy, self.core_seconds, wall = (
            b - a for a, b in zip(self._start, self._now(), strict=True)
        )
        self.others = max(0.0, busy - self.core_seconds) / wall

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """Core-seconds of everything and of this process, and the time."""
        try:
            with open("/proc/stat", encoding="ascii") as stream:
                ticks = [int(word) for word in stream.readline().split()[1:9]]
        except OSError:
            ticks = [0] * 8
        busy = sum(ticks) - ticks[3] - ticks[4]  # idle, and waiting for a disk
        return busy / os.sysconf("SC_CLK_TCK"), time.process_time(), time.perf_counter()


class Peaks:
    """The most that one core reached in this run: measure often, the best counts."""

    def __init__(self) -> None:
        self.flops = 0.0
        """float32 multiplications and additions per second."""
        self.bandwidth: dict[int, float] = {}
        """Bytes per second when a buffer of so many bytes is read again and again."""

    def measure(self, sizes: set[int]) -> None:
        """Multiply and add, and read buffers of these sizes in bytes."""
        room = np.zeros(3 * LANES, np.float32)
        for chains, loop in ((1, _multiply_one), (3, _multiply_three)):
            rate = _rate(lambda n, loop=loop: loop(n, room))
            self.flops = max(self.flops, 2 * LANES * chains * rate)
        for size in sizes:
            block = 4 * LANES
            data = torch.ones(-(-size // (4 * block)) * block).numpy()  # aligned, and really there
            rate = _rate(lambda n, data=data: _read(n, data, room))
            self.bandwidth[size] = max(self.bandwidth.get(size, 0.0), data.nbytes * rate)


def facts() -> dict[str, Any]:
    """The machine, and the versions of what runs on it."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            return next(line.split(": ")[1].strip() for line in stream if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _rate(call: Callable[[int], object]) -> float:
    """Rounds per second of call(rounds), the best of three."""
    call(1)
    rounds, taken = 1, 0.0
    while taken < SECONDS / 2:
        rounds *= 2
        taken = _seconds(call, rounds)
    return rounds / min(_seconds(call, rounds) for _ in range(3))


def _seconds(call: Callable[[int], object], rounds: int) -> float:
    start = time.perf_counter()
    call(rounds)
    return time.perf_counter() - start


@numba.njit
def _multiply_one(rounds: int, room: np.ndarray) -> None:
    """x = x / 2 + 1/2, lane by lane: enough chains where a vector takes eight registers."""
    half = full(np.float32(0.5))
    a = load(room, 0)
    for _ in range(rounds):
        a = fma(a, half, half)
    store(room, 0, a)


@numba.njit
def _multiply_three(rounds: int, room: np.ndarray) -> None:
    """The same, where there are many wide registers."""
    half = full(np.float32(0.5))
    a, b, c = load(room, 0), load(room, LANES), load(room, 2 * LANES)
    for _ in range(rounds):
        a, b, c = fma(a, half, half), fma(b, half, half), fma(c, half, half)
    store(room, 0, a)
    store(room, LANES, b)
    store(room, 2 * LANES, c)


@numba.njit
def _read(rounds: int, data: np.ndarray, room: np.ndarray) -> None:
    """Sum up the data, a multiple of four vectors, again and again."""
    a = b = c = d = full(np.float32(0))
    for _ in range(rounds):
        for at in range(0, len(data), 4 * LANES):
            a, b = a + load(data, at), b + load(data, at + LANES)
            c, d = c + load(data, at + 2 * LANES), d + load(data, at + 3 * LANES)
    store(room, 0, (a + b) + (c + d))
