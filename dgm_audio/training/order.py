"""What is random in a step, as functions of the seed and the step: nothing has to be remembered."""

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
