"""Sound that would pass full scale is lowered, and it is said by how much."""

import math

import pytest
import torch

from dgm_audio.signal.full_scale import STEP, Limiter, below_full_scale, lowered_within

RATE, STEPS = 8000, 100


def noise(level, seed, steps=STEPS):
    rng = torch.Generator().manual_seed(seed)
    return level * torch.rand(1, 2, steps * STEP, generator=rng) * 2 - level


def test_the_limiter_lowers_smoothly_and_comes_back():
    x = torch.full((1, 1, 200 * STEP), 0.5)
    x[:, :, 20 * STEP + 1] = 3.0
    limiter = Limiter(RATE)
    made = limiter(x)
    assert float(made.max()) <= 0.99 + 1e-6
    assert limiter.lowered_db == pytest.approx(20 * math.log10(3 / 0.99), abs=1e-6)
    gain = (made / x[:, :, :-STEP])[0, 0]
    assert float(gain.diff().abs().max()) < 0.01  # a clipper would jump by 0.67
    assert float(gain[: 18 * STEP].min()) == 1 and float(gain[-1]) == 1


def test_the_limiter_leaves_what_fits():
    x, limiter = noise(0.98, 0), Limiter(RATE)
    assert torch.equal(limiter(x), x[:, :, :-STEP]) and limiter.lowered_db == 0


@pytest.mark.parametrize("sizes", [(1, 99), (7, 30, 1, 62), (50, 50)])
def test_blocks_are_limited_as_the_whole_is_bit_for_bit(sizes):
    x = noise(1.0, 0) * torch.linspace(0, 3, STEPS * STEP)
    whole = Limiter(RATE)(x)
    limiter = Limiter(RATE)
    parts = [limiter(part) for part in x.split([size * STEP for size in sizes], 2)]
    assert torch.equal(torch.cat(parts, 2), whole)


def test_a_whole_sound_comes_out_to_its_end_and_it_is_told():
    x = noise(2.0, 0)
    with lowered_within() as lowered:
        made = torch.cat(list(Limiter(RATE).whole(x.split(STEP, 2))), 2)
    assert made.shape == x.shape and float(made.abs().max()) <= 0.99 + 1e-6
    assert lowered.places_db == pytest.approx(20 * math.log10(2 / 0.99), abs=0.1)
    assert "in places, by up to 6.1 dB" in lowered.describe()


def test_a_clip_is_lowered_as_a_whole_and_what_fits_is_left():
    x = torch.cat([noise(2.0, 0), noise(0.5, 1)])
    with lowered_within() as lowered:
        made = below_full_scale(x)
    assert torch.equal(made[1], x[1])
    torch.testing.assert_close(made[0], x[0] / x[0].abs().max())
    assert lowered.describe() == "lowered by 6.0 dB: it went beyond full scale"
    with lowered_within() as lowered:
        below_full_scale(x[1:])
    assert lowered.describe() == ""
