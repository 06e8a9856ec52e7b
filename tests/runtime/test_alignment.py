"""The kernel of monotonic alignment search against a search of all alignments."""

from itertools import combinations

import numpy as np
import pytest

from dgm_audio.runtime.kernels.alignment import align


def best_of_all(scores):
    """Frames of each symbol along the best path through (N, L) scores."""
    count, length = scores.shape

    def durations(cuts):
        return np.diff([0, *cuts, length])

    def value(cuts):
        symbols = np.repeat(np.arange(count), durations(cuts))
        return scores[symbols, np.arange(length)].sum()

    return durations(max(combinations(range(1, length), count - 1), key=value))


@pytest.mark.parametrize(("count", "length"), [(1, 1), (1, 5), (4, 4), (3, 8), (5, 9)])
def test_paths_are_the_best_of_all(count, length):
    scores = np.random.default_rng(length).standard_normal((3, count, length)).astype(np.float32)
    found = align(scores, np.full(3, count), np.full(3, length))
    assert found.tolist() == [best_of_all(item).tolist() for item in scores]


def test_what_is_padding_does_not_count():
    scores = np.random.default_rng(0).standard_normal((2, 6, 12)).astype(np.float32)
    found = align(scores, np.array([6, 3]), np.array([12, 7]))
    assert found[1].tolist() == [*best_of_all(scores[1, :3, :7]), 0, 0, 0]
    assert found.sum(1).tolist() == [12, 7]
