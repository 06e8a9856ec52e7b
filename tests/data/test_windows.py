from dataclasses import replace

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, Manifest
from dgm_audio.data.windows import edges, load_windows, recordings
from dgm_audio.errors import DataError
from dgm_audio.io import read_audio

from .sounds import RATE, hit

CONFIG = ClipConfig(sample_rate=RATE, length=2000, normalize="none", trim_silence=False)


def load(folder, store, config=CONFIG):
    return load_windows(Manifest.from_folder(folder), config, cache_dir=store, progress=False)


@pytest.mark.parametrize("total", [1, 1999, 2000, 2001, 3999, 4001, 70_000])
def test_parts_fit_a_clip_are_even_and_as_few_as_can_be(total):
    cuts = edges(total, 2000)
    sizes = np.diff(cuts)
    assert (cuts[0], cuts[-1]) == (0, total)
    assert sizes.max() <= 2000 and sizes.max() - sizes.min() <= 1
    assert len(sizes) == max(1, np.ceil(total / 2000))


@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.6, 65.0])
def test_all_of_a_recording_comes_back_at_its_own_level(record, folder, store, seconds):
    sound = 0.01 * hit(0, seconds, decay=0.0)
    sound[: len(sound) // 3] = 0  # a pause is part of a recording
    path = record("a.wav", sound)
    clips = load(folder, store)
    ((file, joined),) = recordings(clips)
    assert file == "a.wav"
    assert np.array_equal(joined, read_audio(path)[0].numpy())
    assert not clips.audio[0][:, clips.lengths[0] :].any()


def test_a_resampled_stereo_recording_is_as_reading_it_whole(record, folder, store):
    sound = np.stack([hit(1, 1.0, 2 * RATE, 1.0), hit(2, 1.0, 2 * RATE, 1.0)], axis=1)
    path = record("a.wav", sound, rate=2 * RATE)
    ((_, joined),) = recordings(load(folder, store))
    whole = read_audio(path, sample_rate=RATE, channels=1)[0].numpy()
    assert joined.shape == whole.shape
    assert np.abs(joined - whole).max() < 1e-6


def test_both_channels_are_kept(record, folder, store):
    sound = np.stack([hit(1, 0.6, decay=1.0), 0.3 * hit(2, 0.6, decay=1.0)], axis=1)
    path = record("a.wav", sound)
    clips = load(folder, store, replace(CONFIG, channels=2))
    ((_, joined),) = recordings(clips)
    assert clips.audio.shape[1:] == (2, 2000)
    assert np.array_equal(joined, read_audio(path)[0].numpy())


def test_a_recording_beyond_full_scale_is_lowered_as_a_whole(record, folder, store):
    sound = 1.5 * hit(1, 1.0, decay=1.0) / 0.5
    path = record("a.wav", sound, subtype="FLOAT")
    clips = load(folder, store)
    ((_, joined),) = recordings(clips)
    whole = read_audio(path)[0].numpy()
    assert np.abs(joined).max() <= 1
    assert np.abs(joined - whole / np.abs(whole).max()).max() < 1e-6
    (file,) = clips.report.files
    assert file.steps == {"lowered": pytest.approx(-20 * np.log10(1.5), abs=1e-3), "sliced": 4}


def test_a_recording_is_brought_to_one_peak_as_a_whole(record, folder, store):
    path = record("a.wav", 0.1 * hit(1, 1.0, decay=3.0))
    ((_, joined),) = recordings(load(folder, store, replace(CONFIG, normalize="peak")))
    whole = read_audio(path)[0].numpy()
    assert np.abs(joined).max() == pytest.approx(0.95)
    assert np.abs(joined / 0.95 - whole / np.abs(whole).max()).max() < 1e-6


def test_a_pause_does_not_make_a_file_silent(record, folder, store):
    record("a.wav", np.append(np.zeros(8000), hit(1, 1.0)))
    record("b.wav", np.zeros(8000))
    steps = {file.path: file.steps for file in load(folder, store).report.files}
    assert "silent" not in steps["a.wav"] and "silent" in steps["b.wav"]


def test_only_a_recording_shorter_than_a_clip_is_filled_up(record, folder, store):
    record("long.wav", hit(1, 0.6))
    record("short.wav", hit(2, 0.2))
    steps = {file.path: file.steps for file in load(folder, store).report.files}
    assert steps == {"long.wav": {"sliced": 3}, "short.wav": {"padded": pytest.approx(0.05)}}


def test_short_recordings_can_be_passed_over(record, folder, store):
    record("long.wav", hit(1, 0.6))
    record("short.wav", hit(2, 0.2))
    assert [file for file, _ in recordings(load(folder, store), shortest=0.5)] == ["long.wav"]


def test_the_second_start_reads_no_sound(record, folder, store, monkeypatch):
    record("a.wav", hit(1, 0.6))
    first = load(folder, store)
    monkeypatch.setattr("dgm_audio.data.clips._build", lambda *_: pytest.fail("read again"))
    again = load(folder, store)
    assert again.report.cached and not first.report.cached
    assert np.array_equal(first.audio[:], again.audio[:])


def test_a_damaged_cache_is_made_again(record, folder, store):
    record("a.wav", hit(1, 0.6))
    first = load(folder, store)
    assert first.audio.path is not None
    sound = first.audio[:]
    first.audio.path.write_bytes(b"noise")
    again = load(folder, store)
    assert not again.report.cached
    assert np.array_equal(again.audio[:], sound)


def test_damaged_files_are_skipped_and_told_or_are_an_error(record, folder, store):
    for number in range(4):
        record(f"{number}.wav", hit(number, 0.2))
    (folder / "0.wav").write_bytes(b"noise")
    assert [file.path for file in load(folder, store).report.skipped] == ["0.wav"]
    (folder / "1.wav").write_bytes(b"noise")
    (folder / "2.wav").write_bytes(b"noise")
    with pytest.raises(DataError, match="3 of 4 files cannot be read"):
        load(folder, store)
