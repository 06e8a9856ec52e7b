from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.source import Source

from .sounds import RATE, hit, tone


def clips_of(path: Path, config: ClipConfig) -> tuple[Source, list]:
    source = Source(path, config)
    return source, list(source.clips())


def rhythm(beats: int, gap: float, rate: int = RATE) -> np.ndarray:
    """So many different hits, `gap` seconds apart, over a faint noise."""
    sound = 1e-4 * np.random.default_rng(0).standard_normal(round(beats * gap * rate))
    for beat in range(beats):
        start = round((beat + 0.2) * gap * rate)
        sound[start : start + round(0.2 * rate)] += hit(beat, rate=rate)[: len(sound) - start]
    return sound


def test_a_long_file_gives_one_clip_per_onset(record, config) -> None:
    source, clips = clips_of(record("beat.wav", rhythm(10, 0.5)), config)
    assert len(clips) == 10 and source.steps["sliced"] == 10
    for beat, clip in enumerate(clips):
        attack = hit(beat)[:400]
        found = clip.audio[0, :440]
        match = np.correlate(found, attack, "full").max()
        assert match > 0.9 * np.linalg.norm(found) * np.linalg.norm(attack)


def test_fast_notes_stop_at_the_next_onset(record, config) -> None:
    _, clips = clips_of(record("fast.wav", rhythm(16, 0.15)), config)
    assert len(clips) == 16 and max(clip.valid for clip in clips) <= 0.17 * RATE


def test_one_sound_with_a_long_decay_is_no_recording_to_slice(record, config) -> None:
    noise = np.random.default_rng(0).standard_normal(4 * RATE)
    cymbal = 0.2 * noise * np.exp(-1.5 * np.arange(4 * RATE) / RATE)
    source, clips = clips_of(record("cymbal.wav", cymbal), config)
    assert len(clips) == 1
    assert source.steps["cut"] == pytest.approx(3.75, abs=0.02)


def test_a_drone_without_onsets_is_cut_into_windows(record, config) -> None:
    drone = tone(200, 3.0, decay=0) * (1 + 0.05 * np.sin(np.arange(3 * RATE) / 4000))
    _, clips = clips_of(record("drone.wav", drone), config)
    assert len(clips) == 12 and all(clip.valid > 1900 for clip in clips[1:])


def test_a_long_silent_file_is_used_once_as_silence(record, config) -> None:
    source, clips = clips_of(record("silence.wav", np.zeros(3 * RATE)), config)
    assert len(clips) == 1 and source.steps["silent"]


def test_head_and_slice_force_the_treatment(record, config) -> None:
    long = record("beat.wav", rhythm(10, 0.5))
    short = record("short.wav", rhythm(3, 0.25))
    head = ClipConfig(sample_rate=RATE, length=2000, long_files="head")
    slices = ClipConfig(sample_rate=RATE, length=2000, long_files="slice")
    assert len(clips_of(long, head)[1]) == 1
    assert len(clips_of(short, config)[1]) == 1
    assert len(clips_of(short, slices)[1]) == 3


def test_the_head_of_a_long_file_begins_where_its_sound_does(record) -> None:
    config = ClipConfig(sample_rate=RATE, length=2000, long_files="head")
    sound = np.concatenate([np.zeros(100 * RATE), hit(0), np.zeros(RATE)])
    _, clips = clips_of(record("late.wav", sound), config)
    assert len(clips) == 1 and np.abs(clips[0].audio[0, :100]).max() > 0.5


@pytest.mark.parametrize("shift", [0.33, 0.4])
def test_segments_give_what_the_whole_file_gives(record, config, monkeypatch, shift) -> None:
    """65 s are read in segments; a hit lies across, or right behind, each seam at 30 s."""
    beats = np.tile(rhythm(10, 0.5, 2 * RATE), 13)
    sound = np.concatenate([np.zeros(round(shift * 2 * RATE)), beats])
    path = record("minute.wav", sound, 2 * RATE)
    source, pieces = clips_of(path, config)
    assert source._held is None
    monkeypatch.setattr("dgm_audio.data.source._WHOLE_SECONDS", 1000)
    source, whole = clips_of(path, config)
    assert source._held is not None
    assert len(pieces) == len(whole) == 130
    for piece, reference in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(piece.audio, reference.audio, atol=1e-5)


def test_content_does_not_depend_on_the_container_or_the_segments(record, config) -> None:
    sound = np.round(rhythm(10, 0.5) * 2**15) / 2**15
    wav, flac = record("a.wav", sound), record("b.flac", sound)
    other = record("c.wav", sound[::-1].copy())
    a, b, c = (Source(path, config).content for path in (wav, flac, other))
    assert a == b != c
