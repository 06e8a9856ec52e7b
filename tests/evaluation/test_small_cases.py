"""Judges on cases that are so small that their figures are known by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from drum_sounds import Noise
from toys import ToyChain, ToyChainConfig, ToyTone, ToyToneConfig

from dgm_audio.data import ClipSet
from dgm_audio.evaluation import Reference, bootstrap, likelihood, multiscale, tuning
from dgm_audio.evaluation import reconstruction as rec
from dgm_audio.evaluation.copies import cells, nearest_distance
from dgm_audio.evaluation.distances import frechet_distance, median_distance, squared_distances
from dgm_audio.evaluation.diversity import diversity
from dgm_audio.evaluation.kernel_ridge import fit, standardise
from dgm_audio.evaluation.labels import LabelClassifier
from dgm_audio.evaluation.neighbours import Neighbours
from dgm_audio.evaluation.standardised_reference import StandardisedReference
from dgm_audio.evaluation.two_sample import TwoSampleTest, patterns
from dgm_audio.specs import Classes, ConditionSpec, Scalar


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


# --- distances ---------------------------------------------------------------------------------


def test_equal_points_far_from_zero_have_no_negative_distance():
    x = 1e4 + normal(40, 30).float()
    assert float(squared_distances(x, x).min()) == 0


def test_the_bandwidth_is_no_mean():
    assert median_distance(torch.tensor([[0.0], [1.0], [10.0]])) == 9  # of 1, 9, 10


def test_weights_may_be_whole_numbers():
    x, y, weight = normal(6, 2), normal(8, 2, seed=1), torch.tensor([0, 1, 2, 0, 3, 1])
    assert frechet_distance(x, y, weight) == frechet_distance(x, y, weight.double())


def test_five_neighbours_and_32_components_unless_said_otherwise():
    x, y = normal(30, 3), normal(40, 3, seed=1)
    ones = torch.ones(30).double(), torch.ones(40).double()
    assert Neighbours(x, y)(*ones) == Neighbours(x, y, k=5)(*ones)
    assert StandardisedReference.of(normal(120, 50)).axes.shape == (50, 32)


# --- regression, labels, the two-sample test ---------------------------------------------------


def test_the_offset_is_the_weighted_mean_and_standard_scores_have_none():
    weight = torch.tensor([0.5, 0.5, 2.0]).double()
    targets = torch.tensor([[1.0], [3.0], [7.0]]).double()
    _, offset = fit(torch.eye(3).double(), targets, weight, 0.1)
    assert float(offset) == pytest.approx((0.5 * 1 + 0.5 * 3 + 2 * 7) / 3)
    known, other = standardise(5 + 2 * normal(50, 3), torch.full((1, 3), 5.0).double())
    assert float(known.mean(0).abs().max()) < 1e-12
    assert torch.allclose(known.std(0), torch.ones(3).double())
    assert float(other.abs().max()) < 0.5


def test_the_classifier_names_clusters():
    places = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]).double()
    labels = torch.arange(3).repeat(8)
    named = LabelClassifier(places[labels] + 0.3 * normal(24, 2), labels)
    assert named(places).tolist() == [0, 1, 2]
    assert named.correct(places, torch.tensor([0, 2, 2])).tolist() == [1, 0, 1]


def test_filters_answer_white_noise_with_its_own_deviation_and_silence_with_nothing():
    assert not patterns(torch.zeros(2, 20, 20)).any()
    mean, deviation, *_ = patterns(normal(4, 200, 200).float()).chunk(5, dim=1)
    assert float(mean.abs().max()) < 0.05
    assert torch.allclose(deviation, torch.ones_like(deviation), atol=0.05)


def test_clips_that_are_all_copies_of_one_sound_are_cut_into_halves():
    x, real = normal(24, 8) + 3, normal(24, 8, seed=1)
    ones = torch.ones(24).double()
    votes = TwoSampleTest(x, real, torch.arange(24), torch.zeros(24))(ones, ones)
    assert bool((votes.compared.sum(0) > 0).all())
    assert votes.auc(ones, ones) > 0.95


# --- intervals, copies, reconstruction ---------------------------------------------------------


def test_an_interval_leaves_a_fortieth_out_at_either_end():
    low, high = bootstrap._interval(10.0, [*range(1001)])
    assert (low, high) == (10 + 25 - 500, 10 + 975 - 500)


def test_cells_are_of_two_bands_and_four_frames_and_the_last_ones_count():
    levels = torch.arange(5.0)[:, None].expand(5, 6)[None]  # a level per band
    assert cells(levels).tolist() == [[0.5, 0.5, 2.5, 2.5, 4.0, 4.0]]
    assert cells(levels.mT).tolist() == [[1.5, 4.0, 1.5, 4.0, 1.5, 4.0]]
    assert nearest_distance(cells(levels), cells(levels)).dtype == torch.float64


def test_levels_have_four_frames_per_window():
    window = rec.window_length(rec.WINDOW, 16000)
    assert rec.levels(torch.zeros(1, 1, 4 * window), 16000).shape[-1] == 4 * 4 + 1


def test_opus_takes_what_it_is_said_to_take():
    rng = torch.Generator().manual_seed(0)
    sounds = [(0.2 * torch.randn(1, 1, 64000, generator=rng)).clamp(-1, 1)]
    coded, note = multiscale._coded(sounds, 16000, "")
    if not coded:
        pytest.skip(note)
    told = float(note.partition("Opus took ")[2].split()[0])
    assert told == pytest.approx(16, rel=0.05)


# --- variety -----------------------------------------------------------------------------------


class Asked(ToyTone):
    """It remembers the classes that it was asked for, in order."""

    def __init__(self, classes):
        super().__init__(ToyToneConfig(1024))
        self.condition, self.asked = ConditionSpec({"class": Classes(classes)}), []

    def _decode(self, z, condition, length):
        self.asked += condition["class"].tolist()
        return super()._decode(z, condition, length)


def asked_classes(counts, n):
    names = [f"c{index}" for index, count in enumerate(counts) for _ in range(count)]
    rng = np.random.default_rng(0)
    clips = ClipSet.from_arrays(rng.uniform(-0.5, 0.5, (len(names), 1, 1024)), 8000, labels=names)
    model = Asked(clips.classes)
    diversity(model, Reference(clips), n=n)
    return model.asked


def test_the_classes_with_most_clips_are_compared_two_sounds_of_each():
    assert asked_classes([2, 5, 1, 4, 3], n=4) == [1, 3, 1, 3]
    assert asked_classes([2, 2, 2, 2], n=8) == [0, 1, 2, 3, 0, 1, 2, 3]
    assert sorted(asked_classes([2, 2, 2, 2], n=6)) == [0, 0, 1, 1, 2, 2]


def test_the_sounds_are_those_of_seed_zero_unless_said_otherwise():
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (9, 1, 1024))
    reference, model = Reference(ClipSet.from_arrays(audio, 8000)), Noise(1024)
    assert diversity(model, reference, n=4) == diversity(model, reference, n=4, seed=0)
    assert diversity(model, reference, n=4) != diversity(model, reference, n=4, seed=1)


# --- likelihood --------------------------------------------------------------------------------


def test_a_markov_chain_is_there_for_as_many_levels_as_it_may_have(monkeypatch):
    model = ToyChain(ToyChainConfig(levels=8, length=64))
    clips = ClipSet.from_arrays(model.sample(4, seed=0), model.audio.sample_rate)
    for most, there in ((8, True), (7, False)):
        monkeypatch.setattr(likelihood, "MAX_MARKOV_LEVELS", most)
        assert (likelihood.Likelihood(model, clips).chain is not None) == there


def test_a_clip_without_valid_samples_has_no_symbols():
    model = ToyChain(ToyChainConfig(levels=8, length=64))
    clips = ClipSet.from_arrays(model.sample(2, seed=0), model.audio.sample_rate)
    found = likelihood._symbols(model, replace(clips, lengths=np.array([0, 10])))
    assert [len(sequence) for sequence in found] == [0, 10]


def test_noise_of_dequantisation_is_one_step_wide_around_the_sample():
    noise = (likelihood.dequantised(torch.zeros(1, 1, 20000)) * 2**15).flatten()
    assert -0.5 <= float(noise.min()) < -0.49 and 0.49 < float(noise.max()) <= 0.5
    assert float(noise.std()) == pytest.approx(1 / math.sqrt(12), rel=0.02)


# --- tuning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cents", "near"), [(49.99, 1), (-49.99, 1), (50.01, 0), (-50.01, 0)])
def test_a_note_is_in_tune_up_to_half_a_semitone(cents, near):
    assert tuning._near(440 * 2 ** (cents / 1200), 69) == near


def test_the_lowest_and_the_highest_pitch_that_can_be_heard_are():
    class Pitched(Asked):
        def __init__(self):
            super().__init__(("a",))
            self.condition = ConditionSpec({"pitch": Scalar(60, 60, "MIDI number", 60)})

        def _decode(self, z, condition, length):
            return ToyTone._decode(self, z, condition, length)

    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 1, 1024))
    clips = ClipSet.from_arrays(audio, 8000, pitches=[30.0, 31.0, 95.0, 96.0])
    heard = iter([*[math.nan] * tuning.CODES, 440 * 2 ** ((31 - 69) / 12), 1.0])
    found = tuning.tuning(Pitched(), clips, 0, lambda x: next(heard))
    once = {"reference": torch.ones(4).double()}
    assert found.figures["in_tune_real"](once) == 0.5
    none = tuning.tuning(Pitched(), clips.subset([0, 3]), 0, lambda x: math.nan)
    assert set(none.figures) == {"in_tune"}
