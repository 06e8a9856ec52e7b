"""Random numbers of a step as functions of the seed and the step: without a state."""

from __future__ import annotations

import numpy as np


def step_seed(seed: int, step: int, rank: int) -> int:
    """A 63-bit seed that depends on all three, and on nothing else."""
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def batch_rows(clips: int, batch: int, step: int, seed: int) -> np.ndarray:
    """Rows of the batch of a step: each epoch is a permutation drawn from (seed, epoch).

    >>> rows = [batch_rows(5, 3, step, seed=0) for step in range(5)]
    >>> sorted(np.concatenate(rows).tolist()) == sorted(list(range(5)) * 3)
    True
    """
    places = np.arange(step * batch, (step + 1) * batch)
    epochs = places // clips
    orders = {e: np.random.default_rng((seed, int(e))).permutation(clips) for e in set(epochs)}
    return np.array([orders[e][place % clips] for e, place in zip(epochs, places, strict=True)])


def partnered(rows: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """The rows with the second half replaced: row i + n/2 is of the group of row i.

    Args:
        rows: of clips (n,).
        groups: number of the group of every clip.
        seed: of the choice.

    >>> partnered(np.array([0, 1, 2, 3]), np.array([7, 5, 5, 7]), seed=0).tolist() in (
    ...     [[0, 1, a, b] for a in (0, 3) for b in (1, 2)])
    True
    """
    rng, half = np.random.default_rng(seed), len(rows) // 2
    partners = [rng.choice(np.flatnonzero(groups == groups[row])) for row in rows[:half]]
    return np.concatenate([rows[:half], np.array(partners, dtype=rows.dtype), rows[2 * half :]])
