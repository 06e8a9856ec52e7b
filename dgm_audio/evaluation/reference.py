"""Real clips, embedded once, that generated clips are compared with again and again.

`quick_distance(model, reference)` is the validation metric of training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgm_audio.data.feasibility import LEAST_CLIPS
from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation.distances import (
    gaussian_kernel,
    mean_between,
    mean_within,
    signed_root,
)
from dgm_audio.evaluation.embedding import Embedding, embed
from dgm_audio.evaluation.sampling import draw, pitches_like, proportional_labels
from dgm_audio.evaluation.spectra import check_clips, peak_normalised
from dgm_audio.evaluation.standardised_reference import StandardisedReference
from dgm_audio.generator import AudioGenerator

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

MIN_CLIPS = LEAST_CLIPS
"""Fewer clips than this say nothing about a distribution."""

VALIDATION_SEED = 1_000_003
"""Of the sounds by which snapshots are chosen: reports draw others, with seed 0 by default."""


class Reference:
    """Real clips and their standardised embedding.

    Every clip, real or generated, is peak-normalised before it is embedded, for the comparison
    only: a model is not rewarded or punished for its level.

    Args:
        clips: a `ClipSet`, or (audio (N, C, T), labels (N,), sample rate in Hz).
        embedding: maps (N, C, T) and the sample rate to (N, E); by default `TextureEmbedding`.

    Attributes:
        audio: the clips (N, C, T), peak-normalised.
        labels: class indices (N,).
        pitches: MIDI numbers (N,), NaN where unknown.
        classes: names of the classes; empty if only a tuple was given.
        standardised: mean, scale and points of their embedding.

    Raises:
        DataError: if there are fewer than 8 clips.
    """

    def __init__(
        self, clips: ClipSet | tuple[Tensor, Tensor, int], embedding: Embedding | None = None
    ) -> None:
        if isinstance(clips, tuple):
            (audio, labels, self.sample_rate), classes = clips, ()
            self.pitches = torch.full((len(audio),), torch.nan)
        else:
            audio, labels, classes = clips.tensor(), clips.labels, clips.classes
            self.sample_rate, self.pitches = clips.sample_rate, torch.from_numpy(clips.pitches)
        if len(audio) < MIN_CLIPS:
            raise DataError(
                f"the reference has {len(audio)} clips; at least {MIN_CLIPS} are needed"
            )
        self.audio = peak_normalised(check_clips(audio))
        self.classes: tuple[str, ...] = classes
        self.labels = torch.as_tensor(labels).long()
        self.embedding = embedding
        self.standardised = StandardisedReference.of(embed(self.audio, self.sample_rate, embedding))
        self._ones = torch.ones(len(self.audio), dtype=torch.float64)
        kernel = gaussian_kernel(
            self.standardised.points, self.standardised.points, self.standardised.bandwidth
        )
        self._within = mean_within(kernel, self._ones)

    def __len__(self) -> int:
        return len(self.audio)

    def embed(self, x: Tensor) -> Tensor:
        """Embedding (N, E) of clips (N, C, T), standardised with the reference's mean and scale.

        Raises:
            InputError: if the clips have another number of channels or samples.
        """
        if x.ndim != 3 or x.shape[1:] != self.audio.shape[1:]:
            channels, length = self.audio.shape[1:]
            raise InputError(
                f"clips have shape {tuple(x.shape)}; expected (N, {channels}, {length})"
            )
        audio = peak_normalised(check_clips(x))
        return self.standardised(embed(audio, self.sample_rate, self.embedding))

    def distance(self, x: Tensor) -> float:
        """MMD of clips (N, C, T), N >= 2, to the reference: 0 is as alike as real clips are.

        The root of the unbiased squared estimate with its sign: by chance it is below 0 for half of
        all sets of real clips, and what is lower still counts as nearer.
        """
        points, width = self.embed(x), self.standardised.bandwidth
        ones = points.new_ones(len(points))
        within = mean_within(gaussian_kernel(points, points, width), ones)
        kernel = gaussian_kernel(points, self.standardised.points, width)
        squared = within + self._within - 2 * mean_between(kernel, ones, self._ones)
        return signed_root(float(squared))


def quick_distance(
    source: AudioGenerator | Tensor,
    reference: Reference,
    *,
    n: int | None = None,
    seed: int = VALIDATION_SEED,
) -> float:
    """MMD of a model's sounds to a reference: seconds, for use during training.

    Args:
        source: a model, or audio (N, C, T).
        reference: validation clips, prepared once.
        n: sounds to draw, in the class proportions of the reference; by default as many as it has.
        seed: of the draw; the same seed makes values comparable between checkpoints.
    """
    if isinstance(source, Tensor):
        return reference.distance(source)
    labels = proportional_labels(reference.labels, len(reference) if n is None else n)
    length = reference.audio.shape[2]
    pitches = pitches_like(reference.labels, reference.pitches, labels, seed)
    classes = reference.classes
    return reference.distance(draw(source, labels, classes, length, seed=seed, pitches=pitches))
