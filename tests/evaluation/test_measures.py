"""Each judge alone: sampling, labels, copies, floor, reconstruction, intervals."""

import numpy as np
import pytest
import torch
from drum_sounds import KINDS, LENGTH, RATE, Echo, Noise, clip_set, drums, mels

from dgm_audio.data import ClipSet
from dgm_audio.errors import InputError
from dgm_audio.evaluation import reconstruction as rec
from dgm_audio.evaluation.bootstrap import estimate
from dgm_audio.evaluation.copies import cells, nearest_distance, weighted_median
from dgm_audio.evaluation.figures import mean_of
from dgm_audio.evaluation.labels import course
from dgm_audio.evaluation.sampling import choose, draw, proportional_labels
from dgm_audio.evaluation.shaped_noise import ShapedNoise, class_means
from dgm_audio.evaluation.spectra import power

# --- sampling ----------------------------------------------------------------------------------


def test_labels_keep_their_proportions():
    labels = torch.tensor([0] * 50 + [1] * 30 + [3] * 20)
    assert proportional_labels(labels, 10).bincount().tolist() == [5, 3, 0, 2]
    assert len(proportional_labels(torch.tensor([0, 1, 2]), 100)) == 100


def test_chosen_clips_have_the_wanted_classes_and_none_is_taken_twice():
    labels = torch.tensor([0, 1] * 10)
    chosen = choose(labels, torch.tensor([0] * 4 + [1] * 30), seed=0)
    assert labels[chosen].bincount().tolist() == [4, 10]
    assert len(chosen.unique()) == 14


def test_drawn_sounds_are_those_of_the_model():
    model = Echo(clip_set(12, seed=0))
    labels = torch.tensor([3, 1, 0] * 7)
    classes = ("hat", "kick", "snare", "tom")  # in another order than the model's
    names = [classes[label] for label in labels]
    x = model.sample(21, seed=5, condition={"class": names})
    assert torch.equal(draw(model, labels, classes, LENGTH, seed=5), x)
    with pytest.raises(InputError, match="gong"):
        draw(model, labels, ("gong", "kick", "snare", "tom"), LENGTH, seed=5)


# --- labels, copies, floor ---------------------------------------------------------------------


def test_sections_of_time_grow_and_lose_nothing():
    levels = torch.arange(20.0).expand(1, 1, 20)
    sections = course(levels)[0]
    assert sections[:4].tolist() == [0, 1, 2, 3]
    assert sections[-1] > 15 and (sections.diff() > 0).all()
    assert course(torch.ones(2, 3, 1)).tolist() == [[1.0] * 3] * 2


def test_a_copy_is_near_and_another_sound_is_not(others):
    audible = cells(mels(others))
    copies = nearest_distance(cells(mels(0.9 * others.roll(5, dims=2))), audible)
    strangers = nearest_distance(audible[:32], audible[32:])
    assert copies.max() < strangers.median()
    assert nearest_distance(audible, audible).max() == 0
    louder = nearest_distance(torch.full((1, 50), -10.0), torch.full((1, 50), -13.0))
    assert louder.tolist() == [3]


def test_the_median_respects_weights():
    values = torch.tensor([5.0, 1.0, 3.0])
    assert weighted_median(values, torch.tensor([1.0, 1.0, 1.0])) == 3
    assert weighted_median(values, torch.tensor([3.0, 1.0, 1.0])) == 5


def test_shaped_noise_has_the_mean_spectrum_of_its_class():
    clips = clip_set(64, seed=0)
    audio, labels = clips.tensor(), torch.from_numpy(clips.labels)
    noise = ShapedNoise(audio, labels, len(KINDS), RATE)
    hat = clips.classes.index("hat")
    made = noise.draw(torch.full((64,), hat), seed=1)
    assert made.shape == (64, 1, LENGTH)
    real = power(audio[labels == hat][:, 0], 512, 128).mean(0)
    found = power(made[:, 0], 512, 128).mean(0)
    loud = real > 1e-4 * real.max()
    difference = 10 * (found[loud] / real[loud]).log10()
    assert abs(float(difference.mean())) < 1.5
    assert not torch.equal(made, noise.draw(torch.full((64,), hat), seed=2))


def test_the_mean_of_a_class_without_clips_is_that_of_all():
    values = iter([torch.tensor([[1.0], [3.0]]), torch.tensor([[8.0]])])
    means = class_means(values, torch.tensor([0, 0, 2]), 3)
    assert means.tolist() == [[2.0], [4.0], [8.0], [4.0]]


# --- reconstruction ----------------------------------------------------------------------------


class Quieter(Echo):
    """Its decoder halves the amplitude: 6.02 dB wherever a sound is above the floor."""

    def encode(self, x, condition=None):
        return super().encode(x, condition) / 2


def test_the_error_of_half_the_amplitude_is_six_decibels():
    x = 0.5 * torch.randn(4, 1, LENGTH, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    clips = ClipSet.from_arrays(x, RATE, labels=["kick"] * 4)
    found = rec.reconstruct(Quieter(clip_set(12, seed=0)), clips)
    assert found.errors.tolist() == pytest.approx([6.02] * 4, abs=0.05)
    assert len(found.features) == 4 and rec.reconstruct(Noise(), clips) is None


def test_of_many_clips_some_evenly_spread_are_reconstructed(monkeypatch):
    clips, model = clip_set(9, seed=0), Quieter(clip_set(9, seed=0))
    labels = torch.from_numpy(clips.labels)
    means = rec.class_mean_levels(clips.audio, labels, len(KINDS), RATE)
    whole = rec.reconstruct(model, clips).errors
    monkeypatch.setattr(rec, "MOST", 3)
    found = rec.reconstruct(model, clips)
    assert found.rows.tolist() == [0, 4, 8] and len(found.features) == 3
    figures = rec.reconstruction_figures(found, clips, means, "")
    once = {"reference": torch.ones(9, dtype=torch.float64)}
    assert figures["reconstruction_db"](once) == pytest.approx(float(whole[[0, 4, 8]].mean()))
    last = {"reference": torch.zeros(9, dtype=torch.float64).index_fill(0, torch.tensor([8]), 1)}
    assert figures["reconstruction_db"](last) == pytest.approx(float(whole[8]))


def test_the_class_mean_clip_is_exact_where_a_class_has_one_sound():
    audio, _ = drums(4, seed=0)
    audio, labels = torch.from_numpy(audio), torch.arange(4)
    means = rec.class_mean_levels(audio, labels, 8, RATE)
    errors = rec.class_mean_errors(audio, labels, means, RATE)
    assert errors.max() < 1e-4
    swapped = rec.class_mean_errors(audio, labels.flip(0), means, RATE)
    assert swapped.min() > 1
    unknown = rec.class_mean_errors(audio, labels + 4, means, RATE)
    assert 0 < unknown.min() and unknown.mean() < swapped.mean()


# --- intervals ---------------------------------------------------------------------------------


def test_an_interval_covers_the_truth_as_often_as_it_says():
    rng, hits, widths = np.random.default_rng(0), 0, []
    for seed in range(60):
        values = torch.from_numpy(rng.standard_normal(60))
        _, ends = estimate({"m": mean_of(values, "x")}, {"x": torch.arange(60)}, seed=seed)
        low, high = ends["m"]
        hits += low < 0 < high
        widths.append(high - low)
    assert 51 <= hits <= 60
    assert np.mean(widths) == pytest.approx(2 * 1.96 / 60**0.5, rel=0.1)


def test_near_copies_are_one_observation():
    values = torch.from_numpy(np.random.default_rng(0).standard_normal(20)).repeat_interleave(9)
    single, cluster = torch.arange(180), torch.arange(20).repeat_interleave(9)
    figures = {"single": mean_of(values, "single"), "cluster": mean_of(values, "cluster")}
    values, ends = estimate(figures, {"single": single, "cluster": cluster})
    width = {name: high - low for name, (low, high) in ends.items()}
    assert values["single"] == values["cluster"]
    assert width["cluster"] == pytest.approx(3 * width["single"], rel=0.25)
