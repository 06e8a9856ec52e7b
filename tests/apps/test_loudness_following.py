"""Gains: equal loudness, nothing above full scale, and blocks that give what the whole gives."""

import math

import pytest
import torch

from dgm_audio.apps.loudness_following import LoudnessFollower
from dgm_audio.errors import InputError
from dgm_audio.signal.full_scale import STEP

RATE, STEPS = 8000, 100


def noise(level, seed, steps=STEPS):
    rng = torch.Generator().manual_seed(seed)
    return level * torch.rand(1, 2, steps * STEP, generator=rng) * 2 - level


def followed(x, y, sizes=(STEPS,)):
    follower = LoudnessFollower(RATE)
    sizes = [size * STEP for size in sizes]
    pairs = zip(x.split(sizes, 2), y.split(sizes, 2), strict=True)
    return torch.cat([follower(*pair) for pair in pairs], 2), follower


def level_db(x):
    return 10 * math.log10(float(x.square().mean()) + 1e-20)


def test_blocks_give_what_the_whole_gives():
    x, y = noise(0.9, 0) * torch.linspace(0, 1, STEPS * STEP) ** 3, noise(1.0, 1) ** 5
    whole, follower = followed(x, y)
    blocks, _ = followed(x, y, (1, 0, 2, 7, 30, 60))
    assert whole.shape[2] == (STEPS - 1) * STEP and follower.lowered_db > 0
    assert torch.equal(blocks, whole)


@pytest.mark.parametrize("level", [0.05, 0.3])
def test_loudness_becomes_that_of_the_other_sound(level):
    made, _ = followed(noise(level, 0), noise(0.1, 1))
    for part in made.split(10 * STEP, 2):
        assert level_db(part) == pytest.approx(level_db(noise(level, 0)), abs=0.6)


@pytest.mark.parametrize(("given", "wanted", "gain_db"), [(1e-4, 0.5, 24), (0.9, 0.01, -24)])
def test_the_gain_has_bounds(given, wanted, gain_db):
    y = noise(given, 1)
    made, _ = followed(noise(wanted, 0), y)
    assert level_db(made) - level_db(y[:, :, :-STEP]) == pytest.approx(gain_db, abs=0.01)


def test_silence_stays_silent_and_a_first_sound_has_its_attack():
    x = noise(0.3, 0)
    x[:, :, : 50 * STEP] *= 1e-4  # -90 dB
    made, _ = followed(x, noise(0.3, 1))
    assert float(made[:, :, : 50 * STEP].abs().max()) == 0
    assert level_db(made[:, :, 52 * STEP :]) == pytest.approx(level_db(noise(0.3, 0)), abs=0.5)
    made, _ = followed(noise(0.3, 0), noise(0.3, 1))
    assert level_db(made[:, :, :STEP]) == pytest.approx(level_db(noise(0.3, 0)), abs=0.5)


def test_channels_share_one_gain():
    x, y = noise(0.3, 0), noise(0.1, 1)
    made, _ = followed(x * torch.tensor([1.0, 0.0])[:, None], y)
    gain = made / y[:, :, :-STEP]
    torch.testing.assert_close(gain[:, 0], gain[:, 1], rtol=1e-3, atol=1e-3)


def test_blocks_that_do_not_fit_are_refused():
    follower, x = LoudnessFollower(RATE), noise(0.1, 0)
    with pytest.raises(InputError, match="not equal"):
        follower(x, x[:, :, STEP:])
    with pytest.raises(InputError, match="multiple of 128"):
        follower(x[:, :, 1:], x[:, :, 1:])
