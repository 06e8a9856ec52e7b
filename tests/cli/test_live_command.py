"""live: files in place of devices, and one line where there are none."""

import sys

import numpy as np
import pytest
import soundfile
from small_stream import RATE, burst, small_stream

from dgm_audio.checkpoint import save_model


@pytest.fixture
def model(models, tmp_path):
    save_model(small_stream(), tmp_path / "models" / "small")
    return tmp_path / "models" / "small"


@pytest.fixture
def voice(record):
    return record("voice.wav", burst()[0], RATE)


def test_files_stand_in_for_devices(dgm, model, voice, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    words = ("live", model, "--input", voice, "--output", "out.wav", "--block", 512)
    result = dgm(*words, "--bias", "2=-1", "--scale", 0.8).ok()
    assert result.err.startswith("latency ") and "devices 0" in result.err
    assert result.out.startswith("out.wav  ") and "% of real time" in result.out
    assert soundfile.info("out.wav").frames >= RATE
    dgm(*words).failed("out.wav", "exists already")
    result = dgm(*words, "--overwrite", "--seconds", 0.5).ok()
    assert soundfile.info("out.wav").frames == 8 * 512 and "0.512 s" in result.out


def test_the_models_own_music(dgm, model):
    words = ("live", model, "--sample", "--seconds", 1, "--block", 512, "--output")
    for path, seed in (("a.wav", 3), ("b.wav", 3), ("c.wav", 4)):
        assert f"seed {seed}" in dgm(*words, path, "--seed", seed).ok().err
    a, b, c = (soundfile.read(path)[0] for path in ("a.wav", "b.wav", "c.wav"))
    assert np.array_equal(a, b) and not np.array_equal(a, c) and a.any()
    assert "seed " in dgm(*words, "d.wav").ok().err


def test_without_sounddevice_it_says_what_to_do(dgm, model, voice, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for words in (("--list",), (model,), (model, "--input", voice), (model, "--output", "x.wav")):
        dgm("live", *words).failed("pip install 'dgm_audio[live]'", "--input FILE")


def test_without_portaudio_it_says_what_to_do(dgm, model, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    (tmp_path / "lame").mkdir()
    (tmp_path / "lame" / "sounddevice.py").write_text("raise OSError('PortAudio not found')")
    monkeypatch.syspath_prepend(str(tmp_path / "lame"))
    dgm("live", "--list").failed("PortAudio not found", "libportaudio2")
    dgm("live", model).failed("PortAudio not found", "--output FILE.wav")


def test_what_cannot_be_done_is_one_line(dgm, model, models, voice):
    files = ("--input", voice, "--output", "out.wav")
    dgm("live").failed("no MODEL", "--list")
    dgm("live", models / "flow", *files).failed("whole clips", "vae-stream")
    dgm("live", model, *files, "--block", 300).failed("block is 300", "256, 512 or 1024")
    dgm("live", model, *files, "--block", 512, "--bias", "9=1").failed("axis 9")
    dgm("live", model, *files, "--seconds", 0).failed("--seconds is 0")
    dgm("live", model, *files, "--seed", 1).failed("--seed is of --sample")
    dgm("live", model, *files, "--sample").failed("--sample takes no --input")
    dgm("live", model, "--sample", "--output", "out.wav").failed("no end", "--seconds")
    ogg = ("live", model, "--input", voice, "--output", "out.ogg", "--block", 512)
    dgm(*ogg).failed("must be .wav or .flac")
    flac = ("--output", "out.flac", "--format", "wav24", "--block", 512)
    dgm("live", model, "--input", voice, *flac).failed("out.flac", "format is 'wav24'")
    dgm("live", model, "--input", "no.wav", "--output", "out.wav").failed("no.wav")
