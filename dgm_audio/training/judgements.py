"""How often a run judges its model."""

from __future__ import annotations

from dgm_audio.training.schedule import Budget

USUAL, WITHOUT_TIME = 20, 5
LONG_CLIPS = 240.0
"""Seconds between two judgements by long clips, of which one takes about half a minute on a CPU."""


def judgements(budget: Budget, whole: bool) -> int:
    """How often a model is judged over a budget: seldom if it learns from whole recordings.

    Args:
        budget: of the run.
        whole: of its task.

    >>> [judgements(Budget.parse(text), whole=True) for text in ("3m", "20m", "5h")]
    [1, 5, 20]
    >>> judgements(Budget.parse("3m"), whole=False)
    20
    """
    if not whole:
        return USUAL
    if budget.seconds is None:
        return WITHOUT_TIME
    return min(USUAL, max(1, int(budget.seconds / LONG_CLIPS)))
