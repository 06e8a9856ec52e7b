"""What the judges see of a set of clips, computed once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.evaluation import copies, labels, two_sample
from dgm_audio.evaluation.embedding import Embedding, TextureEmbedding, embed
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


@dataclass(frozen=True)
class View:
    """N clips as numbers; every clip was peak-normalised first.

    Args:
        labels: class indices (N,).
        clusters: near copies share a number (N,).
        numbers: the embedding (N, E), not yet standardised.
        timbre: what the label classifier sees (N, ...).
        patterns: what the two-sample test sees (N, ...).
        cells: what the copy audit sees (N, ...).
    """

    labels: Tensor
    clusters: Tensor
    numbers: Tensor
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
        clusters: Tensor | None = None,
        embedding: Embedding | None = None,
    ) -> View:
        """The view of clips (N, C, T) with class indices (N,); by default none are near copies."""
        parts = [
            _numbers(peak_normalised(check_clips(part)), sample_rate, embedding)
            for part in batches(audio, _BATCH)
        ]
        if clusters is None:
            clusters = torch.arange(len(audio))
        return cls(class_labels, clusters, *(torch.cat(part) for part in zip(*parts, strict=True)))

    @classmethod
    def of_clips(cls, clips: ClipSet, embedding: Embedding | None = None) -> View:
        """The view of real clips; takes of one instrument are one cluster."""
        from dgm_audio.data.takes import take_groups

        clusters = torch.from_numpy(take_groups(clips))
        class_labels = torch.from_numpy(clips.labels).long()
        rate = clips.sample_rate
        return cls.of(clips.audio, class_labels, rate, clusters=clusters, embedding=embedding)

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> View:
        """The clips with these indices."""
        return View(*(getattr(self, item.name)[indices] for item in fields(self)))


def _numbers(x: Tensor, sample_rate: int, embedding: Embedding | None) -> tuple[Tensor, ...]:
    """Embedding, timbre, patterns and cells of peak-normalised clips (N, C, T)."""
    texture = embed(x, sample_rate, TextureEmbedding())
    numbers = texture if embedding is None else embed(x, sample_rate, embedding)
    window = window_length(WINDOW, sample_rate)
    levels = log_mel(x, sample_rate, bands=min(64, window // 16), window=window, hop=window // 4)
    timbre = torch.cat([texture, labels.course(levels)], dim=1)
    return numbers, timbre, two_sample.patterns(levels), copies.cells(levels)
