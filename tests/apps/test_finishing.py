"""Ends and levels: a sound ends where it dies away, and is as loud as it was asked to be."""

import pytest
import torch

from dgm_audio.apps.finishing import SILENCE_DB, finished, parse_level, short_of, trimmed
from dgm_audio.errors import InputError
from dgm_audio.signal.loudness import measure_loudness

RATE = 8000


def decaying(seconds=1.0, db_per_second=200.0, floor_db=-77.0):
    """Noise that dies away into a noise floor, as decoders leave one."""
    rng = torch.Generator().manual_seed(0)
    time = torch.arange(round(seconds * RATE)) / RATE
    noise = torch.rand(2, len(time), generator=rng) * 2 - 1
    return 0.5 * noise * (10 ** (-db_per_second * time / 20) + 10 ** (floor_db / 20))


def test_a_sound_ends_where_it_stays_60_db_below_its_peak_and_goes_to_silence():
    x = decaying()
    made = trimmed(x, RATE)
    assert made.shape[1] / RATE == pytest.approx(-SILENCE_DB / 200 + 0.02, abs=0.02)
    heard = made.shape[1] - round(0.02 * RATE)
    assert torch.equal(made[:, :heard], x[:, :heard])
    assert float(made[:, -1].abs().max()) < 1e-8 < float(x[:, -1].abs().max())


def test_a_sound_that_is_cut_off_fades_and_a_click_keeps_50_ms():
    loud = torch.ones(1, RATE)
    made = trimmed(loud, RATE)
    assert made.shape == loud.shape and float(made[0, -1]) == 0 and float(made[0, -161]) == 1
    assert float(made.diff().abs().max()) < 0.011  # a cut would jump by 1
    click = torch.zeros(1, RATE)
    click[0, 3] = 1.0
    assert trimmed(click, RATE).shape[1] == 0.05 * RATE
    silence = torch.zeros(1, RATE)
    assert torch.equal(trimmed(silence, RATE), silence)
    assert torch.equal(loud, torch.ones(1, RATE))  # the model's sound is left alone


def test_levels_are_reached_or_it_is_said_why_not():
    x = decaying(db_per_second=0)
    assert float(finished(x, {"level": "peak=-6"}, RATE).abs().max()) == pytest.approx(0.5012, 1e-3)
    assert float(finished(x, {"level": "peak"}, RATE).abs().max()) == pytest.approx(0.95)
    made = finished(x, {"level": "lufs=-30"}, RATE)
    assert measure_loudness(made, RATE).lufs == pytest.approx(-30, abs=0.01)
    assert short_of(made, RATE, "lufs=-30") == ""
    click = trimmed(torch.eye(1, RATE), RATE)
    made = finished(click, {"level": "lufs=-10"}, RATE)
    assert float(made.abs().max()) == pytest.approx(0.95)
    assert "stays at -" in short_of(made, RATE, "lufs=-10")
    assert finished(x, {}, RATE) is x


@pytest.mark.parametrize("text", ["loud", "peak=1", "lufs=", "lufs=nan", "none=3", "lufs=-3", 7])
def test_what_is_no_level_is_named(text):
    with pytest.raises(InputError, match="it must be none, peak, lufs") as error:
        parse_level(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


def test_the_parameters_of_provenance_are_checked():
    for wrong in ({"trim": "yes"}, {"trim": 1}, {"level": ["peak"]}):
        with pytest.raises(InputError):
            finished(decaying(), wrong, RATE)
