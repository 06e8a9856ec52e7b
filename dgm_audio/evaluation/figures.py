"""The figures of a report, each as a function of how often every clip counts (see `bootstrap`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from dgm_audio.evaluation.bootstrap import Figure, Weights
from dgm_audio.evaluation.copies import nearest_distance, weighted_median
from dgm_audio.evaluation.distances import (
    frechet_distance,
    gaussian_kernel,
    mean_between,
    mean_within,
)
from dgm_audio.evaluation.labels import LabelClassifier
from dgm_audio.evaluation.neighbours import neighbours
from dgm_audio.evaluation.space import Space
from dgm_audio.evaluation.two_sample import two_sample_test
from dgm_audio.evaluation.view import View

COPY_QUANTILE = 0.05
"""A generated clip counts as copied if it is nearer to a training clip than all but this share of
the real clips are."""


def mean_of(values: Tensor, name: str) -> Figure:
    """Mean of one value per clip of a set."""
    return lambda weights: float(weights[name] @ values / weights[name].sum())


def ratio_of(parts: Tensor, wholes: Tensor, name: str) -> Figure:
    """Sum of one value per clip of a set over the sum of another."""
    return lambda weights: float(weights[name] @ parts / (weights[name] @ wholes))


def median_of(values: Tensor, name: str) -> Figure:
    """Median of one value per clip of a set."""
    return lambda weights: weighted_median(values, weights[name])


def ratio_closed(worst: Figure, value: Figure, best: Figure) -> Figure:
    """(worst - value) / (worst - best): 0 at the floor, 1 at the ceiling; NaN if they are equal."""

    def closed(weights: Weights) -> float:
        span = worst(weights) - best(weights)
        return (worst(weights) - value(weights)) / span if span else math.nan

    return closed


@dataclass(frozen=True)
class Comparison:
    """Figures of sets of clips against one reference.

    Args:
        reference: real clips that training did not see.
        training: the training clips.
        classifier: of labels; None if there are no classes.
        suffix: of all names of figures and sets, "" or "_unseen".
        seed: of the halvings of the two-sample test.
    """

    reference: View
    training: View
    classifier: LabelClassifier | None
    suffix: str
    seed: int

    def figures(self, sets: Mapping[str, View]) -> dict[str, Figure]:
        """All figures for the sets "model", "floor" and "ceiling" (training clips)."""
        space, out = Space.of(self.reference.numbers), {}
        for role, tail in (("model", ""), ("floor", "_floor"), ("ceiling", "_ceiling")):
            name, view = role + self.suffix, sets[role]
            points = space(view.numbers)
            figures = {
                "kernel_distance": self._kernel_distance(points, space, name),
                "frechet_distance": self._frechet_distance(points, space, name),
                "two_sample_auc": self._two_sample_auc(view, name),
                **self._neighbours(points, space, name),
            }
            out |= {key + tail: figure for key, figure in figures.items()}
        out["distance_closed"] = ratio_closed(
            out["kernel_distance_floor"], out["kernel_distance"], out["kernel_distance_ceiling"]
        )
        out |= self._copies(sets) | self._labels(sets)
        return {key + self.suffix: figure for key, figure in out.items()}

    @property
    def _reference_name(self) -> str:
        return "reference" + self.suffix

    def _kernel_distance(self, points: Tensor, space: Space, name: str) -> Figure:
        kernel = partial(gaussian_kernel, bandwidth=space.bandwidth)
        made, real = kernel(points, points), kernel(space.points, space.points)
        between = kernel(points, space.points)

        def distance(weights: Weights) -> float:
            w, v = weights[name], weights[self._reference_name]
            within = mean_within(made, w) + mean_within(real, v)
            return float(within - 2 * mean_between(between, w, v))

        return distance

    def _frechet_distance(self, points: Tensor, space: Space, name: str) -> Figure:
        made, real = points @ space.axes, space.points @ space.axes
        return lambda weights: frechet_distance(
            made, real, weights[name], weights[self._reference_name]
        )

    def _two_sample_auc(self, view: View, name: str) -> Figure:
        votes = two_sample_test(
            view.patterns,
            self.reference.patterns,
            view.clusters,
            self.reference.clusters,
            seed=self.seed,
        )
        return lambda weights: votes.auc(weights[name], weights[self._reference_name])

    def _neighbours(self, points: Tensor, space: Space, name: str) -> dict[str, Figure]:
        found = neighbours(points, space.points)
        real = self._reference_name
        return {
            "precision": mean_of(found.precision, name),
            "recall": mean_of(found.recall, real),
            "density": mean_of(found.density, name),
            "coverage": mean_of(found.coverage, real),
        }

    def _copies(self, sets: Mapping[str, View]) -> dict[str, Figure]:
        real = nearest_distance(self.reference.cells, self.training.cells)
        threshold = float(real.quantile(COPY_QUANTILE))
        made = nearest_distance(sets["model"].cells, self.training.cells)
        noise = nearest_distance(sets["floor"].cells, self.training.cells)
        return {
            "copy_score": median_of(made, "model" + self.suffix),
            "copy_score_real": median_of(real, self._reference_name),
            "copy_score_floor": median_of(noise, "floor" + self.suffix),
            "copied_share": mean_of((made < threshold).double(), "model" + self.suffix),
        }

    def _labels(self, sets: Mapping[str, View]) -> dict[str, Figure]:
        if self.classifier is None:
            return {}
        views = {
            "": (sets["model"], "model" + self.suffix),
            "_floor": (sets["floor"], "floor" + self.suffix),
            "_real": (self.reference, self._reference_name),
        }
        return {
            "label_accuracy" + tail: mean_of(
                self.classifier.correct(view.timbre, view.labels), name
            )
            for tail, (view, name) in views.items()
        }
