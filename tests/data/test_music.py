"""The music that Debian ships: a game's score, and what telephones play on hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dgm_audio.data.sets import hold_music, music
from dgm_audio.data.sets.named import named_splits
from dgm_audio.data.windows import load_as_recorded, recordings
from dgm_audio.errors import DataError
from dgm_audio.io import read_audio

from . import music_sets as sets
from .sounds import too_few

SHORT = replace(music.CLIPS, length=8192)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def stems(clips):
    return {file.rpartition("/")[2].partition(".")[0] for file in clips.files}


def test_tracks_have_their_composer_and_licence_and_silence_is_omitted(tmp_path):
    manifest = music.track_manifest(sets.write_tracks(tmp_path))
    found = {entry.path.rpartition("/")[2]: entry for entry in manifest.entries}
    assert found["battle.ogg"].source == "wesnoth-1.16-music / Aleksi Aubry-Carlson"
    assert found["new_one.ogg"].source.endswith("/ unknown")
    assert {entry.licence for entry in manifest.entries} == {"GPL-2.0-or-later"}
    assert manifest.classes == ("music",) and len(manifest) == 8
    (left,) = manifest.omitted
    assert left.path.endswith("silence.ogg") and left.reason == "silence" and not left.bad


def test_the_composers_have_forty_tracks_and_the_unseen_no_other():
    tracks = [track for names in music.COMPOSERS.values() for track in names.split()]
    assert len(tracks) == len(set(tracks)) == 40
    for names in music.COMPOSERS.values():
        mine = set(map(music.piece, names.split()))
        assert mine <= set(music.UNSEEN) or not mine & set(music.UNSEEN)
        assert not mine <= set(music.HELD_OUT)
    assert {*music.HELD_OUT, *music.UNSEEN} <= set(map(music.piece, tracks))


def test_tracks_are_split_as_a_whole_and_pieces_stay_together(tmp_path):
    splits = named_splits(music.NAME, SHORT, sets.write_tracks(tmp_path))
    assert stems(splits.train) == {"battle", "victory", "victory2", "weight_of_revenge", "new_one"}
    assert stems(splits.validation) == {"battle-epic", "love_theme"}
    assert stems(splits.unseen) == {"nunc_dimittis"}
    assert splits.train.groups.count("victory") == 2 * 6
    assert splits.notes == (too_few(12),)
    assert not splits.train.condition_spec


def test_tracks_are_stereo_at_their_own_level_whatever_the_model_asks_of_clips(tmp_path):
    manifest = music.track_manifest(sets.write_tracks(tmp_path))
    config = replace(SHORT, normalize="peak", trim_silence=True)
    for file, sound in recordings(load_as_recorded(manifest, config)):
        assert np.array_equal(sound, read_audio(tmp_path / file)[0].numpy())
        assert not np.array_equal(sound[0], sound[1])


def test_hold_music_has_its_artist_and_says_what_it_leaves_out(tmp_path):
    manifest = hold_music.hold_manifest(sets.write_hold_music(tmp_path))
    found = {entry.group: entry.source.rpartition(" / ")[2] for entry in manifest.entries}
    assert found["reno_project-system"] == "Reno Project" and len(found) == 5
    assert {(item.path.rpartition("/")[2], item.bad) for item in manifest.omitted} == {
        ("beep.g722", False),
        ("macroform-empty.g722", True),
    }


def test_hold_music_is_split_by_track_and_artist(tmp_path):
    config = replace(hold_music.CLIPS, length=4096)
    splits = named_splits(hold_music.NAME, config, sets.write_hold_music(tmp_path))
    assert set(splits.validation.groups) == {"macroform-robot_dity"}
    assert set(splits.unseen.groups) == {"manolo_camp-morning_coffee"}
    assert len(set(splits.train.groups)) == 3
    assert splits.train.sample_rate == 16000 and splits.train.audio.shape[1] == 1


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (music.track_manifest, r"no track \(\*\.ogg\); expected unpacked wesnoth-1\.16-music"),
        (hold_music.hold_manifest, "expected unpacked asterisk-moh-opsound-g722"),
    ],
)
def test_a_folder_without_music_is_one_line(tmp_path, read, expected):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=expected) as caught:
            read(folder)
        assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)
