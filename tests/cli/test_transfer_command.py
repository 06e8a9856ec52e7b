"""transfer: a recording through a model that streams."""

import json

import numpy as np
import pytest
import soundfile
from small_stream import RATE, burst, small_stream

from dgm_audio.apps.transfer import MARKER, transfer
from dgm_audio.checkpoint import save_model
from dgm_audio.io import read_comment


@pytest.fixture
def model(models, tmp_path):
    save_model(small_stream(), tmp_path / "models" / "small")
    return tmp_path / "models" / "small"


@pytest.fixture
def voice(record):
    return record("voice.wav", burst()[0], RATE)


def test_a_file_goes_through(dgm, model, voice):
    words = ("--bias", "1=+2", "--bias", "3=-0.5", "--scale", 1.2)
    found = dgm("transfer", voice, "--model", model, *words, "--json").ok().json
    assert found["file"] == "out/small_voice.wav" and found["seconds"] == 1.0
    made, rate = soundfile.read(found["file"], dtype="float32", always_2d=True)
    wanted = transfer(small_stream(), burst(), bias={1: 2.0, 3: -0.5}, scale=1.2)[0].T.numpy()
    assert rate == RATE
    np.testing.assert_allclose(made, wanted, atol=1e-4)
    level = 10 * np.log10(np.mean(made.astype(float) ** 2))
    assert found["rms_dbfs"] == pytest.approx(level, abs=0.01)
    assert found["source_rms_dbfs"] == pytest.approx(level, abs=1)
    assert found["times_real_time"] > 0
    facts = json.loads(read_comment(found["file"]).removeprefix(MARKER))
    assert facts["call"] == "transfer" and facts["weights"] == found["weights"]
    parameters = {"source": "voice.wav", "bias": {"1": 2.0, "3": -0.5}, "scale": 1.2}
    assert facts["parameters"] == parameters | {"follow": True}


def test_it_says_what_it_does(dgm, model, record, tmp_path):
    path = record("loud.wav", 4 * burst()[0, :1], 16000)
    out = tmp_path / "made" / "x.wav"
    result = dgm("transfer", path, "--model", model, "--no-follow", "--out", out).ok()
    assert "from 16000 to 8000 Hz" in result.err and "from 1 to 2 channel(s)" in result.err
    assert "lowered from a peak of" in result.err
    assert result.out.startswith(str(out)) and "x real time" in result.out and out.is_file()
    dgm("transfer", path, "--model", model, "--out", out).failed(str(out), "exists already")
    square = record("square.wav", 0.99 * burst()[0].sign(), RATE)  # nothing is louder
    again = dgm("transfer", square, "--model", model, "--out", out, "--overwrite").ok()
    assert "lowered in places, by up to" in again.err


def test_what_cannot_be_done_is_one_line(dgm, model, models, voice, tmp_path):
    dgm("transfer", "nowhere.wav", "--model", model).failed("nowhere.wav")
    dgm("transfer", voice, "--model", models / "flow").failed("whole clips", "vae-stream")
    for words, said in [
        (("--bias", "4=1"), "axis 4; this model has axes 1 to 3"),
        (("--bias", "1=11"), "-10 to 10"),
        (("--bias", "1=x"), "AXIS=NUMBER"),
        (("--bias", "loud"), "AXIS=NUMBER"),
        (("--bias", "1=1", "--bias", "1=2"), "axis 1 twice"),
        (("--scale", "5"), "0 to 4"),
        (("--scale", "nan"), "0 to 4"),
        (("--out", "x.flac"), "a .wav file, or a folder"),
        (("--out", voice / "x"), "is a file"),
    ]:
        dgm("transfer", voice, "--model", model, *words).failed(said)
    (tmp_path / "text.wav").write_text("no sound")
    dgm("transfer", tmp_path / "text.wav", "--model", model).failed("text.wav")
    assert dgm("transfer", voice, "--model", model, "--scale", "much").code == 2
    assert dgm("transfer", voice).code == 2
