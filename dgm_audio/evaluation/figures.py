"""The figures of a report, each as a function of how often every clip counts (see `bootstrap`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from torch import Tensor

from dgm_audio.evaluation.bootstrap import Figure, Weights
from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.copies import nearest_distance, weighted_median
from dgm_audio.evaluation.distances import (
    frechet_distance,
    gaussian_kernel,
    mean_between,
    mean_within,
)
from dgm_audio.evaluation.labels import LabelClassifier
from dgm_audio.evaluation.listening import Measure
from dgm_audio.evaluation.neighbours import Neighbours, Shares
from dgm_audio.evaluation.standardised_reference import StandardisedReference
from dgm_audio.evaluation.two_sample import TwoSampleTest, Votes

COPY_QUANTILE = 0.05
"""A generated clip counts as copied if it is nearer to a training clip than all but this share of
the real clips are."""

FEWEST_OF_A_CLASS = 4
"""Sounds and real clips that a class needs for a two-sample AUC of its own."""

ROLES = (("model", ""), ("floor", "_floor"), ("ceiling", "_ceiling"))
"""Sets that are compared with the reference, and the ends of their figures' names: the model's
sounds, shaped noise (the baseline) and training clips (real, the upper bound)."""

T = TypeVar("T")


class Once(Generic[T]):
    """A computation that several figures share: done once for the same weights."""

    def __init__(self, work: Callable[[Weights], T]) -> None:
        self._work, self._last = work, None

    def __call__(self, weights: Weights) -> T:
        """The result for these weights."""
        if weights is not self._last:
            self._last, self._found = weights, self._work(weights)
        return self._found


def mean_of(values: Tensor, name: str) -> Figure:
    """Mean of one value per clip of a set."""
    return lambda weights: float(weights[name] @ values / weights[name].sum())


def ratio_of(parts: Tensor, wholes: Tensor, name: str) -> Figure:
    """Sum of one value per clip of a set over the sum of another; NaN without clips that count."""

    def ratio(weights: Weights) -> float:
        whole = float(weights[name] @ wholes)
        return float(weights[name] @ parts) / whole if whole else math.nan

    return ratio


def median_of(values: Tensor, name: str) -> Figure:
    """Median of one value per clip of a set."""
    return lambda weights: weighted_median(values, weights[name])


def ratio_closed(worst: Figure, value: Figure, best: Figure) -> Figure:
    """(worst - value) / (worst - best): 0 at the worst, 1 at the best; NaN if they are equal."""

    def closed(weights: Weights) -> float:
        span = worst(weights) - best(weights)
        return (worst(weights) - value(weights)) / span if span else math.nan

    return closed


@dataclass(frozen=True)
class Comparison:
    """Figures of sets of clips against one reference.

    Args:
        reference: real clips that neither trained nor chose the model.
        training: the training clips.
        classifier: of labels; None if there are no classes.
        classes: their names.
        suffix: of all names of figures and sets, "" or "_unseen".
        seed: of the halvings of the two-sample test.
    """

    reference: ClipFeatures
    training: ClipFeatures
    classifier: LabelClassifier | None
    classes: tuple[str, ...]
    suffix: str
    seed: int

    def figures(self, sets: Mapping[str, ClipFeatures]) -> dict[str, Figure]:
        """All figures for the sets of `ROLES`, by their first names."""
        out: dict[str, Figure] = {}
        for name in self.reference.embedded:
            out |= self._distances(sets, name)
        first = next(iter(self.reference.embedded))
        standard = StandardisedReference.of(self.reference.embedded[first])
        for role, tail in ROLES:
            points = standard(sets[role].embedded[first])
            figures = {
                "frechet_distance": self._frechet_distance(points, standard, role),
                **self._neighbours(points, standard, role),
            }
            out |= {key + tail: figure for key, figure in figures.items()}
        out |= self._two_sample(sets) | self._copies(sets) | self._labels(sets)
        return {key + self.suffix: figure for key, figure in out.items()}

    def listening(self, model: ClipFeatures, measures: Iterable[Measure]) -> dict[str, Figure]:
        """Listening measures of the model's sounds, and of the reference beside them."""
        out: dict[str, Figure] = {}
        for tail, features, name in (("", model, "model"), ("_real", self.reference, "reference")):
            for one in measures:
                out[one.key + tail + self.suffix] = _summed_up(
                    one, features.listening[one.key], name + self.suffix
                )
        return out

    def reconstruction(self, rows: Tensor, made: ClipFeatures) -> dict[str, Figure]:
        """The two-sample test of reconstructions (R) of the reference's rows (R,).

        It is about encoder and decoder only: the prior has no part in reconstructions.
        """
        real = self.reference.subset(rows)
        test = TwoSampleTest(
            made.patterns, real.patterns, real.clusters, real.clusters, paired=True, seed=self.seed
        )

        def votes(weights: Weights) -> Votes:
            own = weights[self._reference_name][rows]
            return test(own, own)

        def weigh(weights: Weights) -> tuple[Tensor, Tensor]:
            own = weights[self._reference_name][rows]
            return own, own

        found = self._areas("two_sample_auc_reconstruction", Once(votes), weigh, real, real)
        return {key + self.suffix: figure for key, figure in found.items()}

    @property
    def _reference_name(self) -> str:
        return "reference" + self.suffix

    def _both(self, role: str) -> Callable[[Weights], tuple[Tensor, Tensor]]:
        return lambda weights: (weights[role + self.suffix], weights[self._reference_name])

    def _distances(self, sets: Mapping[str, ClipFeatures], name: str) -> dict[str, Figure]:
        """MMD in one embedding, and the score: 0 at the baseline, 1 at real training clips."""
        standard, key = StandardisedReference.of(self.reference.embedded[name]), f"mmd_{name}"
        out = {
            key + tail: self._mmd(standard(sets[role].embedded[name]), standard, role)
            for role, tail in ROLES
        }
        closed = ratio_closed(out[key + "_floor"], out[key], out[key + "_ceiling"])
        return out | {key + "_closed": closed}

    def _mmd(self, points: Tensor, standard: StandardisedReference, role: str) -> Figure:
        kernel = partial(gaussian_kernel, bandwidth=standard.bandwidth)
        made, real = kernel(points, points), kernel(standard.points, standard.points)
        between, both = kernel(points, standard.points), self._both(role)

        def distance(weights: Weights) -> float:
            w, v = both(weights)
            within = mean_within(made, w) + mean_within(real, v)
            return math.sqrt(max(0.0, float(within - 2 * mean_between(between, w, v))))

        return distance

    def _frechet_distance(
        self, points: Tensor, standard: StandardisedReference, role: str
    ) -> Figure:
        made, real, both = points @ standard.axes, standard.points @ standard.axes, self._both(role)

        def distance(weights: Weights) -> float:
            w, v = both(weights)
            return math.sqrt(max(0.0, frechet_distance(made, real, w, v)))

        return distance

    def _neighbours(
        self, points: Tensor, standard: StandardisedReference, role: str
    ) -> dict[str, Figure]:
        found, both = Neighbours(points, standard.points), self._both(role)
        once = Once(lambda weights: found(*both(weights)))
        return {name: lambda weights, name=name: getattr(once(weights), name)
                for name in Shares._fields}  # fmt: skip

    def _two_sample(self, sets: Mapping[str, ClipFeatures]) -> dict[str, Figure]:
        """The two-sample test of every set; of the model's sounds also within each class."""
        out: dict[str, Figure] = {}
        real = self.reference
        for role, tail in ROLES:
            features, both = sets[role], self._both(role)
            test = TwoSampleTest(
                features.patterns, real.patterns, features.clusters, real.clusters, seed=self.seed
            )
            once = Once(lambda weights, test=test, both=both: test(*both(weights)))
            found = self._areas("two_sample_auc" + tail, once, both, features, real)
            out |= {key: figure for key, figure in found.items() if not tail or "/" not in key}
        return out

    def _areas(
        self,
        key: str,
        votes: Callable[[Weights], Votes],
        both: Callable[[Weights], tuple[Tensor, Tensor]],
        made: ClipFeatures,
        real: ClipFeatures,
    ) -> dict[str, Figure]:
        """The AUC over all pairs, and under "key/class" that over pairs of the same class."""
        areas: dict[str, Figure] = {key: lambda weights: votes(weights).auc(*both(weights))}
        for label, name in enumerate(self.classes if len(self.classes) > 1 else ()):
            own, own_real = (features.labels == label for features in (made, real))
            if min(int(own.sum()), int(own_real.sum())) >= FEWEST_OF_A_CLASS:
                areas[f"{key}/{name}"] = _within_class(votes, both, own, own_real)
        return areas

    def _copies(self, sets: Mapping[str, ClipFeatures]) -> dict[str, Figure]:
        real = nearest_distance(self.reference.cells, self.training.cells)
        made = nearest_distance(sets["model"].cells, self.training.cells)
        noise = nearest_distance(sets["floor"].cells, self.training.cells)
        model, reference = "model" + self.suffix, self._reference_name

        def copied(weights: Weights) -> float:
            threshold = _quantile(real, weights[reference], COPY_QUANTILE)
            return float(weights[model] @ (made < threshold).double() / weights[model].sum())

        return {
            "copy_score": median_of(made, model),
            "copy_score_real": median_of(real, reference),
            "copy_score_floor": median_of(noise, "floor" + self.suffix),
            "copied_share": copied,
        }

    def _labels(self, sets: Mapping[str, ClipFeatures]) -> dict[str, Figure]:
        if self.classifier is None:
            return {}
        views = {
            "": (sets["model"], "model" + self.suffix),
            "_floor": (sets["floor"], "floor" + self.suffix),
            "_real": (self.reference, self._reference_name),
        }
        return {
            "label_accuracy" + tail: mean_of(
                self.classifier.correct(features.timbre, features.labels), name
            )
            for tail, (features, name) in views.items()
        }


def _summed_up(measure: Measure, values: Tensor, name: str) -> Figure:
    return lambda weights: measure.figure(values, weights[name])


def _within_class(
    votes: Callable[[Weights], Votes],
    both: Callable[[Weights], tuple[Tensor, Tensor]],
    own: Tensor,
    own_real: Tensor,
) -> Figure:
    def area(weights: Weights) -> float:
        w, v = both(weights)
        return votes(weights).auc(w * own, v * own_real)

    return area


def _quantile(values: Tensor, weight: Tensor, share: float) -> float:
    """The quantile of values (N,) as `torch.quantile` gives it, of clips that count (N,) times.

    >>> import torch
    >>> _quantile(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 2.0]), 0.5)
    2.0
    """
    return float(values.repeat_interleave(weight.long()).double().quantile(share))
