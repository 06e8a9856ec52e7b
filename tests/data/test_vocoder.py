from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.sets import asterisk, debian, home_speech, hydrogen, notes, tuxpaint, vocoder
from dgm_audio.data.sets.named import named_splits
from dgm_audio.data.windows import recordings
from dgm_audio.errors import DataError, InputError
from dgm_audio.io import probe, read_audio

from . import speech_sets as sets
from .sounds import too_few

SHORT = replace(vocoder.CLIPS, length=8192)
ALL = (*vocoder.DEFAULT, home_speech.LJSPEECH, home_speech.VCTK)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder that holds every part under its name, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sets.write_prompts(tmp_path / "home" / asterisk.NAME)
    sets.write_words(tmp_path / "home" / tuxpaint.NAME)
    sets.write_drums(tmp_path / "home" / hydrogen.NAME)
    sets.write_notes(tmp_path / "home" / notes.NAME)
    sets.write_ljspeech(tmp_path / "home" / home_speech.LJSPEECH)
    sets.write_vctk(tmp_path / "home" / home_speech.VCTK)
    return tmp_path / "home"


def load(home, **given):
    return vocoder.load_vocoder_splits(home, config=SHORT, progress=False, **given)


def languages(clips):
    return {name for name, count in clips.counts.items() if count}


def test_voices_lie_on_one_side_and_russian_is_never_trained_on(home):
    splits = load(home)
    sides = [set(side.groups) for side in (splits.train, splits.validation, splits.unseen)]
    assert sides[1] == {"June", "tuxpaint-da"}
    assert sides[2] == {"IvrvoiceRU", "tuxpaint-ru"}
    assert not sides[0] & (sides[1] | sides[2]) and not sides[1] & sides[2]
    assert languages(splits.unseen) == {"ru"} and "ru" not in languages(splits.train)
    assert {"Allison", "Carlo", "tuxpaint-es", "GMRockKit"} <= sides[0]


def test_drums_are_trained_on_but_for_the_kits_that_drum_models_are_judged_by(home):
    splits = load(home)
    assert splits.train.counts[vocoder.DRUMS] > 0
    assert vocoder.DRUMS not in languages(splits.validation) | languages(splits.unseen)
    manifest = splits.train.manifest
    assert not {entry.group for entry in manifest.entries} & set(hydrogen.UNSEEN_KITS)
    assert any("BJA_Pacific" in item.path for item in manifest.omitted)


def test_notes_are_trained_on_but_for_the_presets_that_note_models_are_judged_by(home):
    splits = load(home)
    assert splits.train.counts[vocoder.NOTES] == 1 and "Rhodes EP" in splits.train.groups
    assert vocoder.NOTES not in languages(splits.validation) | languages(splits.unseen)
    manifest = splits.train.manifest
    assert not {entry.group for entry in manifest.entries} & {*notes.HELD_OUT, *notes.UNSEEN}
    omitted = {item.path: item.reason for item in manifest.omitted}
    assert any("Banjo" in path and "judged by" in omitted[path] for path in omitted)
    assert f"{notes.NAME}/009 Glockenspiel" in omitted


def test_no_more_notes_are_taken_than_leave_speech_the_bulk(tmp_path, monkeypatch):
    folder = sets.write_notes(tmp_path / notes.NAME, notes_each=9)
    monkeypatch.setattr(vocoder, "MOST_NOTES", 4)
    found = vocoder.notes_to_train_on(folder)
    assert len(found) == 4 and {entry.label for entry in found.entries} == {vocoder.NOTES}
    assert found.entries == vocoder.notes_to_train_on(folder).entries
    assert {entry.pitch for entry in found.entries} != {60.0, 61.0, 62.0, 63.0}
    drawn = [item for item in found.omitted if "among the 4 notes" in item.reason]
    assert len(drawn) == 5


def test_exact_copies_are_dropped_and_counted(home):
    splits = load(home)
    files = {Path(file).name for side in (splits.train, splits.validation) for file in side.files}
    assert "frog_desc_es.ogg" in files and "toad_desc_es.ogg" not in files
    assert splits.notes == (too_few(5), "1 files are exact copies of others and are not used")


def test_every_sample_of_every_other_file_is_in_one_split(home):
    splits = load(home)
    seconds = {
        file: sound.shape[1] / 16000
        for side in (splits.train, splits.validation, splits.unseen)
        for file, sound in recordings(side)
    }
    stated = {file.path: file.seconds for file in splits.train.report.files if file.clips}
    stated.pop(f"{tuxpaint.NAME}/{sets.STAMPS}/toad_desc_es.ogg")
    assert seconds == pytest.approx(stated, abs=1e-4)
    assert max(seconds.values()) > SHORT.seconds


def test_levels_are_kept(home):
    manifest = vocoder.vocoder_manifest(home)
    place = next(entry for entry in manifest.entries if "vm-intro" in entry.path)
    sound = dict(recordings(load(home).train))[place.path]
    assert np.array_equal(sound, read_audio(manifest.locate(place))[0].numpy())


def test_sets_at_home_join_when_asked_for(home):
    splits = load(home, parts=ALL)
    assert "LJ" in splits.train.groups
    held = {group for group in splits.validation.groups if group.startswith("p2")}
    assert len(held) == 1
    assert held | {g for g in splits.train.groups if g.startswith("p2")} == {"p225", "p226", "p227"}


def test_a_tenth_of_the_vctk_voices_is_held_out_by_name():
    groups = [f"p{number}" for number in range(225, 335)] + ["LJ", "Allison"]
    held = home_speech.held_out_voices(groups)
    assert len(held) == 11
    assert set(held) == set(home_speech.held_out_voices(reversed(groups)))
    assert home_speech.held_out_voices(["p225", "LJ"]) == ()


def test_one_set_alone_says_what_it_lacks(home):
    splits = load(home, parts=[home_speech.LJSPEECH])
    assert len(splits.train) and not len(splits.validation)
    assert splits.notes == (
        "there is no voice to be held out in this data",
        "there is no voice to be unseen in this data",
    )


def test_a_part_that_is_missing_or_unknown_is_one_line(home, tmp_path):
    with pytest.raises(DataError, match=r"vctk holds no VCTK; unpack"):
        vocoder.vocoder_manifest(tmp_path, [home_speech.VCTK])
    with pytest.raises(InputError, match=r"no part 'zoo'; there are: asterisk-prompts"):
        vocoder.vocoder_manifest(home, ["zoo"])


def test_the_joined_manifest_does_not_depend_on_the_place(home, tmp_path):
    one = vocoder.vocoder_manifest(home)
    home.rename(tmp_path / "moved")
    assert vocoder.vocoder_manifest(tmp_path / "moved").hash == one.hash


def test_each_part_is_fetched_where_its_own_recipe_keeps_it(home, monkeypatch):
    monkeypatch.setattr(debian.subprocess, "run", lambda *_, **__: pytest.fail("fetched"))
    assert vocoder.download_vocoder_sounds(home / vocoder.NAME) == home


@pytest.mark.parametrize("name", [asterisk.NAME, tuxpaint.NAME, vocoder.NAME])
def test_the_sets_can_be_had_by_name(home, name):
    folder = home if name == vocoder.NAME else home / name
    splits = named_splits(name, SHORT, folder)
    assert languages(splits.unseen) == {"ru"}
    assert len(splits.validation) and len(splits.train)


def test_every_side_has_its_files_and_the_held_out_one_long_ones(home):
    manifest = vocoder.vocoder_manifest(home)
    held = [entry for entry in manifest.entries if entry.group in vocoder.HELD_OUT]
    unseen = [entry for entry in manifest.entries if entry.label == vocoder.UNSEEN]
    assert (len(manifest), len(held), len(unseen)) == (10 + 12 + 1 + 1, 2 + 2, 2 + 2)
    seconds = {entry.group: probe(manifest.locate(entry)).seconds for entry in held}
    assert seconds == pytest.approx({"June": 1.0, "tuxpaint-da": 0.3}, abs=1e-3)
