"""Where a clip starts: at the sound, whatever a take has before it, and never within an attack."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_audio.data.onset import find_start
from dgm_audio.data.shape import shape_clip

from .sounds import hit

RATE = 16000


def room(seconds: float, level_db: float, seed: int = 0, hum: float = 0.0) -> np.ndarray:
    """Noise of a room (T,), pinkish, and hum at 50 Hz; its level is below full scale."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    noise = np.convolve(noise, 0.8 ** np.arange(30), "same")
    sound = noise / noise.std() + hum * np.sin(2 * np.pi * 50 * time)
    return 10 ** (level_db / 20) * sound / sound.std()


def word(seconds: float = 1.2) -> np.ndarray:
    """Voiced sound with a soft beginning of 30 ms; its peak is 0.7."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    shape = np.minimum(time / 0.03, 1) * np.exp(-2 * time)
    return 0.7 * voice * shape / np.abs(voice * shape).max()


def start_of(sound: np.ndarray) -> float:
    return find_start(np.abs(sound), RATE).sample / RATE


@pytest.mark.parametrize("level", [-60, -45, -35, -30])
@pytest.mark.parametrize("hum", [0.0, 2.0])
@pytest.mark.parametrize("sound", [word(), hit(3, 0.4, RATE)], ids=["word", "hit"])
def test_a_take_starts_where_its_sound_does_not_where_the_room_does(level, hum, sound) -> None:
    for lead in (0.15, 0.5, 2.0):
        before = round(lead * RATE)
        take = room(lead + len(sound) / RATE, level, hum=hum)
        take = np.append(take, [0.0] * (before + len(sound) - len(take)))
        take[before:] += sound[: len(take) - before]
        assert lead - 0.035 <= start_of(take) <= lead + 0.003


def test_a_word_after_half_a_second_of_noise_keeps_its_energy() -> None:
    take = room(2.2, -32)
    take[8000:27200] += word()
    clip = shape_clip(take[None], round(0.6 * RATE), RATE, normalize="none")
    energy = np.square(word()[: round(0.55 * RATE)]).sum()
    assert np.square(clip.audio).sum() > 0.9 * energy
    assert clip.steps["room"] == pytest.approx(0.5, abs=0.03) and "trimmed" not in clip.steps
    assert np.abs(clip.audio[0, :4]).max() < 0.01  # cut within noise: it fades in


@pytest.mark.parametrize("seconds", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(
    "curve", [lambda u: u, np.sqrt, np.square, lambda u: 0.5 - 0.5 * np.cos(np.pi * u)]
)
@pytest.mark.parametrize("noise", [-90, -50])
def test_a_sound_that_fades_in_is_not_cut(seconds, curve, noise) -> None:
    """What goes is 40 dB below the peak and more."""
    u = np.minimum(np.arange(round(4 * RATE)) / RATE / seconds, 1)
    pad = 0.7 * curve(u) * np.sin(2 * np.pi * 220 * np.arange(len(u)) / RATE)
    sound = pad + room(4, noise)
    start = find_start(np.abs(sound), RATE).sample
    assert np.abs(pad[: max(1, start)]).max() <= 0.7 * 10 ** (-44 / 20)


def test_a_slow_swell_in_decibels_is_not_taken_for_noise() -> None:
    time = np.arange(6 * RATE) / RATE
    swell = 0.5 * 10 ** (5 * (time - 6) / 20) * np.sin(2 * np.pi * 300 * time)
    assert start_of(swell) == 0


def test_a_click_before_the_sound_is_none_of_it() -> None:
    click = 0.5 * np.random.default_rng(0).uniform(-1, 1, 40)
    for floor in (-100, -35):
        take = room(3.0, floor)
        take[3200:3240] += click
        take[16000 : 16000 + len(word())] += word()
        assert 0.965 <= start_of(take) <= 1.006
        # The burst of a plosive is close to its vowel and stays.
        near = room(3.0, floor)
        near[14800:14840] += 0.3 * click
        near[16000 : 16000 + len(word())] += word()
        assert start_of(near) <= 14800 / RATE


def test_a_click_alone_and_hits_at_once_stay_whole() -> None:
    take = room(1.0, -50)
    take[8000:8040] += 0.7
    assert 0.489 <= start_of(take) <= 0.5
    assert start_of(hit(1, 0.5, RATE)) == 0
    rolls = np.concatenate([0.3 * hit(1, 0.03, RATE), np.zeros(800), hit(2, 0.3, RATE)])
    assert start_of(rolls) == 0


def test_steady_sounds_and_noise_itself_are_not_cut() -> None:
    for sound in (room(2, -10), room(2, -40), word(2.0), np.sin(np.arange(RATE) / 9)):
        assert start_of(sound) <= 0.001
    quiet_then_loud = np.concatenate([0.2 * np.ones(8000), np.ones(8000)])
    assert start_of(quiet_then_loud * np.sin(np.arange(16000) / 3)) == 0
