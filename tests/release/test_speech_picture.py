"""The picture of a model that speaks: which sentences it shows, and in pairs."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from speakers import ToySpeaker, sentence_splits
from vocoders import RATE, ToyVocoder

from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation.sentences import say, sentences_of
from dgm_audio.release import speech_picture as module
from dgm_audio.release.publish import SPOKEN, picture_and_caption
from dgm_audio.release.speech_picture import shown_rows, speech_picture
from dgm_audio.signal.mel import LogMel


@pytest.fixture(scope="module")
def spoken():
    return sentence_splits()


def test_the_rows_are_recordings_and_what_the_model_says(spoken, monkeypatch):
    drawn = []
    draw = module.mel_picture
    monkeypatch.setattr(
        module, "mel_picture",
        lambda rows, spec, **more: drawn.extend(rows) or draw(rows, spec, **more),
    )  # fmt: skip
    model, test = ToySpeaker(), spoken.test
    picture = speech_picture(model, test)
    assert len(drawn) == 6 and picture.size[1] > 1500
    log_mel, every = LogMel(module._mel_spec(RATE)), sentences_of(test)
    sounds = []
    for row in shown_rows(test):
        sounds += [test.tensor([row])[0, 0, : test.lengths[row]], say(model, every[row], 0)]
    longest = max(map(len, sounds))
    for row, x in zip(drawn, sounds, strict=True):
        assert torch.allclose(row.mel, log_mel(F.pad(x, (0, longest - len(x)))), atol=1e-4)
    assert [row.note for row in drawn] == ["anna, en"] * 2 + ["bert, es"] * 2 + ["anna, en"] * 2
    assert "recording" in drawn[0].title and "spoken" in drawn[1].title


def test_speakers_take_turns_and_lengths_are_usual(spoken):
    rows = shown_rows(spoken.test, 4)
    voices = [spoken.test.voices[row] for row in rows]
    assert sorted(voices) == ["anna", "anna", "bert", "bert"] and len(set(rows)) == 4
    english = [row for row in rows if spoken.test.voices[row] == "anna"]
    assert spoken.test.lengths[english[0]] == max(spoken.test.lengths[:8])  # nearest to 2.5 s


def test_a_card_has_it(spoken):
    picture, caption = picture_and_caption(ToySpeaker(), spoken)
    assert caption == SPOKEN and picture.size[0] > 1000


def test_wrong_input_is_one_line(spoken):
    with pytest.raises(InputError, match="does not speak"):
        speech_picture(ToyVocoder(), spoken.test)
    entries = tuple(replace(entry, text="") for entry in spoken.test.manifest.entries)
    mute = replace(spoken.test, manifest=replace(spoken.test.manifest, entries=entries))
    with pytest.raises(DataError, match="none of the recordings has a transcript"):
        speech_picture(ToySpeaker(), mute)
