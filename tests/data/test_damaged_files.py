"""Files of a data set that cannot be used: few are skipped and listed, many are an error."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clips import load_clips
from dgm_audio.errors import DataError

from .sounds import RATE, hit, small_set, truncate


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
