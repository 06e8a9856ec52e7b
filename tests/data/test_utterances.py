"""Transcripts travel with their files, and whole files become clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.utterances import load_utterances, split_texts, word_count, wording
from dgm_audio.errors import DataError, InputError

from .sounds import RATE, hit

CONFIG = ClipConfig(sample_rate=RATE, length=RATE)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_transcripts_survive_csv_and_hash(tmp_path: Path) -> None:
    said = ('He said: "one,\ntwo"', "en", "ann")
    entries = (Entry("a.wav", "x", "g", "CC0-1.0", "s", None, *said), Entry("b.wav"))
    manifest = Manifest(tmp_path, entries)
    again = Manifest.from_csv(manifest.to_csv(tmp_path / "list.csv"))
    assert again.entries == entries and again.hash == manifest.hash and again.transcribed
    silent = Manifest(tmp_path, (Entry("a.wav", "x", "g", "CC0-1.0", "s"), entries[1]))
    assert not silent.transcribed
    hashes = {manifest.hash, silent.hash}
    for field in ("text", "language", "voice"):
        changed = Entry(**{**vars(entries[0]), field: "other"})
        hashes.add(Manifest(tmp_path, (changed, entries[1])).hash)
    assert len(hashes) == 5


def test_a_list_of_files_may_have_transcripts(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,text,language\na.wav,Hello,en\nb.wav,,\n")
    first, second = Manifest.from_csv(tmp_path / "list.csv").entries
    assert (first.text, first.language, first.voice) == ("Hello", "en", "")
    assert second.text == ""


def test_transcripts_follow_the_clips() -> None:
    clips = ClipSet.from_arrays(
        np.zeros((3, 1, 8)),
        RATE,
        texts=["one", "two", ""],
        languages=["en", "en", ""],
        voices=["ann", "bob", ""],
    )
    picked = clips.subset([2, 1])
    assert picked.texts == ("", "two") and picked.languages == ("", "en")
    assert picked.voices == ("", "bob") and clips.unique().texts == ("one",)
    assert ClipSet.from_arrays(np.zeros((2, 1, 8)), RATE).texts == ("", "")


def test_a_stretch_of_a_file_says_nothing() -> None:
    clips = ClipSet.from_arrays(np.zeros((1, 1, 8)), RATE, texts=["one"])
    assert replace(clips, files=("0.wav (1.0 to 2.0 s)",)).texts == ("",)


def test_no_wording_is_on_two_sides() -> None:
    texts = [f"sentence {n % 100}{'!' * (n // 100)}" for n in range(200)]
    clips = ClipSet.from_arrays(np.zeros((200, 1, 8)), RATE, texts=texts)
    splits = split_texts(clips, heldout=0.2, seed=0)
    parts = (splits.train, splits.validation, splits.test)
    sides = [{text.strip("!") for text in part.texts} for part in parts]
    assert [len(side) for side in sides] == [80, 10, 10] and len(set.union(*sides)) == 100
    assert split_texts(clips, heldout=0.2, seed=0).test.files == splits.test.files
    assert split_texts(clips, heldout=0.2, seed=1).test.files != splits.test.files
    with pytest.raises(InputError, match=r"heldout is 0\.6; it must be from 0 to 0\.5"):
        split_texts(clips, heldout=0.6)


def test_a_clip_is_a_whole_file_at_one_level(record, folder) -> None:
    sound = 0.1 * np.concatenate([np.zeros(2000), hit(1, 0.25), np.zeros(1000), hit(2, 0.1)])
    record("a.wav", sound, subtype="FLOAT")
    record("long.wav", hit(3, 1.01))
    record("full.wav", hit(4, 1.0))
    entries = tuple(Entry(f"{name}.wav", text=name) for name in ("a", "long", "full"))
    manifest = Manifest(folder, entries)
    clips = load_utterances(manifest, CONFIG, progress=False)
    assert clips.manifest == manifest  # the data set is the same, however long a clip is
    assert clips.texts == ("a", "full") and clips.lengths.tolist() == [len(sound), RATE]
    expected = sound * 0.95 / np.abs(sound).max()
    np.testing.assert_allclose(clips.audio[0, 0, : len(sound)], expected, atol=1e-6)
    assert not clips.audio[0, 0, len(sound) :].any()
    omitted = {item.path: item.skipped for item in clips.report.files if item.skipped}
    assert omitted == {"long.wav": "longer than 1 s"}


def test_nothing_but_long_files_is_one_line(record, folder) -> None:
    record("long.wav", hit(3, 1.01))
    with pytest.raises(DataError, match="all 1 files are longer than 1 s"):
        load_utterances(Manifest(folder, (Entry("long.wav"),)), CONFIG, progress=False)


def test_wording_is_what_is_said() -> None:
    assert wording("Press 1, NOW!", "en") == wording("press one now", "en")
    assert wording("no", "en") != wording("no", "es")
    assert word_count("um 10 Uhr", "de") == 3  # cannot be read, and is counted all the same
