import re

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, Manifest
from dgm_audio.data.excerpts import Excerpts
from dgm_audio.data.recording_splits import split_recordings
from dgm_audio.data.windows import load_windows, recordings, rows_by_file
from dgm_audio.errors import DataError, InputError

from .sounds import RATE, too_few

CONFIG = ClipConfig(sample_rate=RATE, length=1000, normalize="none", trim_silence=False)


def noise(seed, size):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, size)


@pytest.fixture
def loaded(record, folder, store):
    """Clips of noises with so many samples, by name."""

    def load(**sizes):
        for seed, (name, size) in enumerate(sizes.items()):
            record(f"{name}.wav", noise(seed, size))
        return load_windows(Manifest.from_folder(folder), CONFIG, cache_dir=store, progress=False)

    return load


def many(count, parts=3):
    return {f"file{number}": 1000 * parts for number in range(count)}


def joined(clips):
    return {file: sound[0] for file, sound in recordings(clips)}


@pytest.mark.parametrize("count", [4, 5, 12])
def test_whole_files_are_held_out_where_there_are_enough(loaded, count):
    clips = loaded(**many(count))
    splits = split_recordings(clips, heldout=0.2)
    train, held = set(splits.train.files), set(splits.validation.files)
    assert not train & held and train | held == set(clips.files)
    assert len(splits.train) + len(splits.validation) == len(clips) and len(splits.unseen) == 0
    assert abs(len(held) - 0.2 * count) <= 0.5
    names = ", ".join(dict.fromkeys(splits.validation.files))
    assert splits.notes == (f"held out as a whole: {names}", too_few(len(splits.validation)))
    assert len(splits.test) == 0


def test_a_long_file_is_not_held_out_for_a_small_share(loaded):
    splits = split_recordings(loaded(long=40_000, a=1000, b=1000, c=1000), heldout=0.15)
    assert set(splits.validation.files) == {"a.wav", "b.wav", "c.wav"}


@pytest.mark.parametrize("sizes", [{"one": 40_500}, {"a": 20_000, "b": 9500, "c": 800}])
def test_of_few_files_a_stretch_is_held_out_with_a_gap_on_both_sides(loaded, sizes):
    clips = loaded(**sizes)
    whole = joined(clips)
    for seed in range(8):
        splits = split_recordings(clips, heldout=0.15, seed=seed)
        used = {file: np.full(len(sound), " ") for file, sound in whole.items()}
        for side, mark in ((splits.train, "t"), (splits.validation, "h")):
            for name, sound in joined(side).items():
                file, _, told = name.partition(" (")
                start = find(whole[file], sound)
                assert (used[file][start : start + len(sound)] == " ").all()
                used[file][start : start + len(sound)] = mark
                assert not told or abs(float(told.split()[0]) - start / RATE) <= 0.051
        sides = {file: "".join(marks) for file, marks in used.items()}
        assert sides.get("c.wav", "t" * 800) == "t" * 800
        for marks in (sides[file] for file in sides if file != "c.wav"):
            assert 0.1 < marks.count("h") / len(marks) <= 0.2
            assert len(marks.replace("t", " ").split()) == 1  # one stretch
            assert all(len(gap) >= 900 for gap in re.findall(" +", marks))
            assert "th" not in marks and "ht" not in marks
        assert "what lies beside is not used" in splits.notes[0]


def test_whole_files_are_for_validation_and_others_for_test(loaded):
    splits = split_recordings(loaded(**many(16, parts=4)), heldout=0.3)
    assert len(set(splits.validation.files)) == 2 and len(set(splits.test.files)) == 3
    assert not set(splits.validation.files) & set(splits.test.files) and len(splits.notes) == 1


@pytest.mark.parametrize("sizes", [{"one": 100_000}, many(4, parts=30)])
def test_a_stretch_or_file_alone_is_halved_in_the_middle_with_a_gap(loaded, sizes):
    clips = loaded(**sizes)
    whole = joined(clips)
    splits = split_recordings(clips, heldout=0.25)
    (validation,), (test,) = (set(side.files) for side in (splits.validation, splits.test))
    assert validation == test and splits.notes[-1].startswith("validation and test share the rec")
    file = whole[validation.partition(" (")[0]]
    first, last = (
        find(file, joined(side)[validation]) for side in (splits.validation, splits.test)
    )
    assert last == first + 1000 * (len(splits.validation) + 1)
    assert min(len(splits.validation), len(splits.test)) >= 8


def find(sound, part):
    """Where a part of a sound begins."""
    (places,) = np.nonzero(sound == part[0])
    (start,) = [at for at in places if np.array_equal(sound[at : at + len(part)], part)]
    return int(start)


def test_windows_never_join_what_a_gap_is_between(loaded):
    clips = loaded(one=30_000)
    (whole,) = joined(clips).values()
    splits = [split_recordings(clips, heldout=0.2, seed=seed) for seed in range(8)]
    train = next(side.train for side in splits if len(rows_by_file(side.train)) == 2)
    for seed in range(20):
        for window in Excerpts(train, 2500).tensor(np.arange(len(train)), seed):
            assert find(whole, window[0].numpy()) >= 0


def test_exact_copies_are_on_no_two_sides(loaded, record):
    sizes = many(5)
    for name in ("again", "once_more"):
        record(f"{name}.wav", noise(0, 3000))
    splits = split_recordings(loaded(**sizes))
    assert not set(splits.train.content) & set(splits.validation.content)
    assert len(splits.train) + len(splits.validation) == 15
    assert splits.notes[0] == "2 files are exact copies of others and are not used"


def test_silence_is_not_held_out_and_alone_is_an_error(loaded, record):
    for name in ("s", "t", "u", "v"):
        record(f"{name}.wav", np.zeros(6000))
    with pytest.raises(DataError, match="nothing but silence: 4 files"):
        split_recordings(loaded())
    splits = split_recordings(loaded(**many(3, parts=8)), heldout=0.3)
    assert "s.wav" in splits.train.files  # as it is in the folder
    assert all(" s)" in file for file in splits.validation.files)  # three files sound, not four


def test_the_seed_and_the_content_decide(loaded):
    clips = loaded(**many(8))
    first = split_recordings(clips, seed=0).validation.content
    assert split_recordings(clips, seed=0).validation.content == first
    assert len({split_recordings(clips, seed=seed).validation.content for seed in range(8)}) > 3


@pytest.mark.parametrize("sizes", [{"one": 9000}, many(4, parts=2)])
def test_what_is_too_little_is_all_trained_on(loaded, sizes):
    clips = loaded(**sizes)
    splits = split_recordings(clips)
    assert (len(splits.train), len(splits.validation)) == (len(clips), 0)
    assert splits.notes == ("too little to hold anything out",)


def test_a_share_of_zero_holds_nothing_out(loaded):
    splits = split_recordings(loaded(**many(6)), heldout=0)
    assert len(splits.validation) == 0 and splits.notes == ("nothing is held out",)


def test_a_share_is_a_share(loaded):
    with pytest.raises(InputError, match=r"heldout is 0\.6"):
        split_recordings(loaded(a=1000), heldout=0.6)
