"""Spectra, their embedding, and distances from a reference of real sounds."""

import inspect
import math

import pytest
import torch
from drum_sounds import (
    LENGTH,
    RATE,
    Echo,
    Noise,
    blurred,
    clip_set,
    drums,
    make_splits,
    mels,
    with_noise,
)

from dgm_audio.data import ClipSet, Splits
from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import (
    Reference,
    TextureEmbedding,
    evaluate,
    quick_distance,
    validation_metric,
)
from dgm_audio.evaluation.distances import squared_mmd
from dgm_audio.evaluation.sampling import draw
from dgm_audio.evaluation.spectra import decibels, mel_partition, power

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
    clean, noisy, smooth = (
        reference.distance(x) * abs(reference.distance(x))  # the square, which adds up
        for x in (others, with_noise(others, 20), blurred(others))
    )
    assert noisy > clean + 0.05
    assert smooth > clean + 0.02


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
    assert abs(reference.distance(others)) < math.sqrt(0.02)
    assert quick_distance(others, reference) == reference.distance(others)
    assert quick_distance(Noise(), reference) > math.sqrt(0.5)


def test_the_distance_is_the_root_of_the_unbiased_square_with_its_sign(reference, others):
    found = squared_mmd(
        reference.embed(others), reference.standardised.points, reference.standardised.bandwidth
    )
    assert reference.distance(others) == pytest.approx(math.copysign(abs(found) ** 0.5, found))
    alike = torch.cat([reference.audio, reference.audio.flip(0)])  # each twice: no room for chance
    apart = squared_mmd(
        reference.embed(alike), reference.standardised.points, reference.standardised.bandwidth
    )
    assert reference.distance(reference.audio) < 0
    assert reference.distance(alike) == pytest.approx(math.copysign(abs(apart) ** 0.5, apart))


def test_snapshots_are_chosen_by_other_latents_than_reports_draw(reference):
    class Heard(Noise):
        def _decode(self, z, condition, length):
            self.z = z.clone()
            return super()._decode(z, condition, length)

    model, seed = Heard(), inspect.signature(evaluate).parameters["seed"].default
    draw(model, reference.labels, reference.classes, reference.audio.shape[2], seed=seed)
    reported = model.z
    quick_distance(model, reference, seed=seed)  # what would choose by the report's own
    assert torch.equal(model.z, reported)
    quick_distance(model, reference)
    assert model.z.shape == reported.shape and not torch.isclose(model.z, reported).any(1).all()


def test_a_reference_from_tensors_is_the_same(reference):
    audio, names = drums(64, seed=0)
    labels = torch.tensor([sorted(set(names)).index(name) for name in names])
    same = Reference((torch.from_numpy(audio), labels, RATE))
    # In standard deviations: float32 spectra round differently at another place in memory.
    torch.testing.assert_close(
        same.standardised.points, reference.standardised.points, atol=2e-3, rtol=0
    )


def test_a_reference_is_closest_to_itself_in_its_own_embedding():
    clips = clip_set(16, seed=3)
    own = Reference(clips, lambda x, rate: x.square().mean(2))
    assert own.standardised.points.shape == (16, 1)
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


def test_the_judge_hears_neither_too_few_sounds_nor_too_many():
    """Of a large set clips from its first to its last; of a small one more sounds than it has."""

    class Counted(Noise):
        made = 0

        def _decode(self, z, condition, length):
            self.made += len(z)
            return super()._decode(z, condition, length)

    for count, expected in ((8, 256), (600, 512)):
        audio = 0.1 * torch.randn(count, 1, 1024, generator=torch.Generator().manual_seed(0))
        clips, model = ClipSet.from_arrays(audio.clamp(-1, 1), RATE), Counted(1024)
        judge = validation_metric(Splits(clips, clips, clips.subset([]), clips.subset([])))
        judge(model)
        assert model.made == expected
        compared = judge.reference.audio
        assert len(compared) == min(count, expected)
        for mine, own in ((compared[0], clips.tensor()[0]), (compared[-1], clips.tensor()[-1])):
            torch.testing.assert_close(mine / mine.abs().max(), own / own.abs().max())


def test_the_validation_metric_prefers_real_sounds(capsys):
    splits = make_splits(train=40, test=0, validation=24)
    judge = validation_metric(splits)
    assert judge(Echo(splits.train)) < judge(Noise())
    assert judge.name(Noise()) == "MMD to validation recordings"
    assert not capsys.readouterr().err
    few = validation_metric(make_splits(train=12, test=8, validation=2))
    assert "2 validation clips" in capsys.readouterr().err
    assert few.name(Noise()) == "MMD to training recordings"


def test_noise_of_the_right_spectrum_is_the_floor_of_the_judge():
    splits = make_splits(train=40, test=0, validation=24)
    judge = validation_metric(splits)
    name, floor = judge.floor(Noise())
    assert name == "shaped noise" and floor == judge.floor(Noise())[1]
    assert max(math.sqrt(0.01), judge(Echo(splits.train))) < math.sqrt(0.7) * floor
    assert floor < judge(Noise())
