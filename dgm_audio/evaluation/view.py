"""What the judges see of a set of clips, computed once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio.evaluation import copies, labels, two_sample
from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding, embed
from dgm_audio.evaluation.kept import kept
from dgm_audio.evaluation.listening import measure
from dgm_audio.evaluation.spectra import (
    batches,
    check_clips,
    log_mel,
    peak_normalised,
    window_length,
)

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet
    from dgm_audio.data.clip_set import ClipArray

WINDOW = 0.023
_BATCH = 64

PARTS = ("timbre", "patterns", "cells")
"""What the label classifier, the two-sample test and the copy audit see."""

Columns = Mapping[str, Tensor]


@dataclass(frozen=True)
class View:
    """N clips as numbers; for all but `heard` every clip was peak-normalised first.

    Args:
        labels: class indices (N,).
        clusters: near copies share a number (N,).
        numbers: by the name of an embedding (N, E), not yet standardised.
        heard: by the key of a listening measure (N,); NaN where it is not defined.
        timbre: what the label classifier sees (N, ...).
        patterns: what the two-sample test sees (N, ...).
        cells: what the copy audit sees (N, ...).
    """

    labels: Tensor
    clusters: Tensor
    numbers: Columns
    heard: Columns
    timbre: Tensor
    patterns: Tensor
    cells: Tensor

    @classmethod
    def of(
        cls,
        audio: Tensor | ClipArray,
        class_labels: Tensor,
        sample_rate: int,
        *,
        embeddings: Mapping[str, Embedding],
        kind: str | None = None,
        parts: Collection[str] = PARTS,
        clusters: Tensor | None = None,
        lengths: Tensor | None = None,
        pitches: Tensor | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> View:
        """The view of clips (N, C, T) with class indices (N,); by default none are near copies.

        What listeners notice is measured of a kind of sound only (see `listening.KINDS`). Of
        `PARTS` some may be enough, since each takes its time; the others have no columns.
        """
        count, start, found = len(audio), 0, []
        lengths = torch.full((count,), audio.shape[2]) if lengths is None else lengths
        pitches = torch.full((count,), torch.nan) if pitches is None else pitches
        for part in batches(audio, _BATCH):
            x, rows = check_clips(part), slice(start, start + len(part))
            heard = {}
            if kind is not None:
                heard = measure(x, lengths[rows], sample_rate, kind, pitches[rows])
            found.append((_numbers(peak_normalised(x), sample_rate, embeddings, parts), heard))
            start += len(part)
            progress(len(part))
        seen = _joined([numbers for numbers, _ in found])
        rest = {name: seen.pop(name) for name in PARTS}
        heard = _joined([heard for _, heard in found])
        own = torch.arange(count) if clusters is None else clusters
        return cls(class_labels, own, seen, heard, **rest)

    @classmethod
    def of_clips(
        cls,
        clips: ClipSet,
        *,
        embeddings: Mapping[str, Embedding],
        kind: str | None = None,
        parts: Collection[str] = PARTS,
        progress: Callable[[int], None] = lambda _: None,
    ) -> View:
        """The view of real clips; takes of one instrument are one cluster."""
        from dgm_audio.data.takes import take_groups

        def work() -> Mapping[str, np.ndarray]:
            view = cls.of(
                clips.audio,
                torch.from_numpy(clips.labels).long(),
                clips.sample_rate,
                embeddings=embeddings,
                kind=kind,
                parts=parts,
                clusters=torch.from_numpy(take_groups(clips)),
                lengths=torch.from_numpy(clips.lengths),
                pitches=torch.from_numpy(clips.pitches),
                progress=progress,
            )
            return view.arrays()

        return cls.from_arrays(kept_view(clips, "view", [kind, *parts], embeddings, work))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> View:
        """The clips with these indices."""
        return View.from_arrays({name: values[indices] for name, values in self.arrays().items()})

    def arrays(self) -> dict[str, Any]:
        """All numbers by flat names, such as "labels" and "numbers.texture"."""
        flat: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                flat[item.name] = value
            else:
                flat |= {f"{item.name}.{name}": column for name, column in value.items()}
        return flat

    @classmethod
    def from_arrays(cls, flat: Mapping[str, Any]) -> View:
        """The inverse of `arrays`."""
        values: dict[str, Any] = {"numbers": {}, "heard": {}}
        for name, column in flat.items():
            field, _, key = name.partition(".")
            if key:
                values[field][key] = torch.as_tensor(column)
            else:
                values[field] = torch.as_tensor(column)
        return cls(**values)


def kept_view(
    clips: ClipSet,
    what: str,
    given: list[Any],
    embeddings: Mapping[str, Embedding],
    work: Callable[[], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """The arrays of a view, kept beside the clips; not with an embedding of one's own.

    An embedding of this package is a dataclass, whose text has all its settings; of another
    function nobody can tell whether it is still the same.
    """
    if not all(type(embedding).__module__.startswith(__package__ or "") for embedding in
               embeddings.values()):  # fmt: skip
        return work()
    known = [*given, clips.sample_rate, {name: repr(part) for name, part in embeddings.items()}]
    return kept(clips, what, known, work)


def _joined(parts: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def _numbers(
    x: Tensor, sample_rate: int, embeddings: Mapping[str, Embedding], parts: Collection[str]
) -> dict[str, Tensor]:
    """Embeddings, timbre, patterns and cells of peak-normalised clips (N, C, T)."""
    numbers = {name: embed(x, sample_rate, embedding) for name, embedding in embeddings.items()}
    window = window_length(WINDOW, sample_rate)
    levels = log_mel(x, sample_rate, bands=min(64, window // 16), window=window, hop=window // 4)
    found = dict.fromkeys(PARTS, levels.new_zeros(len(x), 0))
    if "timbre" in parts:
        own = [rows for name, rows in numbers.items() if embeddings[name] == TextureEmbedding()]
        texture = own[0] if own else embed(x, sample_rate, TextureEmbedding())
        found["timbre"] = torch.cat([texture, labels.course(levels)], dim=1)
    if "patterns" in parts:
        found["patterns"] = two_sample.patterns(levels)
    if "cells" in parts:
        found["cells"] = copies.cells(levels)
    return numbers | found
