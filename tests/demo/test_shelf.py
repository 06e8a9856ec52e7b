"""Sounds on disk: found again, tidied up, and a folder that vanishes or fills up."""

import errno
import os
import time
from dataclasses import replace

import pytest
import torch
from conftest import noise, recipe_of
from dgm_audio._demo import shelf as module
from dgm_audio._demo.shelf import KEY, StorageError, key_of

from dgm_audio.io import read_provenance


def put(shelf, seed=0, **parameters):
    return shelf.put(
        recipe_of(seed, **parameters), noise(seed=seed), 8000, "a title", "a-file", 0.01
    )


def files(shelf):
    return sorted(path.name for path in shelf.folder.iterdir())


def test_what_was_put_is_found_with_all_its_facts(shelf):
    recipe = recipe_of(3)
    assert shelf.find(recipe) is None
    sound = put(shelf, 3)
    assert shelf.find(recipe) == sound
    assert KEY.fullmatch(sound.key) and read_provenance(shelf.path(sound.key)) == recipe
    assert (sound.seconds, sound.rate, sound.channels) == (0.1, 8000, 1)
    assert sound.indicative and -21 < sound.peak_dbfs < -20
    assert shelf.find(recipe_of(4)) is None


def test_the_page_gets_json_values(shelf):
    page = put(shelf, 3).page()
    assert (page["seed"], page["index"], page["model"]) == (3, 0, "toy")
    assert page["recipe"] == recipe_of(3).to_json() and page["unlinked"] == ""
    assert "recording" in put(shelf, 4, recording=True).page()["unlinked"]


def test_the_same_recipe_gives_the_same_bytes(shelf, tmp_path):
    first = shelf.path(put(shelf).key).read_bytes()
    shelf.folder = tmp_path / "elsewhere"
    assert shelf.path(put(shelf).key).read_bytes() == first
    assert key_of(recipe_of(0)) != key_of(recipe_of(1))


def test_silence_has_no_levels(shelf):
    sound = shelf.put(recipe_of(), 0 * noise(), 8000, "", "", 0.01)
    assert (sound.peak_dbfs, sound.lufs) == (None, None)


def test_what_nobody_asked_for_is_removed_when_it_is_old(shelf):
    old, used = put(shelf, 1), put(shelf, 2)
    long_ago = time.time() - module.MAX_AGE - 60
    for sound in (old, used):
        os.utime(shelf.path(sound.key), (long_ago, long_ago))
    assert shelf.find(recipe_of(2)) == used  # asked for, so it is young again
    shelf.tidy()
    assert files(shelf) == sorted([f"{used.key}.json", f"{used.key}.wav"])


def test_the_oldest_go_when_they_take_too_much(shelf, monkeypatch):
    sounds = [put(shelf, seed) for seed in range(4)]
    for age, sound in enumerate(sounds):
        os.utime(shelf.path(sound.key), (time.time() - 100 + age,) * 2)
    last = [path for path in shelf.folder.iterdir() if path.stem in (sounds[2].key, sounds[3].key)]
    monkeypatch.setattr(module, "MAX_BYTES", sum(path.stat().st_size for path in last))
    shelf.tidy()
    kept = [sound for sound in sounds if shelf.find(sound.recipe)]
    assert kept == sounds[2:] and len(files(shelf)) == 4


@pytest.mark.fault(33)
def test_a_folder_that_vanished_is_made_again(shelf):
    sound = put(shelf)
    for path in shelf.folder.iterdir():
        path.unlink()
    shelf.folder.rmdir()
    shelf.tidy()
    assert shelf.find(sound.recipe) is None
    assert put(shelf) == sound == shelf.find(sound.recipe)


@pytest.mark.parametrize("damage", ["{", "[]", '{"title": 1}'])
def test_damaged_facts_mean_that_the_sound_is_made_again(shelf, damage):
    sound = put(shelf)
    (shelf.folder / f"{sound.key}.json").write_text(damage)
    assert shelf.find(sound.recipe) is None
    assert put(shelf) == sound


@pytest.mark.fault(33)
@pytest.mark.parametrize("where", ["wav", "json"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(shelf, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    first = put(shelf, 1)
    if where == "json":
        monkeypatch.setattr(module.Path, "write_text", full)
    else:
        monkeypatch.setattr(module, "write_audio", full)
    with pytest.raises(StorageError) as error:
        put(shelf, 2)
    assert str(error.value) == ("The sound could not be kept: the disk is full. Try again later.")
    assert files(shelf) == sorted([f"{first.key}.json", f"{first.key}.wav"])


def test_a_file_in_the_folders_place_is_one_line_without_its_path(shelf):
    shelf.folder.write_text("in the way")
    with pytest.raises(StorageError) as error:
        put(shelf)
    assert str(shelf.folder) not in str(error.value) and "\n" not in str(error.value)


def test_latents_that_somebody_still_needs_stay(shelf):
    name = "latents-0123456789abcdef.safetensors"
    shelf.keep({name: torch.zeros(4, 1)})
    recipe = replace(recipe_of(), call="decode", parameters={"latents": {"file": name}})
    sound = shelf.put(recipe, noise(), 8000, "", "")
    for path in shelf.folder.iterdir():
        os.utime(path, (1, 1))
    assert shelf.find(recipe) == sound  # asked for, so all of it is young again
    shelf.tidy()
    assert name in files(shelf)
    os.utime(shelf.folder / name, (1, 1))
    shelf.keep({name: torch.zeros(4, 1)})
    shelf.tidy()
    assert name in files(shelf)
    (shelf.folder / name).unlink()
    assert shelf.find(recipe) is None
