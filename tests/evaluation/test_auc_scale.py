"""What an AUC means: changes of a known size, their two-sample test, and how it is kept."""

import math

import numpy as np
import pytest
import torch
from drum_sounds import RATE, clip_set

from dgm_audio.data import ClipSet
from dgm_audio.data.clip_array import ClipArray
from dgm_audio.evaluation import opus
from dgm_audio.evaluation.auc_scale import TITLES, auc_scale, through_opus, with_eq, with_noise
from dgm_audio.evaluation.clip_features import ClipFeatures

pytestmark = pytest.mark.usefixtures("few_rounds")


def decibels(power):
    return 10 * math.log10(float(power))


def tone(hertz, rate=RATE):
    return torch.sin(2 * math.pi * hertz * torch.arange(rate) / rate)[None, None]


def test_noise_lies_30_db_below_each_clip():
    x = torch.cat([0.5 * tone(440), 0.01 * tone(3000)])
    noise = with_noise(x, RATE) - x
    for clip, added in zip(x, noise, strict=True):
        assert decibels(added.square().mean() / clip.square().mean()) == pytest.approx(-30, abs=0.1)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_the_shelf_adds_a_decibel_above_1_khz_and_nothing_below(rate):
    for hertz, gain in ((100, 0), (500, 0), (1000, 0.5), (2000, 1), (6000, 1)):
        x = tone(hertz, rate)
        y = with_eq(x, rate)
        assert decibels(y.square().mean() / x.square().mean()) == pytest.approx(gain, abs=0.01)
        together = float((x * y).sum() / (x.norm() * y.norm()))
        assert together == pytest.approx(1, abs=1e-4)  # no delay


def test_opus_is_close_and_not_the_same():
    x = 0.3 * tone(440)
    error = through_opus(x, RATE) - x
    assert -60 < decibels(error.square().mean() / x.square().mean()) < -15


def test_what_is_changed_more_is_told_apart_more_often(tmp_path, monkeypatch):
    """The second time it is read from beside the clips; other clips have their own scale."""
    clips = on_disk(clip_set(40, seed=0), tmp_path)
    features = ClipFeatures.of_clips(clips, embeddings={})
    found = auc_scale(clips, features)
    assert set(found) == set(TITLES)
    assert all(0 <= low <= auc <= high <= 1 for auc, low, high in found.values())
    assert found["noise"][0] > 0.9 > found["eq"][0]
    monkeypatch.setattr("dgm_audio.evaluation.auc_scale._area", lambda *_: (0.25, 0.25, 0.25))
    assert auc_scale(clips, features) == found
    assert auc_scale(clips, features, seed=1)["eq"] == (0.25, 0.25, 0.25)
    some = clips.subset(np.arange(20))
    assert auc_scale(some, features)["eq"] == (0.25, 0.25, 0.25)


def test_without_opus_or_with_one_sound_only_there_is_less(monkeypatch):
    monkeypatch.setattr(opus.soundfile, "available_subtypes", lambda _: {})
    clips = clip_set(12, seed=0)
    features = ClipFeatures.of_clips(clips, embeddings={})
    assert set(auc_scale(clips, features)) == {"noise", "eq"}


def on_disk(clips, folder):
    """The same clips, in a file as the cache keeps them."""
    np.save(folder / "audio.npy", clips.audio[:])
    audio = ClipArray(folder / "audio.npy")
    return ClipSet(**{**vars(clips), "audio": audio})
