"""Shipped models sound the same whatever code the libraries choose for the processor."""

from pathlib import Path

import numpy as np
import pytest
from portability import PATHS, PLAIN, TOLERANCE, differences, play


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return play(PATHS[PLAIN], tmp_path_factory.mktemp("plain") / "made.npz")


@pytest.mark.parametrize("path", PATHS)
def test_every_shipped_model_sounds_the_same(path: str, plain, tmp_path: Path):
    """As on the plain path, alone as in a batch, and as when it was saved; the flow to the bit."""
    made = plain if path == PLAIN else play(PATHS[path], tmp_path / "made.npz")
    found = differences(made, plain)
    assert len(found) == 8
    assert max(found.values()) <= TOLERANCE, found
    assert np.array_equal(made["vocoder-flow/batch"], plain["vocoder-flow/batch"])


def test_another_sound_is_seen():
    """A sound, an item alone or a fingerprint that differs is told, relative to the peak."""
    plain = {"a/batch": np.array([0.5, -0.2]), "a/alone": np.array(0), "a/stored": np.array(0)}
    assert differences(plain, plain) == {"a": 0}
    changes = {"batch": np.array([0.5, -0.1]), "alone": np.array(0.1), "stored": np.array(0.2)}
    for key, value in changes.items():
        assert differences(plain | {f"a/{key}": value}, plain)["a"] == pytest.approx(0.2)
