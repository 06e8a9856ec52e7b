"""Recordings of hours: read in segments whatever their length, sliced or taken whole."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, Manifest, examine, source
from dgm_audio.data.recording_splits import split_recordings
from dgm_audio.data.suggest import suggest_clip_config, suggest_recording_config
from dgm_audio.data.windows import load_as_recorded

RATE = 1000
MINUTES = 61
CONFIG = ClipConfig(sample_rate=RATE, length=RATE)


@pytest.fixture
def session(record, folder):
    """A take of 61 minutes, the only one of its folder: a hit every ten seconds."""
    time = np.arange(10 * RATE) / RATE
    hit = np.sin(2 * np.pi * 90 * time) * np.exp(-5 * time)
    record("session.wav", 0.5 * np.tile(np.roll(hit, RATE), 6 * MINUTES), RATE)
    return folder


@pytest.fixture
def largest(monkeypatch):
    """The most samples that were read at one go."""
    frames, read = [0], source._read

    def noted(path, start, count, *rest):
        frames[0] = max(frames[0], count)
        return read(path, start, count, *rest)

    monkeypatch.setattr(source, "_read", noted)
    return frames


def test_an_hour_is_sliced_in_segments_and_the_doctor_says_so(session, largest) -> None:
    assert suggest_clip_config(session).length > 0
    report = examine(session, CONFIG)
    (file,) = report.files
    assert file.clips == 6 * MINUTES and file.seconds == 60 * MINUTES and not report.refusal
    assert file.report.start == "at each onset, sliced" and largest[0] <= 33 * RATE


def test_an_hour_is_taken_whole_in_segments(session, store, largest, monkeypatch) -> None:
    monkeypatch.setattr("dgm_audio.cache_folder.default_cache_dir", lambda: store)
    assert suggest_recording_config(session).seconds == pytest.approx(20, abs=0.2)
    config = ClipConfig(sample_rate=RATE, length=20 * RATE)
    clips = load_as_recorded(Manifest.read(session), config, progress=False)
    assert clips.lengths.sum() == 60 * MINUTES * RATE and largest[0] <= 52 * RATE
    splits = split_recordings(clips, heldout=0.15)
    assert len(splits.train) > 6 * (len(splits.validation) + len(splits.test)) / 2 > 0


def test_bad_samples_of_a_long_file_are_looked_for_in_segments(record, folder, largest) -> None:
    record("good.wav", np.ones(RATE), RATE)
    sound = np.zeros(MINUTES * 60 * RATE, np.float32)
    sound[-5] = np.nan
    record("long.wav", sound, RATE, subtype="FLOAT")
    assert "NaN" in examine(folder, CONFIG).refusal and largest[0] <= 33 * RATE
