"""Scores by a classifier, against values computed by hand and by loops."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from drum_sounds import KINDS, RATE, clip_set

from dgm_audio.data import ClipSet
from dgm_audio.errors import DataError
from dgm_audio.evaluation.classifier_scores import (
    ClassifierScores,
    Outputs,
    am_score,
    inception_score,
    modified_inception_score,
    train_classifier,
)
from dgm_audio.evaluation.shaped_noise import ShapedNoise


def log_p(rows):
    return torch.tensor(rows, dtype=torch.float64).log()


def random_log_p(count=6, classes=4):
    logits = np.random.default_rng(0).standard_normal((count, classes))
    return torch.from_numpy(logits).log_softmax(1)


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def test_the_inception_score_by_hand():
    """Two samples, p = (3/4, 1/4) and (1/4, 3/4): KL to (1/2, 1/2) is log 2 - H(1/4)."""
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    found = inception_score(log_p([[0.75, 0.25], [0.25, 0.75]]))
    assert found == pytest.approx(2 * math.exp(-entropy))
    assert inception_score(log_p([[0.2, 0.8]] * 3)) == pytest.approx(1)  # all alike


def test_certain_samples_count_the_classes():
    """Also where probabilities are exactly 0."""
    assert inception_score(log_p(np.eye(5).tolist())) == pytest.approx(5)
    assert am_score(log_p(np.eye(5).tolist()), torch.ones(5).double() / 5) == pytest.approx(0)


def test_the_modified_inception_score_is_the_mean_over_pairs():
    p = random_log_p().exp().tolist()
    pairs = [kl(one, other) for one, other in permutations(p, 2)]
    assert modified_inception_score(random_log_p()) == pytest.approx(math.exp(np.mean(pairs)))


def test_the_am_score_by_hand():
    """Uniform outputs: H = log 2, and KL of (3/4, 1/4) to (1/2, 1/2) is log 2 - H(1/4)."""
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    found = am_score(log_p([[0.5, 0.5]] * 3), torch.tensor([0.75, 0.25]))
    assert found == pytest.approx(2 * math.log(2) - entropy)
    lacking = torch.tensor([1.0, 0.0])  # a class that training has not
    assert am_score(log_p([[0.5, 0.5]]), lacking) == pytest.approx(2 * math.log(2))


def test_fid_of_a_shift_is_its_square():
    points = torch.from_numpy(np.random.default_rng(1).standard_normal((50, 3)))
    p = random_log_p(50)
    shift = torch.tensor([1.0, 2.0, 0.0])
    found = ClassifierScores.of(Outputs(points + shift, p), Outputs(points, p), torch.ones(4) / 4)
    assert found.fid == pytest.approx(5)
    assert found.inception == inception_score(p) and "IS" in str(found)


@pytest.fixture(scope="module")
def trained():
    train = clip_set(160, seed=0)
    return train, train_classifier(train, steps=30, progress=False)


def test_real_clips_score_above_noise(trained):
    train, classifier = trained
    test, labels = clip_set(80, seed=5), torch.from_numpy(train.labels)
    noise = ShapedNoise(train.audio, labels, len(KINDS), RATE).draw(labels[:80], seed=0)
    real, prior = classifier.outputs(train.audio), torch.full((4,), 0.25)
    right = classifier.outputs(test.audio).log_p.argmax(1) == torch.from_numpy(test.labels)
    assert right.double().mean() > 0.85
    good, bad = (
        ClassifierScores.of(classifier.outputs(audio), real, prior) for audio in (test.audio, noise)
    )
    assert good.fid < 0.5 * bad.fid
    one = ClassifierScores.of(classifier.outputs(test.audio[:1].repeat(8, 0)), real, prior)
    assert one.inception == pytest.approx(1) and one.am > good.am


def test_training_is_the_same_for_the_same_seed(trained):
    train, _ = trained
    state = torch.get_rng_state()
    one, again = (train_classifier(train, steps=3, progress=False) for _ in range(2))
    assert torch.equal(one.head.weight, again.head.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_one_class_is_refused():
    with pytest.raises(DataError, match="the clips have one class"):
        train_classifier(ClipSet.from_arrays(np.zeros((8, 1, 800)), 8000))
