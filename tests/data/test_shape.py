from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm_audio.data.shape import PEAK, shape_clip, sounding, to_channels

RATE = 1000


def shaped(sound: np.ndarray, length: int = 100, **options):
    return shape_clip(np.atleast_2d(sound), length, RATE, **options)


def test_leading_silence_is_cut_to_two_milliseconds_before_the_onset() -> None:
    sound = np.concatenate([np.zeros(300), np.full(50, 0.5)])
    clip = shaped(sound)
    assert clip.valid == 52
    assert np.abs(clip.audio[0, :2]).max() == 0
    np.testing.assert_allclose(clip.audio[0, 2:52], PEAK, rtol=1e-6)
    assert clip.steps["trimmed"] == pytest.approx(0.298)


def test_the_onset_threshold_is_40_db_below_the_peak() -> None:
    for level, expected in ((0.0099, 98), (0.0101, 48)):
        sound = np.concatenate([np.zeros(50), np.full(50, level), np.full(50, 1.0)])
        sound *= (-1.0) ** np.arange(150)
        assert sounding(sound[None], RATE)[0].sample == expected


def test_noise_before_the_sound_is_cut_once_there_is_enough_of_it_to_know_it() -> None:
    for samples, expected in ((60, 0), (100, 90)):
        noise = np.full(samples, 0.05) * (-1.0) ** np.arange(samples)
        sound = np.concatenate([noise, np.full(50, 0.9)])
        assert sounding(sound[None], RATE)[0].sample == expected


def test_a_dc_offset_does_not_hide_silence() -> None:
    sound = np.concatenate([np.zeros(900), [0.5, -0.5] * 20]) + 0.3
    assert sounding(sound[None], RATE)[0].sample == 898


def test_a_long_sound_is_cut_with_a_fade_out() -> None:
    clip = shaped(np.full(400, 0.8), normalize="none")
    assert clip.valid == 100 and clip.steps["cut"] == pytest.approx(0.3)
    np.testing.assert_allclose(clip.audio[0, :75], 0.8, rtol=1e-6)
    fade = clip.audio[0, 75:]
    assert (np.diff(fade) < 0).all() and fade[-1] < 0.01


@pytest.mark.fault(9)
def test_a_short_sound_is_filled_with_zeros_at_the_end() -> None:
    clip = shaped(np.full(30, 0.8), normalize="none")
    assert clip.valid == 30 and clip.steps == {"padded": pytest.approx(0.07)}
    assert (clip.audio[0, :30] > 0).all() and (clip.audio[0, 30:] == 0).all()


def test_level_changes_only_as_configured_and_is_stated() -> None:
    quiet, loud = np.full(100, 0.1), np.full(100, 2.0)
    assert np.abs(shaped(quiet).audio).max() == pytest.approx(PEAK)
    assert shaped(quiet).steps["normalised"] == pytest.approx(20 * np.log10(PEAK / 0.1))
    assert shaped(quiet, normalize="none").steps == {}
    assert np.abs(shaped(quiet, normalize="none").audio).max() == pytest.approx(0.1)
    assert np.abs(shaped(loud, normalize="none").audio).max() == pytest.approx(1.0)
    assert shaped(loud, normalize="none").steps["lowered"] < 0


def test_faint_hiss_is_amplified_by_at_most_40_db_and_silence_not_at_all() -> None:
    assert np.abs(shaped(np.full(100, 1e-3)).audio).max() == pytest.approx(0.1)
    silence = shaped(np.full(100, 5e-5))
    assert silence.steps["silent"] and np.abs(silence.audio).max() == pytest.approx(5e-5)


def test_a_sound_that_goes_on_is_faded_even_if_it_is_short() -> None:
    assert shaped(np.full(40, 0.8), goes_on=True).audio[0, 39] < 0.05


@settings(deadline=None)
@given(
    st.integers(1, 300),
    st.integers(16, 200),
    st.booleans(),
    st.sampled_from(["none", "peak"]),
    st.integers(0, 2**32 - 1),
)
def test_every_sound_gives_a_finite_clip_in_range(
    samples: int, length: int, trim: bool, normalize: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal((2, samples)) * 10.0 ** rng.integers(-6, 3)
    clip = shape_clip(sound, length, RATE, trim=trim, normalize=normalize)  # type: ignore[arg-type]
    assert clip.audio.shape == (2, length) and clip.audio.dtype == np.float32
    assert np.isfinite(clip.audio).all() and np.abs(clip.audio).max() <= 1
    assert 1 <= clip.valid <= length and (clip.audio[:, clip.valid :] == 0).all()


def test_channels() -> None:
    stereo = np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(to_channels(stereo, 1)[0], [[0.5, 0.5]])
    np.testing.assert_array_equal(to_channels(stereo[:1], 2)[0], stereo[[0, 0]])
    np.testing.assert_array_equal(to_channels(np.arange(6.0)[:, None], 2)[0], [[0.0], [1.0]])
    assert to_channels(stereo, 2) == (stereo, {})
    assert to_channels(stereo, 1)[1] == {"mixed": 2}
