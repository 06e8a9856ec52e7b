"""Sounds to compare: drawn from a model, or chosen among clips, with the classes of a reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.generator import AudioGenerator
from dgm_audio.specs import Classes

_BATCH = 16


def proportional_labels(labels: Tensor, count: int) -> Tensor:
    """`count` class indices in the proportions of `labels` (largest remainders), in order.

    >>> proportional_labels(torch.tensor([0, 0, 2]), 5).tolist()
    [0, 0, 0, 2, 2]
    """
    share = torch.bincount(labels).double() * count / len(labels)
    numbers = share.floor().long()
    rest = (share - numbers).sort(descending=True, stable=True).indices
    numbers[rest[: count - int(numbers.sum())]] += 1
    return torch.repeat_interleave(torch.arange(len(numbers)), numbers)


def choose(labels: Tensor, wanted: Tensor, seed: int) -> Tensor:
    """Indices of clips, none twice, whose labels are the wanted ones as far as there are enough.

    Args:
        labels: class of each clip (N,).
        wanted: classes to choose (M,).
        seed: of the choice.

    Returns:
        At most M indices, sorted; classes with too few clips give all that they have.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [
        order[labels.numpy()[order] == label][: int((wanted == label).sum())]
        for label in wanted.unique().tolist()
    ]
    return torch.from_numpy(np.sort(np.concatenate(chosen)))


def class_field(model: AudioGenerator, classes: tuple[str, ...]) -> str | None:
    """Name of the condition that takes the classes of the data; None if there is nothing to give.

    Raises:
        InputError: if the model has classes, but not those of the data.
    """
    fields = [(name, field) for name, field in model.condition if isinstance(field, Classes)]
    if not fields or len(classes) < 2:
        return None
    name, field = fields[0]
    unknown = [label for label in classes if label not in field.names]
    if unknown:
        raise InputError(
            f"the data have classes that the model does not know: {', '.join(unknown[:5])}; "
            f"it knows {', '.join(field.names)}"
        )
    return name


def asked_for(
    model: AudioGenerator,
    classes: tuple[str, ...],
    labels: Tensor,
    pitches: Tensor | None = None,
) -> dict[str, Any]:
    """The condition that asks for given classes, by name, and pitches, where the model has them.

    Args:
        model: any.
        classes: names of the classes of the data.
        labels: class indices (N,).
        pitches: MIDI numbers (N,), NaN where unknown.
    """
    name = class_field(model, classes)
    found: dict[str, Any] = {}
    if name is not None:
        found[name] = [classes[int(label)] for label in labels]
    if pitches is not None and "pitch" in model.condition.fields and not pitches.isnan().any():
        found["pitch"] = pitches
    return found


def pitches_like(labels: Tensor, pitches: Tensor, wanted: Tensor, seed: int) -> Tensor:
    """For each wanted class (M,) a pitch of one of the clips (N,) of that class, by chance."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(np.flatnonzero((labels == label).numpy())) for label in wanted]
    return pitches[torch.tensor(rows, dtype=torch.long)]


def draw(
    model: AudioGenerator,
    labels: Tensor,
    classes: tuple[str, ...],
    length: int,
    *,
    seed: int,
    pitches: Tensor | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """One sound per label: audio (N, C, length), the very items that `model.sample` would give.

    A model whose longest clip is shorter is padded with silence, as short files are.

    Args:
        model: the generator.
        labels: class of each sound (N,), indices into `classes`.
        classes: names of the classes of the data.
        length: samples.
        seed: sound i depends on (seed, i), its class and its pitch only.
        pitches: MIDI number of each sound (N,), for models that have a pitch.
        progress: takes the number of sounds that are done.
    """
    longest = model.audio.max_length or length
    made = min(length, longest)
    sounds = []
    for first in range(0, len(labels), _BATCH):
        part = labels[first : first + _BATCH]
        notes = None if pitches is None else pitches[first : first + _BATCH]
        z = model.noise(len(part), length=made, seed=seed, first=first)
        with torch.no_grad():
            audio = model.decode(z, asked_for(model, classes, part, notes), length=made)
        sounds.append(torch.nn.functional.pad(audio.cpu(), (0, length - made)))
        progress(len(part))
    return torch.cat(sounds)
