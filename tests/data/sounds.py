"""Sounds that the tests of the data package are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE = 8000


def tone(hertz: float, seconds: float, rate: int = RATE, decay: float = 8.0) -> np.ndarray:
    """A struck tone (T,): loud at once, dying away."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.cos(2 * np.pi * hertz * time) * np.exp(-decay * time)


def hit(seed: int, seconds: float = 0.2, rate: int = RATE, decay: float = 20.0) -> np.ndarray:
    """A burst of coloured noise (T,), another one for each seed."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(round(seconds * rate))
    coloured = np.convolve(noise, rng.standard_normal(9), mode="same")
    coloured *= np.exp(-decay * np.arange(len(coloured)) / rate)
    return 0.5 * coloured / np.abs(coloured).max()


def too_few(count: int) -> str:
    """The note of splits that have no test clips."""
    return (
        f"{count} clips are too few for both validation and test: all of them are for validation, "
        "and none is left to test on"
    )


def small_set(record) -> None:
    """Eight files of two classes."""
    for index in range(4):
        record(f"kick/{index}.wav", hit(index))
        record(f"snare/{index}.flac", hit(10 + index, seconds=0.1 + 0.1 * index))


def truncate(path: Path) -> None:
    """Cut a file in its middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
