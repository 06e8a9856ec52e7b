from __future__ import annotations

import errno
import json
import os
import pickle
import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_audio.data import cache, clips
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipArray, ClipSet
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Manifest
from dgm_audio.errors import ConfigError, DataError

from .sounds import RATE, hit, tone


def small_set(record) -> None:
    for index in range(4):
        record(f"kick/{index}.wav", hit(index))
        record(f"snare/{index}.flac", hit(10 + index, seconds=0.1 + 0.1 * index))


def test_a_folder_nobody_prepared(record, folder, config, store, capsys) -> None:
    """Mixed rates and channels, silence, DC, clipping, one sample, a long file, and no audio."""
    small_set(record)
    record("kick/stereo.wav", np.stack([hit(5, rate=48000), hit(6, rate=48000)], 1), 48000)
    record("kick/low.wav", hit(7, rate=4000), 4000)
    record("kick/silent.wav", np.zeros(500))
    record("kick/offset.wav", 0.5 * hit(8) + 0.2)
    record("kick/clipped.wav", np.clip(20 * hit(9), -1, 1))
    record("kick/one.wav", np.array([0.5]))
    record("snare/long.wav", np.tile(np.concatenate([hit(30), np.zeros(2400)]), 10))
    (folder / "kick" / "text.wav").write_text("this is no sound")
    (folder / "readme.txt").write_text("notes")
    found = load_clips(folder, config, cache_dir=store)
    reports = {file.path: file for file in found.report.files}
    assert found.audio.shape == (24, 1, 2000)
    assert found.classes == ("kick", "snare") and found.counts == {"kick": 10, "snare": 14}
    assert "is no audio file" in reports["kick/text.wav"].skipped and reports["kick/text.wav"].bad
    assert "suffix" in reports["readme.txt"].skipped and not reports["readme.txt"].bad
    assert reports["kick/stereo.wav"].steps.keys() >= {"resampled", "mixed", "padded"}
    assert "silent" in reports["kick/silent.wav"].steps
    assert reports["kick/offset.wav"].steps["offset"] == pytest.approx(0.2, abs=0.02)
    assert "clipped" in reports["kick/clipped.wav"].steps
    assert reports["snare/long.wav"].clips == 10
    one = found.files.index("kick/one.wav")
    assert found.lengths[one] == 1 and np.abs(found.audio[one][:, 1:]).max() == 0
    assert np.isfinite(found.audio[:]).all() and np.abs(found.audio[:]).max() <= 1
    said = capsys.readouterr().err
    assert "15 files" in said and "24 clips" in said and "text.wav" in said


def test_clips_are_in_the_order_of_the_manifest(record, folder, config, store) -> None:
    for index in range(40):
        record(f"{index:02}.wav", tone(200 + 50 * index, 0.2))
    found = load_clips(folder, config, cache_dir=store, progress=False)
    assert list(found.files) == [f"{index:02}.wav" for index in range(40)]
    for index in range(40):
        spectrum = np.abs(np.fft.rfft(found.audio[index, 0, :1600]))
        assert np.argmax(spectrum) * RATE / 1600 == pytest.approx(200 + 50 * index, abs=6)


def test_valid_lengths_end_where_the_zeros_begin(record, folder, config, store) -> None:
    small_set(record)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    for audio, length in zip(found.audio, found.lengths, strict=True):
        assert np.abs(audio[:, length:]).max(initial=0) == 0
        assert np.abs(audio[:, length - 20 : length]).max() > 0


def test_the_second_start_reads_no_file(record, folder, config, store, monkeypatch) -> None:
    small_set(record)
    for path in folder.rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(cache, "_SETTLED", -1e9)
    first = load_clips(folder, config, cache_dir=store, progress=False)
    monkeypatch.setattr(clips, "Source", lambda *_: pytest.fail("a file was decoded"))
    monkeypatch.setattr(cache, "_digest", lambda _: pytest.fail("a file was hashed"))
    second = load_clips(folder, config, cache_dir=store, progress=False)
    assert second.report.cached and not first.report.cached
    assert second.files == first.files and second.content == first.content
    assert second.manifest_hash == first.manifest_hash
    np.testing.assert_array_equal(second.audio[:], first.audio[:])
    np.testing.assert_array_equal(second.lengths, first.lengths)
    assert [str(f) for f in second.report.files] == [str(f) for f in first.report.files]


def test_changed_content_or_config_is_not_taken_from_the_cache(
    record, folder, config, store, monkeypatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", -1e9)
    small_set(record)
    first = load_clips(folder, config, cache_dir=store, progress=False)
    time.sleep(0.01)
    record("kick/0.wav", hit(99))
    second = load_clips(folder, config, cache_dir=store, progress=False)
    assert second.content[0] != first.content[0]
    assert second.manifest_hash != first.manifest_hash
    shorter = ClipConfig(sample_rate=RATE, length=1000)
    assert load_clips(folder, shorter, cache_dir=store, progress=False).audio.shape[2] == 1000


def test_new_labels_do_not_make_the_clips_again(record, folder, config, store) -> None:
    small_set(record)
    first = load_clips(folder, config, cache_dir=store, progress=False)
    rows = ["path,label", *(f"{path},drum" for path in first.files)]
    (folder / "list.csv").write_text("\n".join(rows))
    second = load_clips(folder / "list.csv", config, cache_dir=store, progress=False)
    assert second.report.cached and second.classes == ("drum",)
    assert second.manifest_hash != first.manifest_hash


def cut_short(folder: Path) -> None:
    truncate(folder / "audio.npy")


def exchange(folder: Path) -> None:
    np.save(folder / "audio.npy", np.zeros((3, 1, 2000), np.float32))


def forget(folder: Path) -> None:
    (folder / "index.json").unlink()


def garble(folder: Path) -> None:
    (folder / "index.json").write_text("[{")


@pytest.mark.parametrize("damage", [cut_short, exchange, forget, garble])
def test_a_damaged_cache_is_made_again_and_said(
    record, folder, config, store, capsys, damage
) -> None:
    small_set(record)
    first = load_clips(folder, config, cache_dir=store, progress=False)
    sound = first.audio[:]
    (place,) = (store / "clips").iterdir()
    damage(place)
    second = load_clips(folder, config, cache_dir=store, progress=False)
    assert "damaged" in capsys.readouterr().err and not second.report.cached
    np.testing.assert_array_equal(second.audio[:], sound)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_few_damaged_files_are_skipped_and_listed(record, folder, config, store, capsys) -> None:
    small_set(record)
    truncate(folder / "kick" / "0.wav")
    truncate(folder / "snare" / "1.flac")
    found = load_clips(folder, config, cache_dir=store)
    assert len(found) == 6
    assert [file.path for file in found.report.skipped] == ["kick/0.wav", "snare/1.flac"]
    assert "kick/0.wav: skipped" in capsys.readouterr().err


def test_more_damaged_files_than_allowed_are_an_error(record, folder, config, store) -> None:
    small_set(record)
    for name in ("kick/0.wav", "kick/1.wav", "snare/1.flac"):
        truncate(folder / name)
    with pytest.raises(DataError, match=r"3 of 8 files.*allowed are 2 .*kick/0.wav") as caught:
        load_clips(folder, config, cache_dir=store, progress=False)
    assert "\n" not in str(caught.value)
    assert not list(store.glob("clips/*")), "no partial output"
    tolerant = ClipConfig(sample_rate=RATE, length=2000, max_bad_share=0.5)
    assert len(load_clips(folder, tolerant, cache_dir=store, progress=False)) == 5


def test_if_no_file_is_left_it_is_an_error(record, folder, config, store) -> None:
    truncate(record("a.wav", hit(0)))
    with pytest.raises(DataError, match="1 of 1 files"):
        load_clips(folder, config, cache_dir=store, progress=False)


def test_unreadable_kinds_of_audio_count_as_damaged(record, folder, config, store) -> None:
    small_set(record)
    for index in range(3):
        (folder / f"{index}.m4a").write_bytes(b"x")
    with pytest.raises(DataError, match=r"3 of 11 files.*convert"):
        load_clips(folder, config, cache_dir=store, progress=False)


def test_pipes_and_devices_in_a_manifest_are_never_opened(record, folder, config, store) -> None:
    small_set(record)
    os.mkfifo(folder / "pipe.wav")
    rows = ["path", *(f"kick/{index}.wav" for index in range(4)), "pipe.wav", "/dev/zero"]
    (folder / "list.csv").write_text("\n".join(rows))
    found = load_clips(folder / "list.csv", config, cache_dir=store, progress=False)
    assert len(found) == 4
    assert all("no regular file" in file.skipped for file in found.report.skipped)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_samples_that_no_training_survives_are_an_error(
    record, folder, config, store, value
) -> None:
    small_set(record)
    sound = hit(0)
    sound[100] = value
    record("kick/bad.wav", sound, subtype="FLOAT")
    with pytest.raises(DataError, match=r"1 of 9 files.*NaN.*kick/bad.wav"):
        load_clips(folder, config, cache_dir=store, progress=False)


def test_a_full_disk_is_one_line_and_leaves_nothing(
    record, folder, config, store, monkeypatch
) -> None:
    small_set(record)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.ClipWriter, "append", full)
    with pytest.raises(DataError, match=r"No space left.*free some space"):
        load_clips(folder, config, cache_dir=store, progress=False)
    assert not list(store.glob("clips/*")) and not list(store.glob("clips/.*"))


def test_another_process_may_finish_first(record, folder, config, store, monkeypatch) -> None:
    small_set(record)
    write = cache.write_json

    def slow(file: Path, data: object) -> None:
        write(file, data)
        if file.name == "index.json" and not done:
            done.append(True)
            load_clips(folder, config, cache_dir=store, progress=False)

    done: list[bool] = []
    monkeypatch.setattr(cache, "write_json", slow)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    assert done and len(found) == 8 and np.isfinite(found.audio[:]).all()
    assert not list(store.glob("clips/.building-*"))


def test_an_unwritable_home_is_said_once(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(cache, "_spares", {})
    first, second = cache.default_cache_dir(), cache.default_cache_dir()
    assert first == second and first.parent == tmp_path and first.is_dir()
    assert capsys.readouterr().err.count("not writable") == 1
    first.chmod(0o777)
    monkeypatch.setattr(cache, "_spares", {})
    assert cache.default_cache_dir() != first, "others could write there"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert cache.default_cache_dir() == tmp_path / "mine" / "dgm_audio"


def test_clip_array_indexes_like_an_array(tmp_path) -> None:
    whole = np.random.default_rng(0).standard_normal((7, 2, 5)).astype(np.float32)
    np.save(tmp_path / "a.npy", whole)
    rows = np.array([4, 0, 6, 6, 1])
    for array in (ClipArray(whole, rows), ClipArray(tmp_path / "a.npy", rows)):
        reference = whole[rows]
        assert array.shape == reference.shape and array.ndim == 3 and array.dtype == np.float32
        for index in (0, -1, slice(1, 3), [2, 0], np.array([True, False] * 2 + [True]), ...):
            np.testing.assert_array_equal(array[index], reference[index])
        for index in ((0, 1), (slice(None), 0), (slice(1, 4), 1, 2), ([0, 3], 0, slice(2))):
            np.testing.assert_array_equal(array[index], reference[index])
        np.testing.assert_array_equal(np.asarray(array), reference)
        np.testing.assert_array_equal(np.stack(list(array)), reference)
        np.testing.assert_array_equal(array.take(np.array([1, 0]))[:], reference[[1, 0]])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[:], reference)
        array[0][:] = 0
        np.testing.assert_array_equal(array[0], reference[0])


def test_a_pickled_set_on_disk_holds_no_sound(record, folder, config, store) -> None:
    small_set(record)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    part = found.subset([1, 2])
    assert part.audio[0].any(), "the file is open"
    packed = pickle.dumps(part)
    assert len(packed) < found.audio[:].nbytes / 4
    np.testing.assert_array_equal(pickle.loads(packed).audio[:], found.audio[1:3])


def test_subset_and_tensor() -> None:
    audio = np.random.default_rng(0).standard_normal((4, 1, 8)).astype(np.float32)
    whole = ClipSet.from_arrays(audio, RATE, labels=["a", "b", "a", "b"], groups=list("wxyz"))
    part = whole.subset([3, 0])
    assert part.groups == ("z", "w") and part.labels.tolist() == [1, 0]
    assert part.classes == whole.classes and len(part.subset([])) == 0
    assert torch.equal(part.tensor(), torch.from_numpy(audio[[3, 0]]))
    assert torch.equal(part.tensor([1]), torch.from_numpy(audio[[0]]))
    assert part.manifest_hash != whole.manifest_hash


def test_unique_keeps_the_first_of_equal_sounds(record, folder, config, store) -> None:
    for name, seed in (("a.wav", 0), ("b.flac", 0), ("c.wav", 1)):
        record(name, np.round(hit(seed) * 2**15) / 2**15)
    found = load_clips(folder, config, cache_dir=store, progress=False)
    assert found.files == ("a.wav", "b.flac", "c.wav")
    assert found.unique().files == ("a.wav", "c.wav")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 0},
        {"sample_rate": 44100.0},
        {"length": 2**30},
        {"channels": 3},
        {"channels": True},
        {"normalize": "loud"},
        {"long_files": "tail"},
        {"max_bad_share": 1.5},
        {"max_bad_share": float("nan")},
    ],
)
def test_a_wrong_config_names_the_field(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=re.escape(name)):
        ClipConfig(**wrong)


def test_the_index_is_plain_json(record, folder, config, store) -> None:
    small_set(record)
    load_clips(Manifest.from_folder(folder), config, cache_dir=store, progress=False)
    (index,) = store.rglob("index.json")
    assert json.loads(index.read_text())["rows"] == 8
