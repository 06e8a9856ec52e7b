"""What is written: never clipped, as loud as asked, in the format asked, to where it ends."""

import numpy as np
import pytest
import soundfile
import torch
from small_stream import RATE, small_stream

from dgm_audio.apps.finishing import trimmed
from dgm_audio.checkpoint import save_model
from dgm_audio.io import probe, read_audio

from .made import sounds


@pytest.fixture
def loud(tmp_path):
    """The folder of a model that streams and goes far beyond full scale."""
    model = small_stream()
    with torch.no_grad():
        model.head.project.bias.add_(2)
    save_model(model, tmp_path / "loud")
    return tmp_path / "loud"


def at_full_scale(path):
    samples, _ = soundfile.read(path, dtype="int16")
    return int((np.abs(samples.astype(int)) >= 32767).sum())


def test_nothing_that_is_written_is_clipped_and_what_was_lowered_is_said(dgm, loud, record):
    rng = np.random.default_rng(0)
    voice = record("voice.wav", rng.uniform(-0.99, 0.99, (2, RATE)), RATE)
    told = {
        "sample": ("sample", loud, "-n", 2, "--seconds", 2, "--seed", 3),
        "interpolate": ("interpolate", loud, "--from", 1, "--to", 2, "--steps", 2),
        "encode": ("encode", loud, voice),
        "decode": ("decode", loud, "encode/loud_voice.safetensors"),
        "transfer": ("transfer", voice, "--model", loud, "--no-follow", "--scale", 3),
    }
    for name, words in told.items():
        result = dgm(*words, "--out", name).ok()
        assert "lowered in places, by up to" in result.err, name
        assert sounds(name) and not any(map(at_full_scale, sounds(name))), name
        loudest = max(float(read_audio(path)[0].abs().max()) for path in sounds(name))
        assert loudest == pytest.approx(0.99, abs=1e-3), name
    result = dgm("live", loud, "--sample", "--seconds", 1, "--seed", 3, "--output", "l.wav").ok()
    assert "lowered in places" in result.out and at_full_scale("l.wav") == 0


def test_what_streams_is_recalled_byte_for_byte_at_its_level(dgm, loud, record):
    voice = record("voice.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (2, RATE)), RATE)
    words = ("--format", "wav24", "--level", "lufs=-20")
    made = dgm("encode", loud, voice, *words, "--json").ok().json
    assert probe(made["file"]).subtype == "PCM_24"
    result = dgm("recall", made["file"], "--model", loud, "--out", "again").ok()
    assert "same bytes" in result.out
    dgm("decode", loud, made["latents"], "--out", "plain").ok()
    dgm("encode", loud, voice, "--out", "plain").ok()
    decoded, encoded = sounds("plain")[1], sounds("plain")[0]
    assert read_audio(decoded)[0].equal(read_audio(encoded)[0])


@pytest.mark.parametrize(
    ("name", "kind", "subtype"),
    [
        ("wav16", ".wav", "PCM_16"),
        ("wav24", ".wav", "PCM_24"),
        ("float", ".wav", "FLOAT"),
        ("flac", ".flac", "PCM_16"),
    ],
)
def test_every_format_is_written_and_recalled(dgm, name, kind, subtype):
    made = dgm("sample", "-n", 1, "--seed", 1, "--format", name, "--level", "peak=-3", "--json")
    (sound,) = made.ok().json["sounds"]
    assert sound["file"].endswith(kind) and probe(sound["file"]).subtype == subtype
    assert sound["peak_dbfs"] == pytest.approx(-3, abs=0.01)
    assert dgm("recall", sound["file"], "--out", "again", "--json").ok().json["same_bytes"]


def test_one_shots_end_where_they_end_unless_a_length_was_asked_for(dgm, models):
    def made(*words):
        out = "".join(("out", *words))
        dgm("sample", "drums-vae", "-n", 1, "--seed", 1, "--out", out, *words).ok()
        return read_audio(sounds(out)[0])[0]

    assert made("--seconds", "0.005").shape[1] == 40
    whole, ended = made("--full-length"), made("--overwrite")
    assert whole.shape[1] == 64
    torch.testing.assert_close(ended, trimmed(whole, 8000), atol=2**-14, rtol=0)


def test_a_wrong_level_or_format_is_named_before_any_work(dgm, loud, record):
    voice = record("voice.wav", np.zeros((2, 800)), RATE)
    for words in (
        ("sample", loud),
        ("interpolate", loud, "--from", 1, "--to", 2),
        ("encode", loud, voice),
        ("decode", loud, "z.npy"),
        ("transfer", voice, "--model", loud),
    ):
        dgm(*words, "--level", "loud").failed("--level is 'loud'", "lufs=-60 to -5")
    assert not sounds()
    result = dgm("sample", "--format", "mp3")
    assert result.code == 2 and "wav24" in result.err
