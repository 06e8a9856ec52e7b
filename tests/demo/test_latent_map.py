"""Latent maps: coordinates of sounds are exact, and a sound moves within the plane only."""

import math

import pytest
import torch
from dgm_audio._demo.latent_map import draw_map
from small_stream import small_stream
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig, ToyTone, ToyToneConfig

from dgm_audio.errors import InputError
from dgm_audio.families.spectrogram import SpectrogramConfig
from dgm_audio.families.vae.model import SpectrogramVAE

SIZES = {"sample_rate": 8000, "length": 4096, "n_fft": 256, "hop": 128, "width": 16, "latent": 6}
PLACES = [(0.0, 0.0), (0.3, -0.7), (-1, 1), (2.5, -3), (0.99, 0.98)]


def drums():
    """With classes far apart along one axis of the codes."""
    torch.manual_seed(0)
    model = SpectrogramVAE(
        SpectrogramConfig(**SIZES, blocks=(1, 1, 1), classes=("kick", "snare", "tom"))
    ).eval()
    labels = torch.arange(90) % 3
    mean = torch.randn(90, 6) @ torch.randn(6, 6)
    mean[:, 2] += 30.0 * labels
    model.fit_prior(mean, torch.full((90, 6), -3.0), labels)
    return model


MODELS = {
    "codes": drums,
    "levels": lambda: ToyFlow(ToyFlowConfig(length=400, streams=False)),
    "without classes": lambda: ToyFactor(ToyFactorConfig(length=400)),
    "with two latents": lambda: ToyTone(ToyToneConfig()),
}


@pytest.fixture(scope="module", params=list(MODELS))
def drawn(request):
    model = MODELS[request.param]()
    return model, draw_map(model, 40, seed=5)


def test_points_lie_where_the_sounds_of_the_seed_lie(drawn):
    model, found = drawn
    z = model.noise(40, seed=5)
    assert found.points.shape == (40, 2) and float(found.points.abs().max()) == 1
    assert found.seed == 5 and len(found.labels) == len(found.conditions) == 40
    for index, (x, y) in enumerate(found.points.tolist()):
        assert found.nearest(x, y) == index
        there, condition = found.latent_at(*found.points[index])
        torch.testing.assert_close(there, z[index : index + 1], atol=1e-4, rtol=0)
        assert condition == found.conditions[index]
        assert found.project(z[index : index + 1], condition) == pytest.approx((x, y), abs=1e-3)


def test_what_is_at_a_place_is_placed_there(drawn):
    _, found = drawn
    for x, y in PLACES:
        z, condition = found.latent_at(x, y)
        assert condition == found.conditions[found.nearest(x, y)]
        assert found.project(z, condition) == pytest.approx((x, y), abs=1e-3)


def test_a_move_stays_within_the_plane(drawn):
    """The features off the plane are the nearest sound's."""
    _, found = drawn
    z, condition = found.latent_at(0.31, -0.72)
    start = found.z[found.nearest(0.31, -0.72)][None]
    moved, was = (found.space.features(item, condition) for item in (z, start))
    off = (moved - was) - found.axes.T @ (found.axes @ (moved - was))
    assert float(off.norm()) < 1e-4 * max(1.0, float((moved - was).norm()))


def test_the_axes_are_principal_ones(drawn):
    """Uncorrelated, and of falling variance; the shares are those of the whole."""
    _, found = drawn
    x, y = found.points.T
    assert abs(float((x * y).mean())) < 1e-9
    assert 1 >= found.explained[0] >= found.explained[1] > 0
    pairs = zip(found.z.split(1), found.conditions, strict=True)
    features = torch.stack([found.space.features(*pair) for pair in pairs])
    total = features.var(0, correction=0).sum()
    for along, share in zip((x, y), found.explained, strict=True):
        variance = (along * found.scale).square().mean()
        assert float(variance / total) == pytest.approx(share, rel=1e-6)
    largest = found.axes.gather(1, found.axes.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()


def test_classes_take_turns_unless_one_is_given():
    model = drums()
    found = draw_map(model, 6)
    assert found.labels == ["kick", "snare", "tom"] * 2
    assert found.conditions[1] == {"class": "snare"}
    assert draw_map(model, 4, given={"class": "tom"}).labels == ["tom"] * 4
    assert draw_map(ToyFactor(ToyFactorConfig()), 5).labels == [""] * 5


def test_classes_that_lie_apart_are_apart_on_the_map():
    found = draw_map(drums(), 60)
    nearest = torch.cdist(found.points, found.points).fill_diagonal_(math.inf).argmin(1)
    same = [found.labels[index] == found.labels[other] for index, other in enumerate(nearest)]
    assert sum(same) / len(same) > 0.95


def test_maps_are_the_same_again():
    first, second = (draw_map(drums(), 20, seed=3) for _ in range(2))
    assert first.points.equal(second.points) and first.explained == second.explained
    assert not draw_map(drums(), 20, seed=4).points.equal(first.points)


def test_sequences_of_codes_have_no_map():
    for model in (small_stream(), ToyFlow(ToyFlowConfig())):
        with pytest.raises(InputError, match="cannot stand for a sequence"):
            draw_map(model)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 4.5, "0", None, True, torch.zeros(2)])
def test_wrong_places(wrong):
    found = draw_map(drums(), 5)
    for call in (found.nearest, found.latent_at):
        with pytest.raises(InputError, match="x is"):
            call(wrong, 0)
        with pytest.raises(InputError, match="y is"):
            call(0, wrong)


def test_wrong_arguments():
    found = draw_map(drums(), 5)
    for wrong in (torch.zeros(1, 5, 1), torch.zeros(2, 6, 1), None):
        with pytest.raises(InputError, match=r"expected a tensor \(1, 6, 1\)"):
            found.project(wrong, {})
    with pytest.raises(InputError, match="count is 2"):
        draw_map(drums(), 2)
    with pytest.raises(InputError, match="'piano'"):
        draw_map(drums(), given={"class": "piano"})
    with pytest.raises(InputError, match="a map needs two"):
        draw_map(ToyFactor(ToyFactorConfig(codes=1)), 5)
