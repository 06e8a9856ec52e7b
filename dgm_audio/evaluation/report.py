"""One report that cannot flatter: every figure with a floor, a ceiling and an interval.

    reference   held-out real clips; whole unseen groups are a second one (keys with `_unseen`)
    floor       noise shaped to each class's mean spectrogram (keys with `_floor`)
    ceiling     training clips (keys with `_ceiling`)
    model       as many sounds as floor and ceiling have, in the class proportions of the reference

All clips have the length of the data's clips and are peak-normalised, for the comparison only; the
reconstruction and the likelihood take them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from dgm_audio._standard_error import stderr
from dgm_audio.errors import InputError
from dgm_audio.evaluation import bootstrap
from dgm_audio.evaluation.bootstrap import Figure
from dgm_audio.evaluation.embedding import Embedding
from dgm_audio.evaluation.figures import Comparison
from dgm_audio.evaluation.floor import ShapedNoise
from dgm_audio.evaluation.judge import MAX_SECONDS
from dgm_audio.evaluation.keys import KEYS, SHARES
from dgm_audio.evaluation.labels import LabelClassifier
from dgm_audio.evaluation.likelihood import Likelihood
from dgm_audio.evaluation.multiscale import multiscale_figures
from dgm_audio.evaluation.reconstruction import class_mean_levels, reconstruction_figures
from dgm_audio.evaluation.reference import MIN_CLIPS, check_comparable
from dgm_audio.evaluation.sampling import choose, draw, pitches_like, proportional_labels
from dgm_audio.evaluation.tuning import tuning
from dgm_audio.evaluation.view import View
from dgm_audio.generator import AudioGenerator, check_integer

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet, Splits

SCALE = ("floor", "ceiling")
MIN_GENERATED = 256
"""Sounds to draw; fewer long ones: beyond the reference's number no more than `MAX_SECONDS`."""


def evaluate(
    source: AudioGenerator | ClipSet,
    splits: Splits,
    *,
    seed: int = 0,
    n: int | None = None,
    progress: bool | Callable[[str], None] = True,
    embedding: Embedding | None = None,
) -> dict[str, Any]:
    """Judge a model, or a set of clips from anywhere, against held-out real sound.

    Args:
        source: a model, or generated clips with the classes, rate and length of the data.
        splits: train, held-out and (may be empty) unseen clips.
        seed: of the sounds, the noise, the choice of training clips and the bootstrap.
        n: sounds to draw per reference; by default 256, but no more than 600 s of sound, or as many
            as the reference has if that is more.
        progress: show a progress bar on stderr, or what is told which stage begins.
        embedding: for the distances and neighbours; by default `TextureEmbedding`.

    Returns:
        `KEYS` and further figures, each a float or None; their 95 % intervals under "ci"; under
        "per_class" some figures of each class; under "counts" the numbers of clips; "seed";
        "notes", lines that a reader must know.

    Raises:
        DataError: if fewer than 8 clips are held out, or to train on.
        InputError: if rate, channels or classes of model and data differ.
    """
    if n is not None:
        check_integer("n", n, MIN_CLIPS, 100_000)
    check_comparable(source, splits)
    with _stages(progress) as stage:
        return _Evaluation(source, splits, seed, n, embedding, stage).report()


class _Evaluation:
    """What the stages of one evaluation share."""

    def __init__(
        self,
        source: AudioGenerator | ClipSet,
        splits: Splits,
        seed: int,
        n: int | None,
        embedding: Embedding | None,
        stage: Any,
    ) -> None:
        self.source, self.splits, self.seed, self.n = source, splits, seed, n
        self.embedding, self.stage = embedding, stage
        train = splits.train
        self.notes, self.rate = list(splits.notes), train.sample_rate
        self.figures: dict[str, Figure] = {}
        self.clusters: dict[str, Tensor] = {}
        stage("training clips")
        self.training = View.of_clips(train, embedding)
        classes = len(train.classes)
        self.noise = ShapedNoise(train.audio, self.training.labels, classes, self.rate)
        self.class_means = cache(
            lambda: class_mean_levels(train.audio, self.training.labels, classes, self.rate)
        )
        self.classifier = None
        if len(train.classes) > 1:
            self.classifier = LabelClassifier(self.training.timbre, self.training.labels)

    def report(self) -> dict[str, Any]:
        per_class = self.compare(self.splits.test, "")
        if len(self.splits.unseen) >= MIN_CLIPS:
            self.compare(self.splits.unseen, "_unseen")
        elif len(self.splits.unseen):
            self.notes.append(f"{len(self.splits.unseen)} unseen clips are too few to compare with")
        if isinstance(self.source, AudioGenerator):
            self.use(self.source)
        if "reconstruction_closed_heldout" in self.figures:
            best = "_unseen" if "reconstruction_closed_unseen" in self.figures else "_heldout"
            self.figures["reconstruction_closed"] = self.figures["reconstruction_closed" + best]
        self.stage("intervals")
        values, intervals = bootstrap.estimate(self.figures, self.clusters, seed=self.seed)
        for suffix in ("", "_unseen"):
            self.check_range(values, intervals, suffix)
        return {
            **dict.fromkeys(KEYS),
            **values,
            "ci": {name: _bounded(name, ends) for name, ends in intervals.items()},
            "per_class": per_class,
            "counts": self.counts(),
            "seed": self.seed,
            "notes": self.notes,
        }

    def compare(self, clips: ClipSet, suffix: str) -> dict[str, dict[str, Any]]:
        """Add the figures against a reference; returns label figures by class."""
        where = "unseen" if suffix else "held-out"
        self.stage(f"{where} clips")
        reference = View.of_clips(clips, self.embedding)
        count = self.n or self.wanted(clips)
        wanted = proportional_labels(reference.labels, count)
        self.stage(f"sounds for {where} clips")
        sets = {
            "model": self.generated(wanted, clips),
            "floor": self.view(self.noise.draw(wanted, self.seed), wanted),
            "ceiling": self.training.subset(choose(self.training.labels, wanted, self.seed)),
        }
        smallest = min(sets, key=lambda role: len(sets[role]))
        if len(sets[smallest]) < count:
            self.notes.append(
                f"{where} reference: {len(sets['model'])} sounds of the model, "
                f"{len(sets['ceiling'])} training clips of the wanted {count}"
            )
        self.stage(f"figures against {where} clips")
        parts = Comparison(reference, self.training, self.classifier, suffix, self.seed)
        self.figures |= parts.figures(sets)
        self.clusters |= {role + suffix: view.clusters for role, view in sets.items()}
        self.clusters["reference" + suffix] = reference.clusters
        return self.by_class(reference, sets)

    def wanted(self, clips: ClipSet) -> int:
        """How many sounds to draw for a reference."""
        seconds = clips.audio.shape[2] / clips.sample_rate
        return max(min(MIN_GENERATED, int(MAX_SECONDS / seconds)), len(clips))

    def generated(self, wanted: Tensor, clips: ClipSet) -> View:
        """The view of the model's sounds, or of the given clips, with the wanted classes.

        Notes have pitches of the reference's clips.
        """
        if isinstance(self.source, AudioGenerator):
            classes, length = self.splits.train.classes, self.splits.train.audio.shape[2]
            labels, pitches = torch.from_numpy(clips.labels), torch.from_numpy(clips.pitches)
            pitches = pitches_like(labels, pitches, wanted, self.seed)
            audio = draw(self.source, wanted, classes, length, seed=self.seed, pitches=pitches)
            return self.view(audio, wanted)
        places = [self.splits.train.classes.index(name) for name in self.source.classes]
        labels = torch.tensor(places)[torch.from_numpy(self.source.labels).long()]
        chosen = choose(labels, wanted, self.seed)
        if len(chosen) < MIN_CLIPS:
            raise InputError(
                f"{len(chosen)} of the given clips have the classes of the reference; "
                f"at least {MIN_CLIPS} are needed"
            )
        return self.view(self.source.tensor(chosen.numpy()), labels[chosen])

    def view(self, audio: Tensor, labels: Tensor) -> View:
        return View.of(audio, labels, self.rate, embedding=self.embedding)

    def use(self, model: AudioGenerator) -> None:
        """Add what only a model has: its tuning, and what it makes of the references."""
        self.stage("tuning")
        found = tuning(model, self.splits.test, self.seed)
        self.figures |= found.figures
        self.clusters |= found.clusters
        self.notes += found.notes
        self.stage("likelihood")
        likelihood = Likelihood(model, self.splits.train)
        self.notes += likelihood.notes
        for clips, suffix in ((self.splits.test, ""), (self.splits.unseen, "_unseen")):
            if not len(clips):
                continue
            self.stage("reconstruction")
            figures = reconstruction_figures(model, clips, self.class_means, suffix)
            clusters = self.clusters.get("reference" + suffix, torch.arange(len(clips)))
            live = multiscale_figures(model, clips, clusters, suffix)
            self.figures |= live.figures
            self.clusters |= live.clusters
            self.notes += live.notes
            self.stage("likelihood")
            figures |= likelihood.figures(clips, suffix)
            if figures:
                self.clusters.setdefault("reference" + suffix, torch.arange(len(clips)))
            self.figures |= figures

    def by_class(self, reference: View, sets: Mapping[str, View]) -> dict[str, dict[str, Any]]:
        """Numbers of clips and label accuracies of each class of the data."""
        parts = {"generated": sets["model"], "heldout": reference, "floor": sets["floor"]}
        rows: dict[str, dict[str, Any]] = {}
        for index, name in enumerate(self.splits.train.classes):
            row = rows[name] = {"training": int((self.training.labels == index).sum())}
            for part, view in parts.items():
                own = view.labels == index
                row[part] = int(own.sum())
                if self.classifier and own.any():
                    correct = self.classifier.correct(view.timbre[own], view.labels[own])
                    row["label_accuracy_" + part] = float(correct.mean())
        return rows

    def check_range(self, values: dict[str, float], intervals: dict[str, Any], suffix: str) -> None:
        """Without room between floor and ceiling there is no share of it."""
        floor, ceiling = (values.get(f"kernel_distance_{role}{suffix}") for role in SCALE)
        if floor is not None and ceiling is not None and floor <= ceiling:
            self.notes.append(f"noise is as near to the reference{suffix} as training clips are")
            values.pop("distance_closed" + suffix)
            intervals.pop("distance_closed" + suffix)

    def counts(self) -> dict[str, int]:
        """Clips of each set; "sounds" are clusters of near copies."""
        numbers = {"training": len(self.training)}
        for name, clusters in self.clusters.items():
            numbers[name] = len(clusters)
            if name.startswith("reference"):
                numbers[name + "_sounds"] = len(clusters.unique())
        return numbers


@contextmanager
def _stages(progress: bool | Callable[[str], None]) -> Iterator[Any]:
    """A function that says which stage begins."""
    if callable(progress):
        yield progress
        return
    with tqdm(
        disable=None if progress else True,
        bar_format="evaluating ({elapsed}) {desc}",
        leave=False,
        file=stderr(),
    ) as bar:
        yield bar.set_description_str


def _bounded(name: str, ends: list[float]) -> list[float]:
    """The interval, within 0 to 1 for shares."""
    share = name.startswith(SHARES)
    return [min(max(end, 0.0), 1.0) for end in ends] if share else ends
