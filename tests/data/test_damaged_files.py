"""Files of a data set that cannot be used: few are skipped and listed, many are an error."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import load_clips
from dgm_audio.data.manifest import Manifest
from dgm_audio.errors import DataError

from .sounds import RATE, hit, small_set, truncate


@pytest.mark.fault(3)
def test_few_damaged_files_are_skipped_and_listed(record, folder, config, store, capsys) -> None:
    small_set(record)
    truncate(folder / "kick" / "0.wav")
    truncate(folder / "snare" / "1.flac")
    found = load_clips(folder, config, cache_dir=store)
    assert len(found) == 6
    assert [file.path for file in found.report.skipped] == ["kick/0.wav", "snare/1.flac"]
    assert "kick/0.wav: skipped" in capsys.readouterr().err


@pytest.mark.fault(3)
def test_of_a_list_more_damaged_files_than_allowed_are_an_error(
    record, folder, config, store
) -> None:
    small_set(record)
    listed = Manifest.from_folder(folder).to_csv(folder / "list.csv")
    for name in ("kick/0.wav", "kick/1.wav", "snare/1.flac"):
        truncate(folder / name)
    with pytest.raises(DataError, match=r"3 of 8 files.*allowed are 2 .*kick/0.wav") as caught:
        load_clips(listed, config, cache_dir=store, progress=False)
    assert "\n" not in str(caught.value)
    assert not list(store.glob("clips/*")), "no partial output"
    tolerant = ClipConfig(sample_rate=RATE, length=2000, max_bad_share=0.5)
    assert len(load_clips(listed, tolerant, cache_dir=store, progress=False)) == 5
    strict = ClipConfig(sample_rate=RATE, length=2000, max_bad_share=0.0, min_bad_files=0)
    with pytest.raises(DataError, match="allowed are 0"):
        load_clips(folder, strict, cache_dir=store, progress=False)


def test_only_a_folder_that_is_mostly_unreadable_is_refused(
    record, folder, config, store, capsys
) -> None:
    for index in range(13):
        record(f"{index:02}.wav", hit(index))
    for index in range(12):
        (folder / f"text{index:02}.wav").write_text("no sound")
    found = load_clips(folder, config, cache_dir=store)
    said = capsys.readouterr().err
    assert len(found) == 13 and len(found.report.skipped) == 12
    assert "12 of 25 files cannot be read" in said and "text00.wav: skipped, is no audio" in said
    assert "and 2 more" in said and "doctor --json" in said
    listed = Manifest.from_folder(folder).to_csv(folder / "list.csv")
    with pytest.raises(DataError, match="12 of 25"):  # though its clips are in the cache
        load_clips(listed, config, cache_dir=store, progress=False)
    truncate(folder / "00.wav")
    (folder / "a.caf").write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        load_clips(folder, config, cache_dir=store, progress=False)
    assert "14 of 26 files cannot be read; allowed are 13 (50%)" in str(caught.value)
    for words in (
        "12 as text00.wav: is no audio",
        "1 as 00.wav: is cut off",
        "1 as a.caf: .caf is",
    ):
        assert words in str(caught.value)


def test_if_no_file_is_left_it_is_an_error(record, folder, config, store) -> None:
    truncate(record("a.wav", hit(0)))
    with pytest.raises(DataError, match="1 of 1 files"):
        load_clips(folder, config, cache_dir=store, progress=False)


def test_unreadable_kinds_of_audio_count_as_damaged(record, folder, config, store) -> None:
    small_set(record)
    for index in range(3):
        (folder / f"{index}.caf").write_bytes(b"x")
    strict = ClipConfig(sample_rate=RATE, length=2000, max_bad_share=0.0)
    with pytest.raises(DataError, match=r"3 of 11 files.*convert"):
        load_clips(folder, strict, cache_dir=store, progress=False)


@pytest.mark.fault(11)
def test_pipes_and_devices_in_a_manifest_are_never_opened(record, folder, config, store) -> None:
    small_set(record)
    os.mkfifo(folder / "pipe.wav")
    rows = ["path", *(f"kick/{index}.wav" for index in range(4)), "pipe.wav", "/dev/zero"]
    (folder / "list.csv").write_text("\n".join(rows))
    found = load_clips(folder / "list.csv", config, cache_dir=store, progress=False)
    assert len(found) == 4
    assert all("no regular file" in file.skipped for file in found.report.skipped)


@pytest.mark.fault(7)
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
