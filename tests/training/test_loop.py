"""What the loop hands to an objective, and what it judges and keeps: the average of the weights."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from toys import ToyTone, ToyToneConfig

from dgm_audio.data import ClipSet
from dgm_audio.objective import Losses, Objective, Task, cosine_rate
from dgm_audio.training.judgements import Pace
from dgm_audio.training.loop import Loop
from dgm_audio.training.schedule import Budget

STEPS, HORIZON = 40, 0.1


def clips():
    """Each of its own peak, which augmentation keeps; three classes in no order."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (12, 1, 256))
    peaks = (1 + np.arange(12)[:, None, None]) / 20
    x = x / np.abs(x).max(axis=2, keepdims=True) * peaks
    return ClipSet.from_arrays(x, 8000, labels=list("abcaabbccbac"))


class Watching(Objective):
    """Draws its one weight to a target that moves with the batch, and notes what it is given."""

    def __init__(self):
        super().__init__()
        self.generator = ToyTone(ToyToneConfig(256))
        self.given = []

    def forward(self, x, labels, progress, pitch=None):
        self.given.append((self.rows.copy(), x.clone(), labels.clone(), progress))
        target = 5 * x.square().mean()
        return Losses({"distance": (self.generator.variety - target).square()})


class WatchingTask(Task):
    horizon = HORIZON

    def __init__(self):
        self.objective = Watching()


class Watched:
    """A run on one process, and the weight that each of its callbacks sees."""

    def __init__(self):
        self.task, self.clips = WatchingTask(), clips()
        self.raw, self.judged, self.kept, self.rates = [], [], [], []
        self.loop = Loop(
            fabric=Fabric(accelerator="cpu", devices=1),
            task=self.task,
            clips=self.clips,
            run=Run(),
            pace=Pace(Budget(steps=STEPS), judge=None, most=4),
            batch=5,
            rate=0.05,
            seed=0,
            mixed=False,
            judge=lambda model, at: self.judged.append((at.step, model.variety.item())) or -at.step,
            keep=lambda model, at: self.kept.append((at.step, model.variety.item())),
            tell=self.told,
        )
        self.loop.fit()

    def told(self, at, share, losses):
        self.raw.append(self.task.objective.generator.variety.item())
        self.rates.append(self.loop.optimised.optimizer.param_groups[0]["lr"])


class Run:
    """A run folder that keeps nothing."""

    has_state, model_path = False, None

    def save_state(self, tensors, numbers): ...

    def log(self, record): ...


@pytest.fixture(scope="module")
def watched():
    return Watched()


def test_what_is_judged_and_kept_is_the_average_of_the_weights(watched):
    """A memory of HORIZON of the budget, shorter at first: by the formula, not by the code."""
    average, expected = watched.raw[0], {}
    for step, weight in enumerate(watched.raw):
        if step:
            decay = min(1 - 1 / (HORIZON * STEPS), (step + 1) / (step + 10))
            average = decay * average + (1 - decay) * weight
        expected[step + 1] = average
    places = [10, 20, 30, 40]
    assert [step for step, _ in watched.judged] == places
    assert watched.kept == watched.judged  # each is better than the one before it
    for step, found in watched.judged:
        assert found == pytest.approx(expected[step], rel=1e-5)
        assert abs(found - watched.raw[step - 1]) > 1e-3  # and no raw weight
    assert watched.task.objective.generator.variety.item() == watched.raw[-1]


def test_sounds_come_with_their_own_labels(watched):
    labels = np.array([watched.clips.classes.index(name) for name in "abcaabbccbac"])
    assert len(watched.task.objective.given) == STEPS
    for rows, x, given, _ in watched.task.objective.given:
        peaks = x.abs().amax((1, 2)).numpy()
        np.testing.assert_allclose(peaks, (1 + rows) / 20, rtol=1e-4)
        assert given.tolist() == labels[rows].tolist()


def test_every_step_is_told_its_share_and_learns_from_its_rows(watched):
    given = watched.task.objective.given
    assert [share for *_, share in given] == pytest.approx(np.arange(STEPS) / STEPS)
    seen = np.concatenate([rows for rows, *_ in given])
    assert all(sorted(seen[i : i + 12]) == list(range(12)) for i in range(0, 12 * 16, 12))
    assert not torch.equal(given[0][1], given[12][1])


def test_the_rate_of_each_step_follows_the_budget(watched):
    expected = [0.05 * cosine_rate(step / STEPS) for step in range(STEPS)]
    assert watched.rates == pytest.approx(expected)
    assert max(expected) > 10 * min(expected)
