"""Clips are made once: what the cache gives, what is made again, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from dgm_audio import cache_folder
from dgm_audio.data import cache, clips
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Manifest
from dgm_audio.errors import DataError

from .sounds import RATE, hit, small_set, truncate


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


def test_a_full_default_cache_is_done_without_and_said(
    record, folder, config, tmp_path, monkeypatch, capsys
) -> None:
    small_set(record)
    append, full = cache.ClipWriter.append, tmp_path / "full"

    class Writer(cache.ClipWriter):
        def __init__(self, place: Path, shape: tuple[int, int]) -> None:
            super().__init__(place, shape)
            self.full = full in place.parents

        def append(self, clip: np.ndarray) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return append(self, clip)

    monkeypatch.setattr(cache, "ClipWriter", Writer)
    monkeypatch.setenv("XDG_CACHE_HOME", str(full))
    (tmp_path / "spare").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spare"))
    first = load_clips(folder, config, progress=False)
    said = capsys.readouterr().err
    assert "No space left on device; free some space" in said and said.count("\n") == 1
    assert f"until then they are kept in {tmp_path / 'spare'}" in said
    assert np.isfinite(first.audio[:]).all() and not list(full.glob("**/audio.npy"))


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
    monkeypatch.setattr(cache_folder, "_spares", {})
    first, second = cache_folder.default_cache_dir(), cache_folder.default_cache_dir()
    assert first == second and first.parent == tmp_path and first.is_dir()
    assert capsys.readouterr().err.count("not writable") == 1
    first.chmod(0o777)
    monkeypatch.setattr(cache_folder, "_spares", {})
    assert cache_folder.default_cache_dir() != first, "others could write there"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert cache_folder.default_cache_dir() == tmp_path / "mine" / "dgm_audio"


def test_the_index_is_plain_json(record, folder, config, store) -> None:
    small_set(record)
    load_clips(Manifest.from_folder(folder), config, cache_dir=store, progress=False)
    (index,) = store.rglob("index.json")
    assert json.loads(index.read_text())["rows"] == 8
