"""What a run's verdict says of good, poor and useless models, and what it listens to."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from toys import ToyTone, ToyToneConfig

from dgm_audio import registry
from dgm_audio.checkpoint import save_model
from dgm_audio.data import ClipSet
from dgm_audio.release import verdict as verdicts
from dgm_audio.release.curve import Evaluation
from dgm_audio.release.verdict import Heard, Verdict, give_verdict, listen, read_verdict

LENGTH = 4096
BEFORE = {"metric_name": "bits per sample", "floor_name": "a chain", "floor_metric": 4.0}
FINE = Heard(peak=0.5, full_scale=0.0)


def write_log(folder, *metrics, before=BEFORE):
    """A judgement every minute, after the line with what the run is measured against."""
    folder.mkdir(exist_ok=True)
    lines = [{"step": 1, "seconds": 1.0} | before]
    lines += [
        {"step": 10 * index, "seconds": 60.0 * index, "validation_metric": metric}
        for index, metric in enumerate(metrics, start=1)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def read(folder, *metrics, heard=FINE, **before):
    return replace(read_verdict(write_log(folder, *metrics, before=BEFORE | before)), heard=heard)


def test_a_good_model_is_shown_by_its_figures_and_played(tmp_path):
    lines = read(tmp_path / "my run", 3.0, 2.0, 2.5, start_name="old", start_metric=2.1).lines()
    assert lines[0] == "bits per sample, lower is better:"
    assert [line.split() for line in lines[1:4]] == [
        ["first", "3", "at", "step", "10,", "after", "60", "s"],
        ["best", "2", "at", "step", "20,", "after", "2.0", "min"],
        ["last", "2.5", "at", "step", "30,", "after", "3.0", "min"],
    ]
    assert lines[4].split() == ["a", "chain", "4", "baseline:", "has", "learned", "nothing"]
    assert lines[5].split()[:2] == ["old", "2.1"]
    assert lines[6].startswith("The best model is kept; ")
    assert lines[7:] == [f"play it: dgm-audio sample '{tmp_path}/my run/model' -n 8 --out sounds"]


@pytest.mark.parametrize(
    ("metrics", "before", "fault"),
    [
        ((5.0, 4.0), {}, "no better than a chain: 4, and a chain has 4"),
        (
            (3.0, 2.0),
            {"start_name": "old", "start_metric": 1.5},
            "no better than the model it started from: 2, and old has 1.5",
        ),
        ((2.0, 2.5, 3.0), {}, "has not improved since its first evaluation, at step 10"),
    ],
)
def test_a_poor_model_is_called_poor_and_not_only_played(tmp_path, metrics, before, fault):
    found = read(tmp_path, *metrics, **before)
    *_, said, advice, last = found.lines()
    assert said == f"the model is poor: it {'is ' * ('no better' in said)}{fault}"
    assert not found.unusable and "more minutes" in advice and "another --family" in advice
    assert ("keep old" in advice) == ("start_name" in before)
    assert last.startswith("listen to it all the same: ")


def test_one_judgement_and_the_same_figure_twice_are_no_standstill(tmp_path):
    assert read(tmp_path, 2.0).faults == ()
    assert read(tmp_path, 2.0, 2.0).faults == ()


@pytest.mark.parametrize(
    ("heard", "fault"),
    [
        (Heard(0.0, 0.0), "it is silent: its sounds peak at -inf dBFS"),
        (Heard(9e-4, 0.0), "it is silent: its sounds peak at -61 dBFS"),
        (Heard(1.0, 0.3), "it is noise at full scale: 30 % of the samples of its sounds"),
    ],
)
def test_a_useless_model_is_not_played_at_all(tmp_path, heard, fault):
    found = read(tmp_path, 3.0, 2.0, heard=heard)
    assert found.unusable.startswith(fault)
    assert any(line.startswith(f"the model is of no use: {fault}") for line in found.lines())
    assert not any("dgm-audio sample" in line for line in found.lines())


def test_without_a_finite_figure_there_is_no_model(tmp_path):
    for found in (read_verdict(tmp_path), read(tmp_path, math.nan, math.inf)):
        assert "no model was kept" in found.unusable and found.best is None
        json.loads(found.as_json())


def test_a_vocoder_is_heard_by_vocoding():
    found = Verdict(verdicts.Path("run"), "bits", vocoder=True, best=Evaluation(1, 1.0, 1.0))
    assert found.advice == ("play it: dgm-audio vocode FILE --model run/model --out sounds",)


class Loud(ToyTone):
    """Plays at a level; what is beyond full scale is clipped."""

    gain = 1.0

    def _decode(self, z, condition, length):
        return (self.gain * super()._decode(z, condition, length)).clamp(-1, 1)


@pytest.mark.parametrize(("gain", "fault"), [(1.0, ""), (1e-5, "silent"), (1e3, "full scale")])
def test_silence_and_full_scale_are_heard(gain, fault):
    model = Loud(ToyToneConfig(LENGTH))
    model.gain = gain
    clips = ClipSet.from_arrays(np.random.default_rng(0).uniform(-0.5, 0.5, (4, 1, LENGTH)), 8000)
    said = listen(model, clips).fault
    assert fault in said if fault else said == ""


def test_recordings_that_are_clipped_themselves_excuse_a_clipped_model():
    model = Loud(ToyToneConfig(LENGTH))
    model.gain = 1e3
    square = np.sign(np.random.default_rng(0).uniform(-1, 1, (4, 1, LENGTH)))
    assert listen(model, ClipSet.from_arrays(square, 8000)).fault == ""


def test_the_verdict_and_the_curve_lie_in_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, "toy-tone", registry.Family("toys:ToyTone"))
    run = write_log(tmp_path / "run", 3.0, math.nan, 2.0)
    save_model(ToyTone(ToyToneConfig(LENGTH)), run / "model")
    clips = ClipSet.from_arrays(torch.rand(4, 1, LENGTH).numpy(), 8000)
    found = give_verdict(run, clips)
    assert found.heard and found.heard.peak > 0.01 and found.faults == ()
    told = json.loads((run / "verdict.json").read_text())
    assert told["best"] == {"step": 30, "seconds": 180.0, "metric": 2.0}
    assert told["floor"] == ["a chain", 4.0] and told["start"] is None
    assert told["metric"] == "bits per sample" and told["lower_is_better"] is True
    assert told["unusable"] is False and told["faults"] == []
    with Image.open(run / "curve.png") as picture:
        assert min(picture.size) > 100
