"""Which class is a sound of? Named by a classifier that has heard sounds of the model's own.

A model that is told the class decodes a kick well as a `rim`, too: the code makes up for it. So
what reconstructs best says little, and the codes, from which the class was left out, say little
more. The model's own sounds of each class do: kernel ridge regression on their texture and their
course in time (`dgm_audio.evaluation.labels`), fitted once per model. The figures are those of
`python benchmarks/classes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_audio.apps.decoding import one_thread
from dgm_audio.data.shape import PEAK
from dgm_audio.evaluation.embedding import embed
from dgm_audio.evaluation.labels import LabelClassifier, course
from dgm_audio.evaluation.reconstruction import levels
from dgm_audio.generator import AudioGenerator

MOST_SOUNDS, EACH = 512, (8, 32)
"""Sounds to hear in all, and at least and at most of each class."""
MOST_KEPT = 4
"""Classifiers per model."""
_BATCH = 8

_fitted: WeakKeyDictionary[AudioGenerator, dict[str, LabelClassifier]] = WeakKeyDictionary()


def class_shares(
    model: AudioGenerator,
    clip: Tensor,
    choices: Sequence[Mapping[str, Any]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[float]:
    """An estimate of the probability of each condition, for a sound (1, C, T).

    Args:
        model: any.
        clip: of any length and level.
        choices: full conditions.
        progress: is told of how many sounds the model has made how many; it may stop by raising.
    """
    key = repr(choices)
    known = _fitted.setdefault(model, {})
    with torch.no_grad(), one_thread():
        if key not in known:
            made = _fit(model, choices, progress)
            while len(known) >= MOST_KEPT:  # one per pitch
                known.pop(next(iter(known)))
            known[key] = made
        scores = known[key].scores(_numbers(model, clip))[0]
    scores = scores.clamp_min(1e-3).square()  # so they are right as often as they say
    return (scores / scores.sum()).tolist()


def _fit(
    model: AudioGenerator,
    choices: Sequence[Mapping[str, Any]],
    progress: Callable[[int, int], None],
) -> LabelClassifier:
    fewest, most = EACH
    each = min(most, max(fewest, math.ceil(MOST_SOUNDS / len(choices))))
    numbers, labels = [], []
    for label, condition in enumerate(choices):
        length = model.lengths(condition)[0]
        for first in range(0, each, _BATCH):
            progress(label * each + first, len(choices) * each)
            count = min(_BATCH, each - first)
            z = model.noise(count, length=length, seed=0, first=label * each + first)
            numbers.append(_numbers(model, model.decode(z, condition, length=length).cpu()))
            labels += [label] * count
    return LabelClassifier(torch.cat(numbers), torch.tensor(labels))


def _numbers(model: AudioGenerator, x: Tensor) -> Tensor:
    """What is known of clips (N, C, T): brought to the model's length, and to one level."""
    rate, length = model.audio.sample_rate, model.audio.length
    x = F.pad(x.detach().cpu()[..., :length], (0, max(0, length - x.shape[-1])))
    x = x * (PEAK / x.abs().amax((1, 2), keepdim=True).clamp_min(1e-6))
    return torch.cat([embed(x, rate), course(levels(x, rate))], dim=1)
