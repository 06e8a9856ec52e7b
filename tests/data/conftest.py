from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dgm_audio.data.clip_config import ClipConfig

from .sounds import RATE

Record = Callable[..., Path]


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
