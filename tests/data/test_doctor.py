from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from rich.console import Console

from dgm_audio.data import examine
from dgm_audio.data.clips import load_clips
from dgm_audio.data.doctor_picture import draw_picture
from dgm_audio.data.doctor_table import draw_table
from dgm_audio.data.feasibility import FEW, MANY, PLENTY, SOME, estimate
from dgm_audio.errors import DataError

from .sounds import RATE, hit, tone


@pytest.fixture
def patient(record, folder):
    """A folder with one of each trouble."""
    for index in range(6):
        record(f"kick/{chr(97 + index)}.wav", hit(index))
    record("kick/stereo.flac", np.stack([hit(20, rate=16000)] * 2, 1), 16000)
    record("snare/copy.flac", hit(0))
    record("snare/near.ogg", 0.4 * hit(1))
    record("snare/silent.wav", np.zeros(800))
    record("snare/clipped.wav", np.clip(20 * hit(9), -1, 1))
    record("snare/offset.wav", 0.5 * hit(8) + 0.2)
    record("snare/quiet.wav", 0.004 * hit(7))
    record("snare/click.wav", np.concatenate([hit(6)[:100], np.zeros(900)]))
    record("snare/late.wav", np.concatenate([np.zeros(3000), hit(5)]))
    record("snare/inverse.wav", np.stack([hit(4), -hit(4)], 1))
    record("snare/long.wav", np.tile(np.concatenate([hit(30), np.zeros(2400)]), 10))
    record("snare/tail.wav", tone(300, 2.0, decay=1.5))
    (folder / "snare" / "text.wav").write_text("no sound")
    (folder / "notes.txt").write_text("notes")
    os.mkfifo(folder / "pipe.wav")
    # The copy has exactly the same samples only if both are rounded to 16 bits alike.
    record("kick/a.wav", np.round(hit(0) * 2**15) / 2**15)
    record("snare/copy.flac", np.round(hit(0) * 2**15) / 2**15)
    return folder


def test_every_trouble_is_found(patient, config) -> None:
    report = examine(patient, config)
    issues = {file.path: " ".join(file.issues) for file in report.files}
    for name, words in (
        ("silent", "silent"),
        ("clipped", "clipped"),
        ("offset", "DC offset (+0.2"),
        ("quiet", "quiet (peak -5"),
        ("click", "a click"),
        ("late", "mostly silence or noise"),
        ("inverse", "channels cancel"),
        ("long", "sliced (10"),
        ("tail", "mostly unused"),
    ):
        (found,) = (text for path, text in issues.items() if name in path)
        assert words in found, (name, found)
    assert all(issues[f"kick/{letter}.wav"] == "" for letter in "abcdef"), "no false alarms"
    (broken,) = (file for file in report.files if file.error)
    assert broken.path == "snare/text.wav" and "no audio file" in broken.error
    assert dict(report.ignored).keys() == {"notes.txt", "pipe.wav"}
    assert report.odd[0] is broken and len(report.odd) == 10


def test_figures(patient, config) -> None:
    report = examine(patient, config)
    assert len(report.files) == 19 and len(report.readable) == 18
    assert report.count(lambda file: file.sample_rate) == {RATE: 17, 16000: 1}
    assert report.count(lambda file: file.channels) == {1: 16, 2: 2}
    assert report.minutes == pytest.approx(sum(file.seconds for file in report.readable) / 60)
    loud = {file.path: file for file in report.readable}
    assert loud["kick/a.wav"].peak_dbfs == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert loud["snare/quiet.wav"].lufs < loud["kick/a.wav"].lufs - 30
    assert loud["snare/silent.wav"].lufs == -np.inf


def test_copies(patient, config) -> None:
    report = examine(patient, config)
    assert {"kick/a.wav", "snare/copy.flac"} in map(set, report.exact)
    assert any({"kick/b.wav", "snare/near.ogg"} <= set(one) for one in report.near)
    assert sum(report.distinct.values()) < report.clips


def test_the_doctor_says_what_training_does(patient, config, store) -> None:
    report = examine(patient, config)
    clips = load_clips(patient, config, cache_dir=store, progress=False)
    assert report.clips == len(clips)
    loaded = {file.path: file for file in clips.report.files}
    for file in report.readable:
        assert file.clips == loaded[file.path].clips and file.plan == loaded[file.path].plan
    assert report.refusal == ""


def test_it_says_if_training_would_not_start(record, folder, config) -> None:
    record("good.wav", hit(0))
    bad = hit(1)
    bad[5] = np.nan
    record("bad.wav", bad, subtype="FLOAT")
    assert "NaN" in examine(folder, config).refusal
    (folder / "bad.wav").unlink()
    for index in range(3):
        (folder / f"{index}.wav").write_text("x")
    assert "3 of 4 files cannot be read" in examine(folder, config).refusal


def test_outputs_hold_the_facts(patient, config) -> None:
    report = examine(patient, config)
    data = json.loads(report.to_json())
    assert data["readable"] == 18 and data["trainable"] is True
    assert data["classes"] == {"snare": 11, "kick": 7} and data["issues"]["silent"] == 1
    assert data["feasibility"]["verdict"] == report.feasibility.verdict
    silent = next(f for f in data["details"] if f["path"] == "snare/silent.wav")
    assert silent["lufs"] is None and silent["plan"]
    starts = {file["path"]: file["start"] for file in data["details"]}
    assert starts["snare/late.wav"] == "at the sound, after silence"
    assert starts["snare/long.wav"] == "at each onset, sliced" and starts["snare/text.wav"] == ""
    assert data["starts"]["at its beginning"] >= 10
    stream = io.StringIO()
    Console(file=stream, width=100).print(draw_table(report))
    text = stream.getvalue()
    for words in (
        "kick",
        "snare/text.wav",
        "clipped",
        "near copies",
        "What to expect",
        "resampled",
    ):
        assert words in text, words


def test_picture_shows_more_where_there_is_more(patient, record, config) -> None:
    picture = draw_picture(examine(patient, config))
    assert picture.mode == "RGB" and picture.width == 1600 and picture.height > 700
    pixels = np.asarray(picture)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    fewer = examine(patient / "kick", config)
    assert np.asarray(draw_picture(fewer)).shape != pixels.shape or not np.array_equal(
        np.asarray(draw_picture(fewer)), pixels
    )


def test_nothing_readable_still_reports(folder, config) -> None:
    folder.mkdir()
    (folder / "a.wav").write_text("x")
    report = examine(folder, config)
    assert report.refusal and report.clips == 0 and report.feasibility.verdict == "too little"
    assert draw_picture(report).width == 1600
    assert json.loads(report.to_json())["readable"] == 0
    Console(file=io.StringIO()).print(draw_table(report))


def test_only_silence_still_reports(record, folder, config) -> None:
    record("a.wav", np.zeros(100))
    report = examine(folder, config)
    assert not report.examples and draw_picture(report).width == 1600
    Console(file=io.StringIO()).print(draw_table(report))


def test_odd_names_do_no_harm(record, folder, config) -> None:
    record("x/new\nline [red].wav", hit(0))
    record("träum/日本.wav", hit(1))
    with open(os.fsencode(folder) + b"/\xff.wav", "wb") as file:
        file.write(b"x")
    report = examine(folder, config)
    stream = io.StringIO()
    Console(file=stream, width=200).print(draw_table(report))
    assert "new\nline" not in stream.getvalue()
    assert draw_picture(report).width == 1600 and len(json.loads(report.to_json())["details"]) == 3
    stream.getvalue().encode()


def test_a_missing_folder_is_one_line(tmp_path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        examine(tmp_path / "nowhere")


def test_feasibility_grows_with_the_variety_not_the_amount() -> None:
    verdicts = [estimate({"a": n}, 10 * n, 65536).verdict for n in (3, FEW, SOME, MANY, PLENTY)]
    assert verdicts == ["too little", "variations", "a sketch", "usable", "good"]
    assert estimate({"a": 3}, 10**6, 65536).verdict == "too little"
    thin = estimate({"kick": 300, "gong": 2}, 400, 65536)
    assert any("gong (2)" in line for line in thin.lines)
    assert any("uneven" in line for line in thin.lines)
