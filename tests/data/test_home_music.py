"""MAESTRO and GTZAN, in miniatures of their layouts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dgm_audio.data import ClipSet, load_clips
from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.sets import home_music
from dgm_audio.data.sets.flac_copies import flac_copies
from dgm_audio.data.sets.named import named_splits
from dgm_audio.data.splits import assigned_splits, split_groups
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import read_audio

from . import music_sets as sets
from .sounds import too_few

PIANO = replace(home_music.MAESTRO_CLIPS, length=8192)
GENRES = replace(home_music.GTZAN_CLIPS, length=4096)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def maestro(tmp_path):
    return sets.write_maestro(tmp_path / "maestro")


def test_maestros_groups_are_compositions(maestro):
    manifest = home_music.maestro_manifest(maestro)
    groups = [entry.group for entry in manifest.entries]
    assert groups[:2] == ['Frédéric Chopin: Ballade No. 1, "the first"'] * 2
    assert groups[3] == "Domenico Scarlatti / Arr.: Sonata" and len(groups) == 4
    assert {(entry.label, entry.licence) for entry in manifest.entries} == {
        ("piano", "CC-BY-NC-SA-4.0")
    }
    assert all(entry.source.startswith("MAESTRO v3.0.0 / ") for entry in manifest.entries)


def test_maestros_splits_are_its_own(maestro):
    splits = named_splits(home_music.MAESTRO, PIANO, maestro)
    assert set(splits.train.files) == {"2004/a.wav", "2018/b.wav"}
    assert set(splits.validation.files) == {"2018/c.wav"}
    assert set(splits.test.files) == {"2018/d.wav"}
    assert not splits.notes and splits.train.audio.shape[1:] == (2, 8192)


def test_of_maestro_missing_files_are_bad_and_missing_years_are_not(maestro):
    omitted = {item.path: item for item in home_music.maestro_manifest(maestro).omitted}
    assert omitted["2018/lost.wav"].bad and "missing" in omitted["2018/lost.wav"].reason
    assert not omitted["2011/e.wav"].bad
    assert omitted["2011/e.wav"].reason == "of a year that is not there"


def test_maestro_may_lie_in_the_folder_of_its_version_and_the_newest_is_taken(tmp_path):
    sets.write_maestro(tmp_path / "maestro-v2.0.0", "v2.0.0")
    sets.write_maestro(tmp_path / "maestro-v3.0.0", "v3.0.0")
    manifest = home_music.maestro_manifest(tmp_path)
    assert manifest.root == tmp_path / "maestro-v3.0.0"
    inner = home_music.maestro_manifest(tmp_path / "maestro-v3.0.0")
    assert manifest.hash == inner.hash


def test_a_composition_on_two_sides_is_said(maestro):
    table = maestro / "maestro-v3.0.0.csv"
    table.write_text(table.read_text().replace("Liszt,Mazeppa", 'Liszt,"La Campanella"'))
    sets.write_stereo(maestro / "2018/lost.wav", 9)
    (note,) = named_splits(home_music.MAESTRO, PIANO, maestro).notes
    assert note == "1 groups are on two sides, such as Franz Liszt: La Campanella"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "validation",
            "valid",
            r"line 4 has the split 'valid' and the file '2018/c.wav'; expected",
        ),
        ("2018/c.wav", "", r"line 4 has the split 'validation' and the file ''"),
        ("audio_filename", "audio", "'audio_filename' is needed"),
        ('first""",train', "first,train", "cannot be read as a CSV"),
        ("Mazeppa", "Maz\udce9ppa", "cannot be read as a CSV"),
    ],
)
def test_a_damaged_table_of_maestro_is_one_line(maestro, old, new, words):
    table = maestro / "maestro-v3.0.0.csv"
    text = table.read_text(encoding="utf-8").replace(old, new)
    table.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=words) as caught:
        home_music.maestro_manifest(maestro)
    assert "\n" not in str(caught.value)


def test_maestro_without_sound_names_the_right_archive(maestro):
    for file in maestro.glob("*/*.wav"):
        file.rename(file.with_suffix(".midi"))
    with pytest.raises(DataError, match=r"none of its 6 recordings; .*not of the one that ends in"):
        home_music.maestro_manifest(maestro)


@pytest.mark.parametrize("suffix", [".wav", ".au"])
@pytest.mark.parametrize("home", ["genres", "genres_original", "Data/genres_original", "."])
def test_gtzan_has_genres_and_the_cleaned_splits(tmp_path, home, suffix):
    folder = tmp_path / "gtzan"
    sets.write_gtzan(folder / home, suffix)
    splits = named_splits(home_music.GTZAN, GENRES, folder)
    assert set(splits.train.groups) == {"blues.00029"}
    assert set(splits.validation.groups) == {"blues.00000"}
    assert set(splits.test.groups) == {"blues.00012"}
    assert splits.train.condition_spec.fields["genre"].names == home_music.GENRES
    assert splits.notes == ("3 clips are on no side and are not used",)
    assert [file.path for file in splits.train.report.skipped] == [f"jazz/jazz.00054{suffix}"]


def test_of_gtzan_other_files_are_said_and_resource_forks_are_not(tmp_path):
    manifest = home_music.gtzan_manifest(sets.write_gtzan(tmp_path / "genres").parent)
    (other,) = manifest.omitted
    assert other.path == "blues/list.txt" and not other.bad
    assert [entry.label for entry in manifest.entries] == ["blues"] * 3 + ["jazz", "metal"]


def test_more_than_the_known_damage_is_an_error(tmp_path):
    folder = sets.write_gtzan(tmp_path / "genres").parent
    for name in ("blues/blues.00000.wav", "metal/metal.00004.wav"):
        (folder / "genres" / name).write_bytes(b"noise")
    with pytest.raises(DataError, match="3 of 5 files cannot be read"):
        named_splits(home_music.GTZAN, GENRES, folder)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (home_music.find_maestro, r"no MAESTRO; unpack maestro-v3\.0\.0\.zip .* 2018/\*\.wav"),
        (home_music.maestro_manifest, "no MAESTRO; unpack"),
        (home_music.find_gtzan, r"no GTZAN; unpack .* genres/blues/blues\.00000\.wav"),
        (home_music.gtzan_manifest, "no GTZAN; unpack"),
    ],
)
def test_a_missing_set_is_one_line_that_says_where_to_put_it(tmp_path, read, expected):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=expected) as caught:
            read(folder)
        assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)


def test_gtzan_with_empty_genres_is_one_line(tmp_path):
    (tmp_path / "genres" / "blues").mkdir(parents=True)
    with pytest.raises(DataError, match=r"genres holds no blues/blues\.00000\.wav \(or \.au\)"):
        home_music.gtzan_manifest(tmp_path)


def test_a_set_that_is_there_is_found_where_it_is(tmp_path, maestro):
    gtzan = sets.write_gtzan(tmp_path / "home" / "genres").parent
    assert home_music.find_gtzan(gtzan) == gtzan
    assert home_music.find_maestro(maestro) == maestro


def test_clips_of_another_set_have_no_splits_of_their_own(record, folder, store):
    record("a.wav", sets.hit(0))
    clips = load_clips(folder, ClipConfig(sample_rate=8000, length=2000), cache_dir=store)
    with pytest.raises(DataError, match="no splits of its own"):
        home_music.own_splits(clips)


def test_splits_by_groups_need_something_to_train_on_and_say_what_is_not_there():
    clips = ClipSet.from_arrays(np.zeros((3, 1, 8)), 8000, groups=["a", "b", "b"])
    splits = split_groups(clips, heldout=["a", "zoo"], unseen=[])
    assert splits.validation.groups == ("a",) and splits.train.groups == ("b", "b")
    assert splits.notes == ("nothing is unseen in this data", too_few(1))
    with pytest.raises(DataError, match="none of the 3 clips is one to train on"):
        split_groups(clips, heldout=["a"], unseen=["b"])
    with pytest.raises(DataError, match="none of the 3 clips"):
        assigned_splits(clips, ["validation", "", "unseen"])


def au(size=8, encoding=3, channels=1):
    numbers = (24, size, encoding, 22050, channels)
    return b".snd" + b"".join(number.to_bytes(4, "big") for number in numbers)


def test_an_au_file_is_read_sample_by_sample(tmp_path):
    path = tmp_path / "a.au"
    path.write_bytes(au(0xFFFFFFFF, channels=2) + np.arange(8, dtype=">i2").tobytes())
    sound, rate = home_music._read_au(path)
    assert (sound * 2**15).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]] and rate == 22050


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no AU file"),
        (b"RIFF" + bytes(40), "is no AU file"),
        (au(size=100) + bytes(50), "is cut off: it states 100 bytes of sound and holds 50"),
        (au(encoding=1) + bytes(8), "is AU of ULAW; expected AU of PCM_16"),
        (au(channels=0) + bytes(8), "is no AU file"),
    ],
)
def test_what_is_no_proper_au_file_is_one_line(tmp_path, content, words):
    (tmp_path / "a.au").write_bytes(content)
    with pytest.raises(AudioFileError, match=words) as caught:
        home_music._read_au(tmp_path / "a.au")
    assert "\n" not in str(caught.value)


def test_copies_are_made_once_and_tell_what_failed(tmp_path):
    good = sets.write_au(tmp_path / "set/x/a.00001.au", sets.hit(1))
    bad = tmp_path / "set/x/b.au"
    bad.write_bytes(b"noise")
    calls = []

    def read(path):
        calls.append(path)
        return home_music._read_au(path)

    for _ in range(2):
        made = flac_copies(tmp_path / "set", [good, bad], read, kind="au", cache_dir=tmp_path / "c")
        assert list(made.failed) == [bad] and "is no AU file" in str(made.failed[bad])
    assert calls == [good, bad, bad]
    copy, rate = read_audio(made.root / "x/a.00001.flac")
    assert rate == 22050 and np.array_equal(copy.numpy(), home_music._read_au(good)[0])
