"""What a report says of each class of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgm_audio.evaluation.clip_features import ClipFeatures
from dgm_audio.evaluation.labels import LabelClassifier


class ClassTable:
    """A row for every class.

    Args:
        classes: their names.
        training: the training clips.
        classifier: of labels; None if there are no classes.
    """

    def __init__(
        self, classes: tuple[str, ...], training: ClipFeatures, classifier: LabelClassifier | None
    ) -> None:
        self._classifier = classifier
        self._rows: dict[str, dict[str, Any]] = {
            name: {"training": int((training.labels == index).sum())}
            for index, name in enumerate(classes)
        }

    def count(self, reference: ClipFeatures, sets: Mapping[str, ClipFeatures]) -> None:
        """Add numbers of clips and label accuracies."""
        parts = {"generated": sets["model"], "test": reference, "floor": sets["floor"]}
        for index, row in enumerate(self._rows.values()):
            for part, features in parts.items():
                own = features.labels == index
                row[part] = int(own.sum())
                if self._classifier and own.any():
                    correct = self._classifier.correct(features.timbre[own], features.labels[own])
                    row["label_accuracy_" + part] = float(correct.mean())

    def rows(
        self, values: Mapping[str, float], intervals: Mapping[str, list[float]]
    ) -> dict[str, dict[str, Any]]:
        """The rows, with the figures "key/class" and "key/class_unseen", and their intervals.

        >>> some = ClipFeatures.from_arrays({"labels": [0, 0, 1]} | dict.fromkeys(
        ...     ("clusters", "timbre", "patterns", "cells"), [0.0] * 3))
        >>> table = ClassTable(("kick", "hat"), some, None)
        >>> rows = table.rows({"auc/hat_unseen": 0.7, "auc": 0.8}, {"auc/hat_unseen": [0.6, 0.9]})
        >>> rows["kick"], rows["hat"]
        ({'training': 2}, {'training': 1, 'auc_unseen': 0.7, 'auc_unseen_ci': [0.6, 0.9]})
        """
        for name, value in values.items():
            key, _, label = name.partition("/")
            suffix = ""
            if label and label not in self._rows:
                label, suffix = label.removesuffix("_unseen"), "_unseen"
            if label:
                self._rows[label] |= {key + suffix: value}
                if name in intervals:
                    self._rows[label] |= {f"{key}{suffix}_ci": intervals[name]}
        return self._rows
