"""The features of a set of clips: all that the evaluation compares, computed once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dgm_audio._renamed import old_names
from dgm_audio.evaluation import copies, labels, two_sample
from dgm_audio.evaluation.disk_cache import cached
from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding, embed
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
    from dgm_audio.data.clip_array import ClipArray

WINDOW = 0.023
_BATCH = 64

PARTS = ("timbre", "patterns", "cells")
"""Inputs of the label classifier, of the two-sample test and of the copy audit."""

Columns = Mapping[str, Tensor]


@dataclass(frozen=True)
class ClipFeatures:
    """Features of N clips; for all but `listening` every clip was peak-normalised first.

    Args:
        labels: class indices (N,).
        clusters: near copies share a number (N,).
        embedded: by the name of an embedding (N, E), not yet standardised.
        listening: by the key of a listening measure (N,); NaN where it is not defined.
        timbre: input of the label classifier (N, ...).
        patterns: input of the two-sample test (N, ...).
        cells: input of the copy audit (N, ...).
    """

    labels: Tensor
    clusters: Tensor
    embedded: Columns
    listening: Columns
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
    ) -> ClipFeatures:
        """The features of clips (N, C, T) with class indices (N,).

        Args:
            audio: the clips.
            class_labels: class indices (N,).
            sample_rate: in Hz.
            embeddings: by name.
            kind: of sound, whose listening measures are taken (see `listening.KINDS`), or None.
            parts: those of `PARTS` that are needed; the others stay empty.
            clusters: numbers (N,) that near copies share; by default no clips are near copies.
            lengths: samples (N,) of each clip without its padding; by default all.
            pitches: MIDI numbers (N,), NaN where unknown.
            progress: takes the number of clips that are done.
        """
        count, start, found = len(audio), 0, []
        lengths = torch.full((count,), audio.shape[2]) if lengths is None else lengths
        pitches = torch.full((count,), torch.nan) if pitches is None else pitches
        for part in batches(audio, _BATCH):
            x, rows = check_clips(part), slice(start, start + len(part))
            measured = {}
            if kind is not None:
                measured = measure(x, lengths[rows], sample_rate, kind, pitches[rows])
            found.append((_features(peak_normalised(x), sample_rate, embeddings, parts), measured))
            start += len(part)
            progress(len(part))
        embedded = _joined([features for features, _ in found])
        rest = {name: embedded.pop(name) for name in PARTS}
        listening = _joined([measured for _, measured in found])
        own = torch.arange(count) if clusters is None else clusters
        return cls(class_labels, own, embedded, listening, **rest)

    @classmethod
    def of_clips(
        cls,
        clips: ClipSet,
        *,
        embeddings: Mapping[str, Embedding],
        kind: str | None = None,
        parts: Collection[str] = PARTS,
        progress: Callable[[int], None] = lambda _: None,
    ) -> ClipFeatures:
        """The features of real clips; takes of one instrument are one cluster."""
        from dgm_audio.data.takes import take_groups

        def work() -> Mapping[str, np.ndarray]:
            features = cls.of(
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
            return features.arrays()

        return cls.from_arrays(cached_features(clips, "features", [kind, *parts], embeddings, work))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> ClipFeatures:
        """The features of the clips with these indices."""
        return ClipFeatures.from_arrays(
            {name: values[indices] for name, values in self.arrays().items()}
        )

    def arrays(self) -> dict[str, Any]:
        """All features by flat names, such as "labels" and "embedded.texture"."""
        flat: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                flat[item.name] = value
            else:
                flat |= {f"{item.name}.{name}": column for name, column in value.items()}
        return flat

    @classmethod
    def from_arrays(cls, flat: Mapping[str, Any]) -> ClipFeatures:
        """The inverse of `arrays`."""
        values: dict[str, Any] = {"embedded": {}, "listening": {}}
        for name, column in flat.items():
            field, _, key = name.partition(".")
            if key:
                values[field][key] = torch.as_tensor(column)
            else:
                values[field] = torch.as_tensor(column)
        return cls(**values)


def cached_features(
    clips: ClipSet,
    what: str,
    given: list[Any],
    embeddings: Mapping[str, Embedding],
    work: Callable[[], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """The arrays of features, from a cache beside the clips; a user's embedding is not cached.

    An embedding of this package is a dataclass, whose repr has all its settings; whether another
    function has changed cannot be told.
    """
    if not all(type(embedding).__module__.startswith(__package__ or "") for embedding in
               embeddings.values()):  # fmt: skip
        return work()
    known = [*given, clips.sample_rate, {name: repr(part) for name, part in embeddings.items()}]

    return cached(clips, what, known, work)


def _joined(parts: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def _features(
    x: Tensor, sample_rate: int, embeddings: Mapping[str, Embedding], parts: Collection[str]
) -> dict[str, Tensor]:
    """Embeddings, timbre, patterns and cells of peak-normalised clips (N, C, T)."""
    embedded = {name: embed(x, sample_rate, embedding) for name, embedding in embeddings.items()}
    window = window_length(WINDOW, sample_rate)
    levels = log_mel(x, sample_rate, bands=min(64, window // 16), window=window, hop=window // 4)
    found = dict.fromkeys(PARTS, levels.new_zeros(len(x), 0))
    if "timbre" in parts:
        own = [rows for name, rows in embedded.items() if embeddings[name] == TextureEmbedding()]
        texture = own[0] if own else embed(x, sample_rate, TextureEmbedding())
        found["timbre"] = torch.cat([texture, labels.course(levels)], dim=1)
    if "patterns" in parts:
        found["patterns"] = two_sample.patterns(levels)
    if "cells" in parts:
        found["cells"] = copies.cells(levels)

    return embedded | found


__getattr__ = old_names(__name__)
