"""The evaluation report: every figure beside a noise baseline, real clips, and with an interval.

    reference   test clips, which neither trained nor chose the model; whole unseen groups are a
                second one (keys with `_unseen`)
    baseline    noise shaped to each class's mean spectrogram (keys with `_floor`)
    real        training clips against the same reference, the upper bound (keys with `_ceiling`)
    model       as many sounds as both of these, in the class proportions of the reference

All clips have the length of the data's clips and are peak-normalised, for the comparison only; what
listeners notice, the reconstruction and the likelihood take them as they are.

Intervals come from drawing generated and real clips anew, by clusters of near copies, with the
two-sample classifier trained anew on every draw. The label classifier and the training clips of the
copy audit stay as they are: these figures are about them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dgm_audio.errors import InputError
from dgm_audio.evaluation import bootstrap
from dgm_audio.evaluation.auc_scale import CHANGES, auc_scale
from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.by_class import ClassTable
from dgm_audio.evaluation.clip_features import ClipFeatures, cached_features
from dgm_audio.evaluation.embedding import Embedding
from dgm_audio.evaluation.embeddings import EMBEDDINGS
from dgm_audio.evaluation.figures import Comparison
from dgm_audio.evaluation.labels import LabelClassifier
from dgm_audio.evaluation.likelihood import Likelihood
from dgm_audio.evaluation.listening import KINDS, kind_of
from dgm_audio.evaluation.multiscale import multiscale_figures
from dgm_audio.evaluation.reconstruction import (
    MOST,
    class_mean_levels,
    reconstruct,
    reconstruction_figures,
)
from dgm_audio.evaluation.reference import MIN_CLIPS
from dgm_audio.evaluation.references import references
from dgm_audio.evaluation.report_keys import KEYS, bounded
from dgm_audio.evaluation.sampling import choose, draw, pitches_like, proportional_labels
from dgm_audio.evaluation.shaped_noise import ShapedNoise
from dgm_audio.evaluation.stages import Stages, stages
from dgm_audio.evaluation.tuning import tuning
from dgm_audio.evaluation.validation import MAX_SECONDS
from dgm_audio.generator import AudioGenerator, check_integer

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet, Splits

MIN_GENERATED = 256
"""Sounds to draw; fewer long ones: beyond the reference's number no more than `MAX_SECONDS`."""


def evaluate(
    source: AudioGenerator | ClipSet,
    splits: Splits,
    *,
    seed: int = 0,
    n: int | None = None,
    progress: bool | Callable[[str], None] = True,
    embeddings: Mapping[str, Embedding] | None = None,
) -> dict[str, Any]:
    """Compare a model, or a set of clips from anywhere, with real sound that it has not met.

    Args:
        source: a model, or generated clips with the classes, rate and length of the data.
        splits: training, test and (may be empty) unseen clips; the validation clips, which chose
            the model, are not used.
        seed: of the sounds, the noise, the choice of training clips and the bootstrap.
        n: sounds to draw per reference; by default 256, but no more than 600 s of sound, or as many
            as the reference has if that is more.
        progress: show a progress bar on stderr, or what to call with a line on every step.
        embeddings: by name, for the distances, the first also for the neighbours; by default
            `EMBEDDINGS`.

    Returns:
        `KEYS` and further figures, each a float or None; their 95 % intervals under "ci"; under
        "per_class" some figures of each class; under "scale" the AUC, with its interval, of
        recordings that were changed in known ways; under "counts" the numbers of clips; "seed";
        "notes", lines that a reader must know.

    Raises:
        DataError: if there are fewer than 8 clips to test on, or to train on.
        InputError: if rate, channels or classes of model and data differ.
    """
    if n is not None:
        check_integer("n", n, MIN_CLIPS, 100_000)
    chosen, notes = references(source, splits)
    with stages(progress) as stage:
        work = _Evaluation(source, splits.train, seed, n, embeddings or EMBEDDINGS, stage)
        return work.report(chosen) | {"seed": seed, "notes": [*notes, *work.notes]}


class _Evaluation:
    """What the stages of one evaluation share."""

    def __init__(
        self,
        source: AudioGenerator | ClipSet,
        train: ClipSet,
        seed: int,
        n: int | None,
        embeddings: Mapping[str, Embedding],
        stage: Stages,
    ) -> None:
        self.source, self.train, self.seed, self.n = source, train, seed, n
        self.embeddings, self.stage = embeddings, stage
        self.rate, self.classes = train.sample_rate, train.classes
        self.notes: list[str] = []
        self.figures: dict[str, Figure] = {}
        self.clusters: dict[str, Tensor] = {}
        self.scale: dict[str, dict[str, Any]] = {}
        self.kind = kind_of(train)
        self.stage.begin("training clips", len(train))
        parts = ("timbre", "cells") if len(self.classes) > 1 else ("cells",)
        self.training = ClipFeatures.of_clips(
            train, embeddings={}, parts=parts, progress=self.stage.step
        )
        self.classifier = None
        if len(self.classes) > 1:
            self.classifier = LabelClassifier(self.training.timbre, self.training.labels)
        self.table = ClassTable(self.classes, self.training, self.classifier)

    def report(self, references: Mapping[str, ClipSet]) -> dict[str, Any]:
        """All figures against the references, by their suffixes."""
        model = self.source if isinstance(self.source, AudioGenerator) else None
        likelihood = None if model is None else Likelihood(model, self.train)
        for suffix, clips in references.items():
            self.compare(clips, suffix)
            if model is not None and likelihood is not None:
                self.add_model(model, likelihood, clips, suffix)
        self.stage.begin("intervals", bootstrap.ROUNDS)
        values, intervals = bootstrap.estimate(
            self.figures, self.clusters, seed=self.seed, progress=self.stage.step
        )
        self.check_range(values, list(references))
        known = {name: value for name, value in values.items() if not math.isnan(value)}
        ends = {name: bounded(name, intervals[name]) for name in known if name in intervals}
        return {
            **dict.fromkeys(KEYS),
            **{name: value for name, value in known.items() if "/" not in name},
            "ci": {name: pair for name, pair in ends.items() if "/" not in name},
            "per_class": self.table.rows(known, ends),
            "scale": self.scale,
            "counts": self.counts(),
        }

    def compare(self, clips: ClipSet, suffix: str) -> None:
        """Add the figures against a reference."""
        where = "unseen" if suffix else "test"
        reference = self.real(f"{where} clips", clips)
        count = self.n or self.wanted(clips)
        wanted = proportional_labels(reference.labels, count)
        sets = {
            "model": self.generated(wanted, clips, where),
            "floor": self.baseline(wanted, where),
            "ceiling": self.training_like(wanted, where),
        }
        smallest = min(sets, key=lambda role: len(sets[role]))
        if len(sets[smallest]) < count:
            self.notes.append(
                f"{where} reference: {len(sets['model'])} sounds of the model, "
                f"{len(sets['ceiling'])} training clips of the wanted {count}"
            )
        self.clusters |= {role + suffix: features.clusters for role, features in sets.items()}
        self.clusters["reference" + suffix] = reference.clusters
        comparison = Comparison(
            reference, self.training, self.classifier, self.classes, suffix, self.seed
        )
        self.figures |= comparison.figures(sets) | comparison.listening(
            sets["model"], KINDS[self.kind]
        )
        self.comparison = comparison
        if not suffix:
            self.table.count(reference, sets)
            self.stage.begin("scale of the two-sample test", len(CHANGES) * len(clips))
            self.scale = {
                name: {"auc": auc, "ci": [low, high]}
                for name, (auc, low, high) in auc_scale(
                    clips, reference, seed=self.seed, progress=self.stage.step
                ).items()
            }

    def real(self, what: str, clips: ClipSet) -> ClipFeatures:
        """The features of real clips."""
        self.stage.begin(what, len(clips))
        return ClipFeatures.of_clips(
            clips, embeddings=self.embeddings, kind=self.kind, progress=self.stage.step
        )

    def wanted(self, clips: ClipSet) -> int:
        """How many sounds to draw for a reference."""
        seconds = clips.audio.shape[2] / clips.sample_rate
        return max(min(MIN_GENERATED, int(MAX_SECONDS / seconds)), len(clips))

    def generated(self, wanted: Tensor, clips: ClipSet, where: str) -> ClipFeatures:
        """The features of the model's sounds, or of the given clips, with the wanted classes.

        Notes have pitches of the reference's clips.
        """
        self.stage.begin(f"sounds for {where} clips", 2 * len(wanted))
        if isinstance(self.source, AudioGenerator):
            length = self.train.audio.shape[2]
            labels, pitches = torch.from_numpy(clips.labels), torch.from_numpy(clips.pitches)
            pitches = pitches_like(labels, pitches, wanted, self.seed)
            audio = draw(
                self.source, wanted, self.classes, length,
                seed=self.seed, pitches=pitches, progress=self.stage.step,
            )  # fmt: skip
            return self.features(audio, wanted, pitches)
        places = [self.classes.index(name) for name in self.source.classes]
        labels = torch.tensor(places)[torch.from_numpy(self.source.labels).long()]
        chosen = choose(labels, wanted, self.seed)
        if len(chosen) < MIN_CLIPS:
            raise InputError(
                f"{len(chosen)} of the given clips have the classes of the reference; "
                f"at least {MIN_CLIPS} are needed"
            )
        pitches = torch.from_numpy(self.source.pitches)[chosen]
        return self.features(self.source.tensor(chosen.numpy()), labels[chosen], pitches)

    def baseline(self, wanted: Tensor, where: str) -> ClipFeatures:
        """The features of noise with the wanted classes, cached beside the training clips."""
        self.stage.begin(f"noise for {where} clips", len(wanted))

        def work() -> Mapping[str, Any]:
            return self.features(self.noise.draw(wanted, self.seed), wanted).arrays()

        given = [self.seed, wanted.tolist()]
        return ClipFeatures.from_arrays(
            cached_features(self.train, "floor", given, self.embeddings, work)
        )

    def training_like(self, wanted: Tensor, where: str) -> ClipFeatures:
        """The features of training clips with the wanted classes, clustered among all of them."""
        chosen = choose(self.training.labels, wanted, self.seed)
        some = self.real(f"training clips like {where} clips", self.train.subset(chosen.numpy()))
        return replace(some, clusters=self.training.clusters[chosen])

    @cached_property
    def noise(self) -> ShapedNoise:
        train = self.train
        return ShapedNoise(train.audio, self.training.labels, len(self.classes), self.rate)

    @cached_property
    def class_means(self) -> Tensor:
        train = self.train
        return class_mean_levels(train.audio, self.training.labels, len(self.classes), self.rate)

    def features(
        self, audio: Tensor, labels: Tensor, pitches: Tensor | None = None
    ) -> ClipFeatures:
        return ClipFeatures.of(
            audio, labels, self.rate, embeddings=self.embeddings,
            kind=self.kind, pitches=pitches, progress=self.stage.step,
        )  # fmt: skip

    def add_model(
        self, model: AudioGenerator, likelihood: Likelihood, clips: ClipSet, suffix: str
    ) -> None:
        """Add the figures that only a model has: reconstruction, likelihood, tuning."""
        where = "unseen" if suffix else "test"
        self.stage.begin(f"reconstructions of {where} clips", min(len(clips), MOST))
        found = reconstruct(model, clips, self.stage.step)
        if found is not None:
            self.figures |= self.comparison.reconstruction(found.rows, found.features)
            self.figures |= reconstruction_figures(found, clips, self.class_means, suffix)
        live = multiscale_figures(model, clips, self.clusters["reference" + suffix], suffix)
        self.stage.begin(f"likelihood of {where} clips")
        self.figures |= live.figures | likelihood.figures(clips, suffix)
        self.clusters |= live.clusters
        self.notes += live.notes
        if not suffix:
            self.stage.begin("tuning")
            tuned = tuning(model, clips, self.seed)
            self.figures |= tuned.figures
            self.clusters |= tuned.clusters
            self.notes += [*tuned.notes, *likelihood.notes]

    def check_range(self, values: dict[str, float], suffixes: list[str]) -> None:
        """Without room between baseline and real clips there is no score; a note says so."""
        for key in (f"mmd_{name}" for name in self.embeddings):
            for suffix in suffixes:
                floor, ceiling = (values[f"{key}_{role}{suffix}"] for role in ("floor", "ceiling"))
                if floor <= ceiling:
                    where = "unseen" if suffix else "test"
                    self.notes.append(f"noise is as near to {where} clips as training is ({key})")
                    values[f"{key}_closed{suffix}"] = math.nan

    def counts(self) -> dict[str, int]:
        """Clips of each set; "sounds" are clusters of near copies."""
        numbers = {"training": len(self.training)}
        for name, clusters in self.clusters.items():
            numbers[name] = len(clusters)
            if name.startswith("reference"):
                numbers[name + "_sounds"] = len(clusters.unique())
        return numbers
