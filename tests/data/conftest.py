from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dgm_audio.data.clip_config import ClipConfig

RATE = 8000

Record = Callable[..., Path]


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


@pytest.fixture
def config() -> ClipConfig:
    return ClipConfig(sample_rate=RATE, length=2000)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Writes a sound (T,) or (T, C) to a file of the data set."""

    def write(name: str, sound: np.ndarray, rate: int = RATE, subtype: str | None = None) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, rate, subtype=subtype)
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data set that `record` writes."""
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A cache of its own."""
    return tmp_path / "cache"
