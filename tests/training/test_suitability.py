"""What a family says of recordings before any of them is read, and what it refuses."""

import numpy as np
import pytest
import soundfile

from dgm_audio.data import ClipSet, Splits
from dgm_audio.data.feasibility import LEAST_CLIPS, estimate
from dgm_audio.errors import DataError, UnknownModelError
from dgm_audio.registry import get_task, trainable
from dgm_audio.training.suitability import all_suitabilities, check_count, suitability

RATE = 8000


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of silent files with the given seconds; only their headers are looked at."""

    def make(*seconds):
        made = tmp_path / f"sounds-{len(list(tmp_path.iterdir()))}"
        made.mkdir()
        for index, length in enumerate(seconds):
            soundfile.write(made / f"{index}.wav", np.zeros(int(length * RATE)), RATE)
        return made

    return make


def said(source):
    return {found.family: found for found in all_suitabilities(source)}


def test_one_shots_suit_all_but_those_that_take_long_recordings(folder):
    found = said(folder(*[0.6] * 44))
    assert list(found) == trainable()
    assert [name for name, one in found.items() if one.refused] == ["vae-stream"]
    assert "--family vae learns" in found["vae-stream"].line
    assert "44 sounds of up to 0.6 s" in found["gan"].line
    assert "44 of 44 files" in found["vae-stream"].line
    for name in ("flow", "flow-vocoder"):
        assert "no new sounds by itself; --family vae does" in found[name].line


def test_a_long_recording_is_cut_up_or_taken_whole(folder):
    found = said(folder(30))
    assert not any(one.refused for one in found.values())
    assert found["vae-stream"].line.endswith("0.5 min in 1 recording")
    assert "at most 1.5 s, and 1 of 1 files in " in found["vae"].line
    assert found["vae"].line.endswith("cut out of them; --family vae-stream takes them whole")
    assert "at most 3 s" in suitability("vae", folder(30), seconds=3).line


def test_of_a_mixture_the_sound_counts_not_the_files(folder):
    """Ten one-shots beside a minute of music are music; beside two seconds of it they are not."""
    assert not suitability("vae-stream", folder(*[1.0] * 10, 60)).refused
    assert suitability("vae-stream", folder(*[1.0] * 28, 2)).refused


def test_too_few_sounds_are_refused_by_their_number_and_no_family_is_named(folder):
    found = said(folder(*[0.5] * 6))
    assert all(one.refused and "--family" not in one.line for one in found.values())
    with pytest.raises(DataError, match=r"holds 6 sounds; training needs at least 8"):
        found["vae"].check()
    assert "3.0 s of sound" in found["vae-stream"].line


def test_what_training_refuses_is_not_promised(folder):
    """The doctor's guess, the look at the headers and the count of the clips have one bound."""
    enough = ClipSet.from_arrays(np.zeros((LEAST_CLIPS, 1, 8)), RATE)
    none = enough.subset([])
    check_count(Splits(enough.subset(range(LEAST_CLIPS - 1)), enough.subset([7]), none, none))
    check_count(Splits(enough.subset(range(LEAST_CLIPS - 1)), none, enough.subset([7]), none))
    with pytest.raises(DataError, match="gives 7 clips; training needs at least 8"):
        check_count(Splits(enough.subset(range(LEAST_CLIPS - 1)), none, none, none))
    assert estimate({"a": 7}, 7, 8).lines == (
        "7 clips: training refuses fewer than 8; add recordings.",
    )
    assert "minutes" in estimate({"a": 8}, 8, 8).lines[1]
    assert not suitability("vae", folder(*[0.5] * LEAST_CLIPS)).refused


def test_an_unknown_family_and_a_folder_without_sound(folder, tmp_path):
    with pytest.raises(UnknownModelError, match="'vea'"):
        suitability("vea", folder(1))
    with pytest.raises(DataError):
        all_suitabilities(tmp_path / "nowhere")


def test_a_family_that_speaks_counts_what_is_transcribed(folder, monkeypatch):
    monkeypatch.setattr(get_task("vae"), "transcribed", True)
    source = folder(*[3.0] * 9, 13.0, 3.0)
    usual = suitability("vae", source)
    assert "such sounds are cut out of them" in usual.line
    for index in range(10):
        (source / f"{index}.txt").write_text(f"sentence {index}")
    found = suitability("vae", source)
    assert said(source)["vae"] == found and not found.refused
    assert found.line.endswith("0.5 min in 9 utterances of up to 12 s")
    for index in range(2):
        (source / f"{index}.txt").unlink()
    with pytest.raises(DataError, match="holds 7 utterances of up to 12 s; training needs"):
        suitability("vae", source).check()
