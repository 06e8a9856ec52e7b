"""FID, IS, modified IS and AM of a labelled set, as papers report them for SC09.

    python benchmarks/classifier_scores.py hydrogen-drums drums-vae drums-gan

A classifier of the set's labels is trained first (see `dgm_audio.evaluation.classifier_scores`).
Rows: real test clips, the best that can be expected; noise with the mean spectrum of each class,
which has learned nothing; and models of the set. All rows have the same number of sounds, since FID
is the larger the fewer there are; it compares with training clips. The classifier is another one
than that of published tables: numbers compare with theirs in order of size only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from torch import Tensor
from tyro.conf import Positional

from dgm_audio import load
from dgm_audio.data import ClipConfig, ClipSet
from dgm_audio.data.sets.named import SETS, named_splits
from dgm_audio.errors import InputError
from dgm_audio.evaluation.classifier_scores import (
    STEPS,
    ClassifierScores,
    ClipClassifier,
    train_classifier,
)
from dgm_audio.evaluation.sampling import draw, proportional_labels
from dgm_audio.evaluation.shaped_noise import ShapedNoise

MOST = 2048
"""Training clips that FID compares with."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores by a classifier.

    Args:
        data: its folder; by default it is fetched.
        n: sounds of each row, at most as many as there are test clips.
        steps: of the classifier's training.
        rate: in Hz, and
        seconds: of the clips; by default those of the first model.
    """

    dataset: Positional[str]
    models: Annotated[Positional[tuple[str, ...]], tyro.conf.arg(metavar="MODEL")] = ()
    data: Path | None = None
    n: int = 1024
    steps: int = STEPS
    rate: int = 16000
    seconds: float = 1.0


def main(args: Scores) -> None:
    """The table."""
    if args.dataset not in SETS:
        raise InputError(f"there is no data set {args.dataset!r}; there are: {', '.join(SETS)}")
    models = [load(name, device="cpu") for name in args.models]
    rate, length = args.rate, round(args.seconds * args.rate)
    if models:
        rate, length = models[0].audio.sample_rate, models[0].audio.length
    splits = named_splits(args.dataset, ClipConfig(sample_rate=rate, length=length), args.data)
    train, test = splits.train, splits.test
    classifier = train_classifier(train, steps=args.steps)
    labels = torch.from_numpy(train.labels).long()
    prior = torch.bincount(labels, minlength=len(train.classes)).double() / len(labels)
    some = np.linspace(0, len(train) - 1, min(MOST, len(train))).round().astype(int)
    real = classifier.outputs(train.subset(some).audio)

    def row(name: str, audio: Tensor) -> None:
        scores = ClassifierScores.of(classifier.outputs(audio), real, prior)
        print(f"{name:<20}{scores}", flush=True)

    count = min(args.n, len(test))
    test = test.subset(np.linspace(0, len(test) - 1, count).round().astype(int))
    print(
        f"{len(train)} training clips of {len(train.classes)} classes; {count} sounds a row; the "
        f"classifier is right on {accuracy(classifier, test):.3f} of the test clips"
    )
    row("test clips", test.tensor())
    wanted = proportional_labels(torch.from_numpy(test.labels).long(), count)
    noise = ShapedNoise(train.audio, labels, len(train.classes), rate)
    row("shaped noise", noise.draw(wanted, seed=0))
    for name, model in zip(args.models, models, strict=True):
        row(name, draw(model, wanted, train.classes, length, seed=0))


def accuracy(classifier: ClipClassifier, clips: ClipSet) -> float:
    """Share of clips whose class is named rightly."""
    named = classifier.outputs(clips.audio).log_p.argmax(1)
    return float((named == torch.from_numpy(clips.labels)).double().mean())


if __name__ == "__main__":
    main(tyro.cli(Scores))
