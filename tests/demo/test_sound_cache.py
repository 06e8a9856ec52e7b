"""The cache of sounds on disk: hits, eviction, and a folder that vanishes or fills up."""

import errno
import os
import time
from dataclasses import replace

import pytest
import torch
from conftest import noise, recipe_of
from dgm_audio._demo import sound_cache as module
from dgm_audio._demo.sound_cache import KEY_PATTERN, StorageError, sound_key

from dgm_audio.io import read_provenance


def put(sound_cache, seed=0, **parameters):
    return sound_cache.put(
        recipe_of(seed, **parameters), noise(seed=seed), 8000, "a title", "a-file", 0.01
    )


def files(sound_cache):
    return sorted(path.name for path in sound_cache.folder.iterdir())


def test_a_cached_sound_is_found_with_all_its_facts(sound_cache):
    recipe = recipe_of(3)
    assert sound_cache.find(recipe) is None
    sound = put(sound_cache, 3)
    assert sound_cache.find(recipe) == sound
    assert (
        KEY_PATTERN.fullmatch(sound.key) and read_provenance(sound_cache.path(sound.key)) == recipe
    )
    assert (sound.seconds, sound.rate, sound.channels) == (0.1, 8000, 1)
    assert sound.indicative and -21 < sound.peak_dbfs < -20
    assert sound_cache.find(recipe_of(4)) is None


def test_the_page_gets_json_values(sound_cache):
    page = put(sound_cache, 3).page_data()
    assert (page["seed"], page["index"], page["model"]) == (3, 0, "toy")
    assert page["recipe"] == recipe_of(3).to_json() and page["unlinked"] == ""
    assert "recording" in put(sound_cache, 4, recording=True).page_data()["unlinked"]


def test_the_same_recipe_gives_the_same_bytes(sound_cache, tmp_path):
    first = sound_cache.path(put(sound_cache).key).read_bytes()
    sound_cache.folder = tmp_path / "elsewhere"
    assert sound_cache.path(put(sound_cache).key).read_bytes() == first
    assert sound_key(recipe_of(0)) != sound_key(recipe_of(1))


def test_silence_has_no_levels(sound_cache):
    sound = sound_cache.put(recipe_of(), 0 * noise(), 8000, "", "", 0.01)
    assert (sound.peak_dbfs, sound.lufs) == (None, None)


def test_old_unused_sounds_are_evicted(sound_cache):
    old, used = put(sound_cache, 1), put(sound_cache, 2)
    long_ago = time.time() - module.MAX_AGE - 60
    for sound in (old, used):
        os.utime(sound_cache.path(sound.key), (long_ago, long_ago))
    assert sound_cache.find(recipe_of(2)) == used  # asked for, so it is young again
    sound_cache.evict()
    assert files(sound_cache) == sorted([f"{used.key}.json", f"{used.key}.wav"])


def test_above_the_size_limit_the_oldest_are_evicted(sound_cache, monkeypatch):
    sounds = [put(sound_cache, seed) for seed in range(4)]
    for age, sound in enumerate(sounds):
        os.utime(sound_cache.path(sound.key), (time.time() - 100 + age,) * 2)
    last = [
        path for path in sound_cache.folder.iterdir() if path.stem in (sounds[2].key, sounds[3].key)
    ]
    monkeypatch.setattr(module, "MAX_BYTES", sum(path.stat().st_size for path in last))
    sound_cache.evict()
    kept = [sound for sound in sounds if sound_cache.find(sound.recipe)]
    assert kept == sounds[2:] and len(files(sound_cache)) == 4


@pytest.mark.fault(33)
def test_a_vanished_folder_is_created_again(sound_cache):
    sound = put(sound_cache)
    for path in sound_cache.folder.iterdir():
        path.unlink()
    sound_cache.folder.rmdir()
    sound_cache.evict()
    assert sound_cache.find(sound.recipe) is None
    assert put(sound_cache) == sound == sound_cache.find(sound.recipe)


@pytest.mark.parametrize("damage", ["{", "[]", '{"title": 1}'])
def test_damaged_facts_are_a_cache_miss(sound_cache, damage):
    sound = put(sound_cache)
    (sound_cache.folder / f"{sound.key}.json").write_text(damage)
    assert sound_cache.find(sound.recipe) is None
    assert put(sound_cache) == sound


@pytest.mark.fault(33)
@pytest.mark.parametrize("where", ["wav", "json"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    sound_cache, monkeypatch, where
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    first = put(sound_cache, 1)
    if where == "json":
        monkeypatch.setattr(module.Path, "write_text", full)
    else:
        monkeypatch.setattr(module, "write_audio", full)
    with pytest.raises(StorageError) as error:
        put(sound_cache, 2)
    assert str(error.value) == ("The sound could not be kept: the disk is full. Try again later.")
    assert files(sound_cache) == sorted([f"{first.key}.json", f"{first.key}.wav"])


def test_a_file_in_the_folders_place_is_one_line_without_its_path(sound_cache):
    sound_cache.folder.write_text("in the way")
    with pytest.raises(StorageError) as error:
        put(sound_cache)
    assert str(sound_cache.folder) not in str(error.value) and "\n" not in str(error.value)


def test_latents_of_a_used_sound_stay(sound_cache):
    name = "latents-0123456789abcdef.safetensors"
    sound_cache.put_latents({name: torch.zeros(4, 1)})
    recipe = replace(recipe_of(), call="decode", parameters={"latents": {"file": name}})
    sound = sound_cache.put(recipe, noise(), 8000, "", "")
    for path in sound_cache.folder.iterdir():
        os.utime(path, (1, 1))
    assert sound_cache.find(recipe) == sound  # asked for, so all of it is young again
    sound_cache.evict()
    assert name in files(sound_cache)
    os.utime(sound_cache.folder / name, (1, 1))
    sound_cache.put_latents({name: torch.zeros(4, 1)})
    sound_cache.evict()
    assert name in files(sound_cache)
    (sound_cache.folder / name).unlink()
    assert sound_cache.find(recipe) is None
