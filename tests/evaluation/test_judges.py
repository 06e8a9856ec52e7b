"""Each judge alone: embedding, two-sample test, labels, copies, floor, reconstruction."""

import numpy as np
import pytest
import torch
from drum_sounds import KINDS, LENGTH, RATE, Echo, Noise, clip_set, drums, make_splits, with_noise

from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import Reference, TextureEmbedding, held_out_judge, quick_distance
from dgm_audio.evaluation import reconstruction as rec
from dgm_audio.evaluation.bootstrap import estimate
from dgm_audio.evaluation.copies import cells, nearest_distance, weighted_median
from dgm_audio.evaluation.figures import mean_of
from dgm_audio.evaluation.floor import ShapedNoise, class_means
from dgm_audio.evaluation.kernel_ridge import balanced, fit
from dgm_audio.evaluation.labels import course
from dgm_audio.evaluation.sampling import choose, draw, proportional_labels
from dgm_audio.evaluation.spectra import decibels, log_mel, mel_partition, power
from dgm_audio.evaluation.two_sample import patterns, two_sample_test


@pytest.fixture(scope="module")
def reference():
    return Reference(clip_set(64, seed=0))


@pytest.fixture(scope="module")
def others():
    return torch.from_numpy(drums(64, seed=1)[0])


def blurred(x):
    """The same envelope, pitch and loudness, but a magnitude smoothed over time and frequency."""
    window = torch.hann_window(512)
    spectrum = torch.stft(x[:, 0], 512, 128, window=window, return_complex=True)
    level = torch.nn.functional.avg_pool2d((spectrum.abs() + 1e-4).log()[:, None], 5, 1, 2)
    smooth = spectrum / spectrum.abs().clamp_min(1e-6) * level[:, 0].exp()
    return torch.istft(smooth, 512, 128, window=window, length=x.shape[2])[:, None]


def mels(x, bands=32):
    return log_mel(x, RATE, bands=bands, window=512, hop=128)


# --- spectra and embedding ---------------------------------------------------------------------


def test_a_full_scale_sine_has_zero_decibels():
    t = torch.arange(RATE) / RATE
    spectrum = power(torch.sin(2 * torch.pi * 1000 * t)[None], 512, 128)
    assert float(decibels(spectrum)[0, 32, 40]) == pytest.approx(0, abs=0.05)
    assert float(mels(torch.zeros(1, 2, 4096)).max()) == -80


@pytest.mark.parametrize(("count", "window", "rate"), [(32, 2048, 44100), (12, 64, 16000)])
def test_every_bin_is_in_one_band_and_no_band_is_empty(count, window, rate):
    partition = mel_partition(count, window, rate)
    assert partition.shape == (count, window // 2 + 1)
    assert (partition.sum(0) == 1).all() and (partition.sum(1) >= 1).all()


def test_noise_and_blur_move_clips_away_from_real_ones(reference, others):
    clean = reference.distance(others)
    assert reference.distance(with_noise(others, 20)) > clean + 0.05
    assert reference.distance(blurred(others)) > clean + 0.02


def test_level_does_not_matter(reference, others):
    assert reference.distance(0.01 * others) == pytest.approx(reference.distance(others), abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 1, 64), (1, 2, 999), (3, 1, 20000)])
@pytest.mark.parametrize("rate", [4000, 44100])
def test_clips_of_any_length_rate_and_content_are_embedded(shape, rate):
    for x in (torch.zeros(shape), torch.ones(shape), torch.rand(shape)):
        numbers = TextureEmbedding()(x, rate)
        assert numbers.shape == (shape[0], 504) and bool(torch.isfinite(numbers).all())


def test_the_channels_are_averaged():
    mono = torch.rand(2, 1, 4096) - 0.5
    numbers = TextureEmbedding()
    assert torch.allclose(numbers(mono.expand(-1, 2, -1), RATE), numbers(mono, RATE), atol=1e-4)


# --- reference ---------------------------------------------------------------------------------


def test_a_reference_ranks_real_sounds_before_noise(reference, others):
    assert abs(reference.distance(others)) < 0.02
    assert quick_distance(others, reference) == reference.distance(others)
    assert quick_distance(Noise(), reference) > 0.5


def test_a_reference_from_tensors_is_the_same(reference):
    audio, names = drums(64, seed=0)
    labels = torch.tensor([sorted(set(names)).index(name) for name in names])
    same = Reference((torch.from_numpy(audio), labels, RATE))
    # In standard deviations: float32 spectra round differently at another place in memory.
    torch.testing.assert_close(same.space.points, reference.space.points, atol=2e-3, rtol=0)


def test_a_reference_is_closest_to_itself_in_its_own_embedding():
    clips = clip_set(16, seed=3)
    own = Reference(clips, lambda x, rate: x.square().mean(2))
    assert own.space.points.shape == (16, 1)
    assert own.distance(clips.tensor()) < own.distance(torch.rand(16, 1, LENGTH))


def test_what_a_reference_cannot_use_is_refused(reference):
    with pytest.raises(DataError, match="7 clips"):
        Reference(clip_set(7, seed=0))
    with pytest.raises(InputError, match=r"\(2, 1, 99\)"):
        reference.distance(torch.zeros(2, 1, 99))
    with pytest.raises(InputError, match="not finite"):
        reference.distance(torch.full((2, 1, LENGTH), torch.nan))
    with pytest.raises(InputError, match="embedding returned"):
        Reference(clip_set(8, seed=0), lambda x, rate: x)


def test_the_held_out_judge_prefers_real_sounds(capsys):
    splits = make_splits(train=40, heldout=24)
    judge = held_out_judge(splits)
    assert judge(Echo(splits.train)) < judge(Noise())
    assert not capsys.readouterr().err
    held_out_judge(make_splits(train=12, heldout=2))
    assert "2 held-out clips" in capsys.readouterr().err


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


# --- two-sample test ---------------------------------------------------------------------------


def auc(x, real, clusters=None, clusters_real=None):
    clusters = torch.arange(len(x)) if clusters is None else clusters
    clusters_real = torch.arange(len(real)) if clusters_real is None else clusters_real
    votes = two_sample_test(patterns(mels(x)), patterns(mels(real)), clusters, clusters_real)
    assert votes.compared.sum() > 0
    return votes.auc(torch.ones(len(x)).double(), torch.ones(len(real)).double())


def test_real_sounds_cannot_be_told_from_real_ones(reference, others):
    assert auc(others, reference.audio) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("spoil", [lambda x: with_noise(x, 20), blurred])
def test_what_is_not_real_is_told_apart(reference, others, spoil):
    assert auc(spoil(others), reference.audio) > 0.9


def test_recognising_a_sound_again_does_not_count(others):
    # Four takes of 8 sounds on each side: a classifier could learn the sounds by heart.
    takes = torch.cat([with_noise(others[:16], 40, seed) for seed in range(4)])
    sound = torch.arange(16).repeat(4)
    first = sound < 8
    x, real, own, others_own = takes[first], takes[~first], sound[first], sound[~first]
    assert auc(x, real) > auc(x, real, own, others_own) + 0.2


def test_a_tie_counts_half():
    x = torch.zeros(6, 4).double()
    votes = two_sample_test(x, x, torch.arange(6), torch.zeros(6))
    ones = torch.ones(6).double()
    assert votes.auc(ones, ones) == 0.5


def test_ridge_regression_solves_its_equations():
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).double()
    y, weight = x @ torch.tensor([[1.0], [-2.0], [0.5]]).double() + 3, torch.rand(9).double() + 0.5
    a, b = fit(x @ x.T, y, weight, 0.1)
    slope = x.T @ a
    normal = x.T @ (weight[:, None] * x) + 0.1 * torch.eye(3)
    assert torch.allclose(normal @ slope, x.T @ (weight[:, None] * (y - b)))
    assert torch.allclose(
        balanced(torch.tensor([0, 0, 1])), torch.tensor([0.75, 0.75, 1.5]).double()
    )


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
    labels, classes = torch.zeros(4).long(), ("kick", "tom")
    model = Quieter(clip_set(12, seed=0))
    assert rec.model_errors(model, x, labels, classes).tolist() == pytest.approx(
        [6.02] * 4, abs=0.05
    )
    assert rec.model_errors(Noise(), x, labels, classes) is None


def test_the_class_mean_clip_is_exact_where_a_class_has_one_sound():
    audio, _ = drums(4, seed=0)
    audio, labels = torch.from_numpy(audio), torch.arange(4)
    errors = rec.class_mean_errors(audio, labels, audio, labels, RATE)
    assert errors.max() < 1e-4
    swapped = rec.class_mean_errors(audio, labels.flip(0), audio, labels, RATE)
    assert swapped.min() > 1
    unknown = rec.class_mean_errors(audio, labels + 4, audio, labels, RATE)
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
