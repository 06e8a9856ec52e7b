"""Second strokes, tails, attacks and partials of one-shots that were made to have them."""

import math

import pytest
import torch
from known_sounds import both_rates, clip, decibels, dull_noise, noise, strokes, times, tone, value

from dgm_audio.evaluation.listening import measure, one_shots


def one_shot(key, audio, rate=16000, **options):
    return value(key, audio, rate, "one-shots", **options)


@both_rates
def test_a_second_stroke_begins_anew(rate):
    once = strokes(1.2, rate, [0], [0])
    twice = strokes(1.2, rate, [0, 0.6], [0, -10])
    assert one_shot("begins_anew", once, rate) == 0
    assert one_shot("begins_anew", twice, rate) == 1
    assert one_shot("begins_anew", -0.05 * twice, rate) == 1


def test_a_tone_like_a_drum_that_wavenet_strikes_again_begins_anew():
    time = times(1.2, 16000)
    falls = -40 * time + 35 * (time > 0.7)
    assert one_shot("begins_anew", tone(90, 1.2, 16000) * decibels(falls)) == 1
    assert one_shot("begins_anew", tone(90, 1.2, 16000) * decibels(-40 * time)) == 0


@pytest.mark.parametrize("rise, found", [(5, 0), (14, 1)])
def test_a_swell_counts_if_it_is_high_enough(rise, found):
    level = torch.cat([torch.linspace(0, -20, 9600), torch.linspace(-20, rise - 20, 9600)])
    assert one_shot("begins_anew", 0.2 * decibels(level) * noise(19200)) == found


def test_a_sound_that_only_swells_in_begins_once():
    level = torch.cat([torch.linspace(-60, 0, 9600), torch.linspace(0, -60, 9600)])
    assert one_shot("begins_anew", 0.2 * decibels(level) * noise(19200)) == 0


def test_strokes_of_room_noise_do_not_count(monkeypatch):
    x = strokes(1.5, 16000, [0, 1.1], [0, -60], fall=90)
    assert one_shot("begins_anew", x) == 0
    monkeypatch.setattr(one_shots, "AUDIBLE_DB", -100.0)
    assert one_shot("begins_anew", x) == 1


@pytest.mark.parametrize("beats", [3, 5, 11])
def test_beating_is_no_second_stroke(beats, monkeypatch):
    x = 0.4 * (tone(700, 1.5, 16000) + tone(700 + beats, 1.5, 16000))
    assert one_shot("begins_anew", x) == 0
    if beats == 3:
        monkeypatch.setattr(one_shots, "BRIDGE", 1)
        assert one_shot("begins_anew", x) == 1  # its dips are deep enough


def test_flams_and_claps_are_one_stroke():
    assert one_shot("begins_anew", strokes(1, 16000, [0, 0.03, 0.06], [-3, -3, 0], fall=300)) == 0


@pytest.mark.parametrize("width", [7000.0, 150.0])
def test_decays_of_noise_do_not_begin_anew_by_chance(width):
    time = times(1.2, 8000)
    many = [dull_noise(1.2, 8000, seed, min(width, 3900)) for seed in range(40)]
    audio = torch.cat([clip(0.2 * decibels(-60 * time) * x) for x in many])
    found = measure(audio, torch.full((40,), 9600), 8000, "one-shots")["begins_anew"]
    assert float(found.sum()) == 0


@both_rates
@pytest.mark.parametrize("fall, silent, going", [(20, 1, 1), (50, 1, 0), (80, 0, 0)])
def test_the_end_of_an_exact_decay(rate, fall, silent, going):
    """-30, -75 and -120 dB after 1.5 s."""
    x = decibels(-fall * times(1.5, rate)) * dull_noise(1.5, rate) / 5
    assert one_shot("never_silent", x, rate) == silent
    assert one_shot("cut_off", x, rate) == going


@pytest.mark.parametrize("key, level", [("never_silent", -90), ("cut_off", -40)])
def test_the_bounds_of_the_end(key, level):
    x = torch.cat([torch.ones(8000), torch.zeros(4000)])
    for nearby, found in ((level + 0.5, 1), (level - 0.5, 0)):
        x[8000:] = float(decibels(nearby))
        assert one_shot(key, 0.5 * x) == found


def test_what_lies_behind_the_valid_samples_is_silence():
    x = 0.3 * noise(8000)
    assert one_shot("never_silent", x) == 1
    assert one_shot("never_silent", x, length=6000) == 0


@both_rates
@pytest.mark.parametrize("milliseconds", [5.0, 17.0, 100.0])
def test_attack_of_a_rise_of_known_length(rate, milliseconds):
    """17 dB in so many milliseconds, on the way from -60 to 0 dB."""
    rise = 17 / milliseconds
    level = (1000 * times(0.8, rate) * rise - 60).clamp_max(0)
    x = decibels(level) * tone(2000, 0.8, rate)
    assert one_shot("attack_ms", x, rate) == pytest.approx(milliseconds, rel=0.03, abs=0.25)


@both_rates
def test_a_step_has_the_shortest_attack_and_noise_before_it_does_not_count(rate):
    x = tone(4000, 0.4, rate) * (times(0.4, rate) >= 0.2)
    assert one_shot("attack_ms", x, rate) == pytest.approx(1.1, abs=0.2)
    early = x + strokes(0.4, rate, [0.05], [-4], fall=300)
    assert one_shot("attack_ms", early, rate) == pytest.approx(1.1, abs=0.2)


def test_a_late_loudest_moment_makes_no_long_attack():
    time = times(0.8, 16000)
    x = 0.5 * tone(4000, 0.8, 16000) * decibels(-60 * time + 20 * (time >= 0.3))
    assert float(x.abs().argmax()) > 4000
    assert one_shot("attack_ms", x) < 2


@both_rates
def test_partials_over_noise_of_known_height(rate):
    """Under a Hann window of N samples a sine of amplitude A has A^2 N^2 / 16 of power, white noise
    of variance s^2 has 3/8 s^2 N on average; of 61 bins three are the partial's own."""
    count = round(0.2 * rate)
    variance = 1e-6 * rate / 14000  # of noise up to 7 kHz, as if it went up to the half of the rate
    middle = -math.log(1 - 30.5 / 58) * 3 / 8 * variance * count
    wanted = 10 * math.log10(0.05**2 * count**2 / 16 / middle)
    partials = sum(tone(500 * k, 0.5, rate, 0.05) for k in range(1, 11))
    many = [clip(1e-3 * dull_noise(0.5, rate, seed) + partials) for seed in range(6)]
    audio = torch.cat(many)
    found = measure(audio, torch.full((6,), audio.shape[2]), rate, "one-shots")["peakiness_db"]
    assert float(found.mean()) == pytest.approx(wanted, abs=0.4)


@both_rates
def test_noise_has_no_high_partials(rate):
    found = [one_shot("peakiness_db", 0.1 * dull_noise(0.6, rate, seed), rate) for seed in range(8)]
    assert sum(found) / 8 == pytest.approx(9, abs=1.5)
