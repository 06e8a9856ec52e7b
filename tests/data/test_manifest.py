from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data import scan
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.errors import DataError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_first_subfolder_is_the_class_and_the_whole_folder_the_group(tmp_path: Path) -> None:
    touch(tmp_path, "kick/a.wav", "kick/kit 1/b.FLAC", "snare/c.ogg", "d.mp3")
    found = {e.path: (e.label, e.group) for e in Manifest.from_folder(tmp_path).entries}
    assert found == {
        "kick/a.wav": ("kick", "kick"),
        "kick/kit 1/b.FLAC": ("kick", "kick/kit 1"),
        "snare/c.ogg": ("snare", "snare"),
        "d.mp3": ("sound", "."),
    }
    assert Manifest.from_folder(tmp_path).classes == ("kick", "snare", "sound")


@pytest.mark.fault(11)
def test_everything_else_is_listed_with_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "notes.txt", "._a.wav", "song.caf", ".git/x.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    os.symlink("loop.wav", tmp_path / "loop.wav")
    os.symlink("/dev/zero", tmp_path / "zero.wav")
    os.symlink(".", tmp_path / "again")
    os.symlink("a.wav", tmp_path / "b.wav")
    manifest = Manifest.from_folder(tmp_path)
    reasons = {item.path: item for item in manifest.omitted}
    assert [entry.path for entry in manifest.entries] == ["a.wav"]
    assert "suffix" in reasons["notes.txt"].reason
    assert "hidden" in reasons["._a.wav"].reason and "hidden" in reasons[".git"].reason
    assert "convert" in reasons["song.caf"].reason and reasons["song.caf"].bad
    assert "regular" in reasons["pipe.wav"].reason and "regular" in reasons["zero.wav"].reason
    assert "opened" in reasons["loop.wav"].reason
    assert "not followed" in reasons["again"].reason
    assert reasons["b.wav"].reason == "the same file as a.wav" and not reasons["b.wav"].bad
    assert len(reasons) == 9


def test_linked_folders_are_classes_and_no_file_comes_twice_in_one(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.wav", "real/deep/b.wav", "set/own/c.wav", "set/own/soft/d.wav")
    os.symlink("../real", tmp_path / "set" / "kicks")
    os.symlink("../real/deep", tmp_path / "set" / "also")
    os.symlink("../kicks", tmp_path / "real" / "deep" / "loop")  # of set/kicks/deep, broken
    os.symlink(tmp_path / "set", tmp_path / "real" / "up")
    os.symlink("../../real", tmp_path / "real" / "deep" / "round")
    os.symlink("soft", tmp_path / "set" / "own" / "a link that comes first")
    manifest = Manifest.from_folder(tmp_path / "set")
    assert {entry.path: entry.label for entry in manifest.entries} == {
        "own/c.wav": "own",
        "own/soft/d.wav": "own",
        "kicks/a.wav": "kicks",
        "kicks/deep/b.wav": "kicks",
        "also/b.wav": "also",
        "also/round/a.wav": "also",  # another class: its own copy of the real folder
    }
    reasons = {item.path: item.reason for item in manifest.omitted}
    assert reasons["kicks/deep/round"] == "the same folder as kicks"
    assert reasons["own/a link that comes first"] == "the same folder as own/soft"
    assert "lies in" in reasons["kicks/up"]
    assert manifest.scanned


def test_class_names_are_compared_as_people_see_them(tmp_path: Path) -> None:
    touch(tmp_path, "tra\u0308um e/a.wav", "tr\u00e4um e/b.wav", "Kick/c.wav", "kick/d.wav")
    manifest = Manifest.from_folder(tmp_path)
    assert manifest.classes == ("Kick", "kick", "tr\u00e4um e")


@pytest.mark.fault(11)
def test_odd_names_survive_csv_and_hash(tmp_path: Path) -> None:
    names = ["träum é.wav", "new\nline.wav", 'comma, "quote".wav', " space .wav"]
    touch(tmp_path, *names)
    with open(os.fsencode(tmp_path) + b"/\xff\xfe.wav", "wb") as file:
        file.write(b"x")
    manifest = Manifest.from_folder(tmp_path)
    assert len(manifest) == 5 and len(manifest.hash) == 64
    again = Manifest.from_csv(manifest.to_csv(tmp_path / "list.csv"))
    assert again.entries == manifest.entries and again.hash == manifest.hash
    assert all(again.locate(entry).is_file() for entry in again.entries)


def test_csv_takes_defaults_and_its_own_groups(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label,group\nx/a.wav,kick,\nb.wav,,session 1\n")
    manifest = Manifest.read(tmp_path / "list.csv")
    assert manifest.entries == (
        Entry("x/a.wav", "kick", "x"),
        Entry("b.wav", "sound", "session 1"),
    )
    assert manifest.root == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("path\n", "no rows"),
        ("file,label\na,b\n", "'path' is needed"),
        ("path,colour\na,b\n", "colour"),
        ("path,label\na.wav,b,c\n", "line 2"),
        ("path,label\n,b\n", "line 2"),
        ("path\na.wav\na.wav\n", "twice"),
        ("path\na\0.wav\n", "line 2|NUL"),
        ("path,pitch\na.wav,60\nb.wav,C4\n", "line 3 has the pitch C4; .* from 0 to 127"),
        ("path,pitch\na.wav,nan\n", "line 2 has the pitch nan"),
        ("path,pitch\na.wav,-1\n", "line 2 has the pitch -1"),
        ("path,pitch\na.wav,128\n", "line 2 has the pitch 128"),
    ],
)
def test_a_wrong_csv_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        Manifest.from_csv(tmp_path / "list.csv")
    assert "\n" not in str(caught.value)


def test_folders_without_audio_say_what_was_found(tmp_path: Path, monkeypatch) -> None:
    touch(tmp_path, "a.txt", "b.png")
    with pytest.raises(DataError, match=r"no audio file.*1 x not audio by its suffix \(\.txt"):
        Manifest.from_folder(tmp_path)
    touch(tmp_path / "phone", "New 1.m4a", "2.M4A", "3.amr", ".hidden.wav")
    monkeypatch.setattr(scan, "reads_more", lambda: False)
    with pytest.raises(DataError) as caught:
        Manifest.from_folder(tmp_path / "phone")
    assert "2 files of .m4a (convert them, as `ffmpeg -i a.m4a a.wav`" in str(caught.value)
    assert "or pip install 'dgm_audio[formats]'); 1 file of .amr" in str(
        caught.value
    ) and "1 x hidden file" in str(caught.value)
    monkeypatch.setattr(scan, "reads_more", lambda: True)
    assert len(Manifest.from_folder(tmp_path / "phone")) == 3  # PyAV will tell what they are
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="it is empty"):
        Manifest.from_folder(tmp_path / "empty")
    with pytest.raises(DataError, match="does not exist"):
        Manifest.from_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a file"):
        Manifest.from_folder(tmp_path / "a.txt")


def test_hash_depends_on_every_field_but_not_on_root_or_order() -> None:
    entries = (Entry("a.wav", "x"), Entry("b.wav", "y"))
    base = Manifest(Path("p"), entries).hash
    assert Manifest(Path("q"), entries[::-1]).hash == base
    changes = ({"label": "y"}, {"group": "g"}, {"licence": "CC0-1.0"}, {"source": "s"})
    for change in (*changes, {"pitch": 60.0}):
        changed = Entry(**{"path": "a.wav", "label": "x", **change})
        assert Manifest(Path("p"), (changed, entries[1])).hash != base
    assert Manifest(Path("p"), entries, label_name="instrument").hash != base


def test_classes_keep_the_given_order_and_must_cover_the_labels() -> None:
    entries = (Entry("a.wav", "snare"),)
    assert Manifest(Path(), entries, ("snare", "kick")).classes == ("snare", "kick")
    with pytest.raises(DataError, match="'snare' is not one of: kick"):
        Manifest(Path(), entries, ("kick",))


def test_an_unwritable_csv_leaves_nothing_behind(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, (Entry("a.wav"),))
    with pytest.raises(DataError, match="cannot be written"):
        manifest.to_csv(tmp_path / "missing" / "list.csv")
    assert np.array(list(tmp_path.iterdir())).size == 0


def test_the_hash_without_pitches_is_the_one_that_shipped_checkpoints_record() -> None:
    """Literals of the version before there were pitches."""
    entries = (Entry("kick/a.wav", "kick", "kit 1", "CC0-1.0", "somewhere"), Entry("b.wav"))
    first = "088ae035dfe6d1012dd45afd11e3f5a1cc9e9c3bb3c6a6ca20d72a4e5d5d9840"
    assert Manifest(Path("p"), entries).hash == first
    ordered = Manifest(Path("p"), entries, ("sound", "snare", "kick"))
    assert ordered.hash == "c7a010767fb6412ac395bc965353fa9acb45e9cbc1172407ee911c62bac8820a"


def test_pitches_survive_csv_and_hash(tmp_path: Path) -> None:
    entries = (Entry("a.wav", pitch=60), Entry("b.wav", pitch=61.25), Entry("c.wav"))
    manifest = Manifest(tmp_path, entries)
    again = Manifest.from_csv(manifest.to_csv(tmp_path / "list.csv"))
    assert [entry.pitch for entry in again.entries] == [60.0, 61.25, None]
    assert again.hash == manifest.hash


def test_pitches_and_the_name_of_the_class_are_checked() -> None:
    with pytest.raises(DataError, match=r"a\.wav has the pitch 440; .* from 0 to 127"):
        Manifest(Path(), (Entry("a.wav", pitch=440),))
    with pytest.raises(DataError, match="label_name is 'pitch'"):
        Manifest(Path(), (Entry("a.wav"),), label_name="pitch")
