"""How much a model's sounds of one class differ from one another, compared with real ones.

    diversity = median |x_i - x_j|  /  median |y_i - y_j|

over pairs of generated sounds x, and of real clips y, of the same class, in the standardised
embedding of the reference. 1 is as varied as real sound; a generator that ignores its latent has 0.
Medians, since one odd sound among alike ones is no variety.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation.reference import Reference
from dgm_audio.evaluation.sampling import class_field, draw
from dgm_audio.generator import AudioGenerator

SOUNDS = 32


def diversity(
    model: AudioGenerator, reference: Reference, *, n: int = SOUNDS, seed: int = 0
) -> float:
    """How different a fixed set of a model's sounds are; a second or so.

    The sounds are of the classes in turn; those with most clips if there are more than n / 2, so
    that each has a pair. All sounds of a class have one pitch, the middle one of its clips: what
    differs is what the latent says. Where the model has no classes, or no class has two clips, all
    sounds count as one class.

    Args:
        model: the generator.
        reference: real clips, prepared once.
        n: sounds to draw, at least 2.
        seed: of the draw; the same seed makes values comparable between checkpoints.

    Returns:
        Ratio of median distances, 0 or more; 1 if the real clips of a class are all the same.

    Raises:
        InputError: if n is less than 2.
    """
    if n < 2:
        raise InputError(f"n is {n}; at least 2 sounds are needed to tell how much they differ")
    groups = reference.labels
    if class_field(model, reference.classes) is None:
        groups = torch.zeros_like(groups)
    counts = groups.bincount()
    order = counts.argsort(descending=True, stable=True)
    alone = int(counts.max()) < 2
    compared = order[counts[order] > 0][:n] if alone else order[counts[order] > 1][: n // 2]
    labels = compared[torch.arange(n) % len(compared)]
    length, pitches = reference.audio.shape[2], _middle_pitches(groups, reference.pitches)[labels]
    made = reference.embed(
        draw(model, labels, reference.classes, length, seed=seed, pitches=pitches)
    )
    if alone:
        groups, labels = torch.zeros_like(groups), torch.zeros_like(labels)
    shown = torch.isin(groups, labels)
    real = apart(reference.standardised.points[shown], groups[shown])
    return apart(made, labels) / real if real > 0 else 1.0


def apart(points: Tensor, groups: Tensor) -> float:
    """Median distance of two points (N, E) of one group (N,), over all such pairs.

    A group of one point has no pair and does not count.

    >>> points = torch.tensor([[0.0], [1.0], [5.0], [8.0], [0.0], [50.0], [99.0]])
    >>> apart(points, torch.tensor([0, 0, 1, 1, 2, 2, 3]))
    3.0
    """
    parts = [torch.pdist(points[groups == group]) for group in groups.unique()]
    return float(torch.cat(parts).quantile(0.5))


def _middle_pitches(groups: Tensor, pitches: Tensor) -> Tensor:
    """The median pitch of every group, by its index; NaN where one is unknown."""
    found = pitches.new_full((int(groups.max()) + 1,), torch.nan)
    for group in groups.unique():
        found[group] = pitches[groups == group].median()
    return found
