"""A model that speaks gets the report of speech, and that of steps, wherever it is evaluated."""

import json

import pytest
from speakers import ToySpeaker, sentence_splits

from dgm_audio.cli.evaluate import Evaluate
from dgm_audio.errors import InputError
from dgm_audio.evaluation import bootstrap, speech_judges, steps
from dgm_audio.release.publish import evaluate_model
from dgm_audio.release.verdict import listen


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No judges, few rounds and sentences."""

    def missing():
        raise InputError("it is not installed (dgm_audio[judge])")

    for name in ("Recogniser", "dnsmos", "SpeakerEncoder"):
        monkeypatch.setattr(speech_judges, name, missing)
    monkeypatch.setattr(steps, "Recogniser", missing)
    monkeypatch.setattr(bootstrap, "ROUNDS", 5)


@pytest.fixture(scope="module")
def spoken():
    return sentence_splits()


def test_the_card_has_speech_and_steps(spoken):
    found = evaluate_model(ToySpeaker(), spoken)
    assert "sentences that it was not trained on" in found.text
    assert "quality against steps of the solver" in found.text
    assert found.metrics["duration_share"] == 1
    assert set(found.metrics["steps"]["rows"]) == {"1", "2", "4", "8", "16"}
    json.dumps(found.metrics)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_prints_the_report_of_speech(spoken, monkeypatch, capsys, as_json):
    monkeypatch.setattr("dgm_audio.cli.evaluate.load", lambda *_: ToySpeaker())
    monkeypatch.setattr("dgm_audio.cli.evaluate.reference_splits", lambda *_: spoken)
    Evaluate(model="toy", n=4, json=as_json).run()
    out = capsys.readouterr().out
    if as_json:
        report = json.loads(out)
        assert report["counts"]["test"] == 4 and len(report["notes"]) == 3
    else:
        assert out.startswith("4 sentences that it was not trained on, 30 new ones")


def test_a_verdict_listens_to_texts_at_their_own_length(spoken, monkeypatch):
    model, asked = ToySpeaker(), []
    sample = model.sample
    monkeypatch.setattr(model, "sample", lambda *a, **k: asked.append(k) or sample(*a, **k))
    assert listen(model, spoken.test).peak > 0.1
    assert asked[0]["seconds"] is None
