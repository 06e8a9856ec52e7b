"""Quality against steps: the figures follow what more steps make better."""

import json

import pytest
import torch
from drum_sounds import LENGTH, Noise, drums
from speakers import ToySpeaker, sentence_splits

from dgm_audio.errors import InputError
from dgm_audio.evaluation import steps
from dgm_audio.evaluation.steps import StepsReport, evaluate_steps


class Drummer(Noise):
    """Real drums with noise, the less the more steps there are."""

    def __init__(self, steps=2):
        super().__init__()
        self.steps = steps
        self.played = torch.from_numpy(drums(16, seed=7)[0])

    def with_steps(self, steps):
        return Drummer(steps)

    def _decode(self, z, condition, length):
        places = (z.flatten(1).sum(1).abs() * 100).long() % len(self.played)
        noise = z.transpose(1, 2)[:, :, :LENGTH] / self.steps**2
        return (self.played[places] + 0.2 * noise).clamp(-1, 1)


def test_speech_comes_nearer_to_the_exact_solution_and_is_understood(judges):
    spoken = sentence_splits()
    report = evaluate_steps(ToySpeaker(), spoken, steps=(1, 4, 64), n=4, progress=False)
    far, near, exact = (report.rows[count] for count in (1, 4, 64))
    assert far["mel_db"] > near["mel_db"] + 1 and exact["mel_db"] == 0
    assert far["word_error"] == near["word_error"] == 1
    assert exact["word_error"] < 1
    assert StepsReport.from_metrics(json.loads(json.dumps(report.metrics()))) == report
    lines = str(report).splitlines()
    assert "4 test sentences" in lines[0] and lines[3].endswith("its own")


def test_sounds_come_nearer_to_test_clips(splits):
    report = evaluate_steps(Drummer(), splits, steps=(1, 16), n=32, progress=False)
    far, near = report.rows.values()
    assert far["two_sample_auc"] > 0.95 > near["two_sample_auc"]
    assert far["mmd_texture"] > 2 * near["mmd_texture"]
    assert set(far) == {"two_sample_auc", "mmd_texture", "speed"}
    assert "32 sounds against 80 test clips" in str(report)


def test_a_missing_recogniser_is_said(judges, monkeypatch):
    def missing():
        raise InputError("pocketsphinx is not installed (dgm_audio[judge])")

    monkeypatch.setattr(steps, "Recogniser", missing)
    report = evaluate_steps(ToySpeaker(), sentence_splits(), steps=(1,), n=2, progress=False)
    assert set(report.rows[1]) == {"mel_db", "speed"}
    assert "word error is left out: pocketsphinx is not installed" in str(report)


def test_a_model_without_steps_is_refused(splits):
    with pytest.raises(InputError, match="has no number of steps"):
        evaluate_steps(Noise(), splits)
