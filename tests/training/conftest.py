import numpy as np
import pytest

from dgm_audio.data import ClipSet, Splits
from dgm_audio.families.vae.training import VAETask

RATE, LENGTH = 8000, 4096


def drum(kind, rng):
    """A decaying tone or a decaying noise burst, with its own pitch and decay."""
    t = np.arange(LENGTH) / RATE
    decay = np.exp(-t * rng.uniform(8, 30))
    tone = np.sin(2 * np.pi * rng.uniform(80, 400) * t)
    sound = tone if kind == "tone" else rng.standard_normal(LENGTH)
    sound = sound * decay
    return 0.9 * sound / np.abs(sound).max()


def clip_set(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = ["tone" if index % 2 else "noise" for index in range(count)]
    audio = np.stack([drum(label, rng) for label in labels])[:, None]
    return ClipSet.from_arrays(audio, RATE, labels=labels)


@pytest.fixture(autouse=True)
def small_models(monkeypatch):
    monkeypatch.setattr(VAETask, "width", 32)


@pytest.fixture(scope="session")
def splits():
    clips = clip_set(36)
    none = clips.subset(np.arange(0))
    return Splits(clips.subset(np.arange(24)), clips.subset(np.arange(24, 36)), none, none)
