"""The reader of SC09, on a miniature of Speech Commands."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from dgm_audio.data.sets import sc09
from dgm_audio.data.sets.named import SETS, named_splits
from dgm_audio.errors import DataError

from .sounds import hit
from .speech_sets import write_sound


@pytest.fixture
def commands(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    for seed, digit in enumerate(sc09.DIGITS):
        for speaker in ("0a1b", "0c2d", "0e3f"):
            write_sound(folder / digit / f"{speaker}_nohash_0.wav", 10 * seed + ord(speaker[1]))
    write_sound(folder / "yes/0a1b_nohash_0.wav", 1)
    lines = {side: "".join(f"{d}/{s}_nohash_0.wav\n" for d in (*sc09.DIGITS, "yes"))
             for side, s in (("validation", "0c2d"), ("testing", "0e3f"))}  # fmt: skip
    for side, text in lines.items():
        (folder / f"{side}_list.txt").write_text(text)
    return folder


def test_digits_are_split_by_the_published_lists(commands):
    splits = named_splits(sc09.NAME, sc09.CLIPS, commands)
    for side, speaker in (("train", "0a1b"), ("validation", "0c2d"), ("test", "0e3f")):
        clips = getattr(splits, side)
        assert set(clips.groups) == {speaker} and clips.classes == sc09.DIGITS
        assert clips.files == tuple(f"{digit}/{speaker}_nohash_0.wav" for digit in sc09.DIGITS)
        assert clips.texts == sc09.DIGITS and clips.label_name == "digit"
    assert splits.notes == ()


def test_sounds_are_a_second_at_their_own_level(commands):
    quiet = write_sound(commands / "zero/0a1b_nohash_1.wav", 5)
    sound = 0.05 * np.append(np.zeros(800), hit(5, 0.3, 16000))
    soundfile.write(quiet, sound, 16000)
    clips = named_splits(sc09.NAME, sc09.CLIPS, commands).train
    row = clips.files.index("zero/0a1b_nohash_1.wav")
    assert clips.audio.shape[1:] == (1, 16000) and clips.lengths[row] == len(sound)
    np.testing.assert_allclose(clips.audio[row, 0, : len(sound)], sound, atol=2**-14)


def test_other_words_are_named_and_left_out(commands):
    (omitted,) = sc09.sc09_manifest(commands).omitted
    assert (omitted.path, omitted.reason) == ("yes", "no digit")


def test_a_missing_set_says_what_to_put_where(commands, tmp_path):
    with pytest.raises(DataError, match=r"no SC09: validation_list\.txt, .* nine missing; unpack"):
        SETS[sc09.NAME].download(tmp_path / "nowhere")
    (commands / "testing_list.txt").unlink()
    with pytest.raises(DataError, match=r"SC09: testing_list\.txt missing"):
        sc09.sc09_manifest(commands)
