"""vocode: recordings through their mel and back."""

import math

import numpy as np
import pytest
import soundfile
from PIL import Image
from vocoders import SMALL, SPEC, ToyVocoder, ToyVocoderConfig, voice

from dgm_audio import registry
from dgm_audio.checkpoint import save_model
from dgm_audio.cli import vocode


@pytest.fixture
def vocoder(models, tmp_path, monkeypatch):
    """The folder of a vocoder."""
    families = registry.FAMILIES | {"toy-vocoder": registry.Family("vocoders:ToyVocoder")}
    monkeypatch.setattr(registry, "FAMILIES", families)
    save_model(ToyVocoder(), tmp_path / "models" / "toy-voc")
    return tmp_path / "models" / "toy-voc"


@pytest.fixture
def speech(record):
    return record("speech.wav", voice(0.5), 16000)


def read(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.T, rate


def test_a_file_is_resynthesised_and_its_error_told(dgm, vocoder, speech):
    found = dgm("vocode", speech, "--model", vocoder, "--json").ok().json
    assert found["model"] == "toy-voc" and found["sample_rate"] == 16000
    assert found["weights"] and found["seed"] == 0 and found["temperature"] == 1
    (sound,) = found["sounds"]
    assert sound["source"] == str(speech) and sound["file"] == "out/toy-voc_speech.wav"
    assert sound["seconds"] == 0.5 and sound["channels"] == 1 and sound["picture"] is None
    made, rate = read(sound["file"])
    assert rate == 16000 and made.shape == (1, 8000)
    model = ToyVocoder()
    x, y = (model.mel(voice(0.5)[None]), model.mel(np_tensor(made)[None]))
    error = float((x - y).abs().mean()) * 20 / math.log(10)
    assert sound["error_db"] == pytest.approx(error, abs=0.05)
    assert 0.5 < error < 8


def np_tensor(x):
    import torch

    return torch.from_numpy(x)


def test_the_seed_decides(dgm, vocoder, speech):
    def bytes_of(seed, out):
        dgm("vocode", speech, "--model", vocoder, "--seed", seed, "--out", out).ok()
        return (vocoder.parent / out / "toy-voc_speech.wav").read_bytes()

    out = vocoder.parent
    again = [bytes_of(seed, out / name) for seed, name in ((3, "a"), (3, "b"), (4, "c"))]
    assert again[0] == again[1] != again[2]


def test_rate_and_channels_are_said_and_kept(dgm, vocoder, record):
    left, right = voice(0.5), voice(0.5, pitch=200)
    stereo = np.concatenate([left, left, right])
    path = record("three.wav", np.repeat(stereo, 2, axis=1), 32000)
    result = dgm("vocode", path, "--model", vocoder, "--format", "flac", "--json").ok()
    assert result.err.splitlines() == [
        f"{path}: resampled from 32000 to 16000 Hz",
        f"{path}: 3 channels, each by itself",
    ]
    (sound,) = result.json["sounds"]
    made, rate = read(sound["file"])
    assert sound["file"].endswith(".flac") and rate == 16000 and made.shape == (3, 8000)
    assert np.array_equal(made[0], made[1])  # equal channels stay equal
    assert np.abs(made[0] - made[2]).max() > 0.05


def test_griffin_lim_is_a_model_and_stands_in(dgm, speech, models):
    asked = dgm("vocode", speech, "--model", "griffin-lim", "--json").ok()
    assert asked.err == "" and asked.json["model"] == "griffin-lim"
    assert asked.json["weights"] is None
    assert asked.json["sounds"][0]["error_db"] < 3
    result = dgm("vocode", speech, "--out", "again").ok()
    (line,) = result.err.splitlines()
    assert "no model 'vocoder-flow'" in line and "Griffin-Lim stands in" in line
    assert "off by" in result.out and "again/griffin-lim_speech.wav" in result.out
    first, second = read("out/griffin-lim_speech.wav"), read("again/griffin-lim_speech.wav")
    assert np.array_equal(first[0], second[0])


def test_the_default_vocoder_is_taken_where_it_is(dgm, vocoder, speech, monkeypatch):
    monkeypatch.setattr("dgm_audio.shipped.shipped_folders", lambda: [vocoder])
    monkeypatch.setattr(vocode, "DEFAULT_VOCODER", "toy-voc")
    result = dgm("vocode", speech, "--json").ok()
    assert result.err == "" and result.json["model"] == "toy-voc"


def test_the_picture_shows_three_mels(dgm, vocoder, speech, monkeypatch):
    drawn = []
    from dgm_audio.release import vocoding_picture

    draw = vocoding_picture.mel_picture
    monkeypatch.setattr(
        vocoding_picture,
        "mel_picture",
        lambda rows, *a, **k: drawn.append(rows) or draw(rows, *a, **k),
    )
    words = ("vocode", speech, "--model", vocoder, "--picture", "--json")
    (sound,) = dgm(*words).ok().json["sounds"]
    assert sound["picture"] == "out/toy-voc_speech_mels.png"
    assert [row.title for row in drawn[0]] == ["recording", "Griffin-Lim", "toy-voc"]
    assert f"{sound['error_db']:.2f}" in drawn[0][2].note
    with Image.open(sound["picture"]) as page:
        assert page.width > 1200 and page.height > 900
    dgm(*words).failed("exists already")
    words = ("vocode", speech, "--model", "griffin-lim", "--picture")
    dgm(*words).ok()
    assert [row.title for row in drawn[1]] == ["recording", "griffin-lim"]


def test_files_of_one_name_get_numbers(dgm, vocoder, record):
    files = [record(f"{folder}/x.wav", voice(0.1), 16000) for folder in "ab"]
    sounds = dgm("vocode", *files, "--model", vocoder, "--json").ok().json["sounds"]
    names = [sound["file"] for sound in sounds]
    assert names == ["out/toy-voc_000_x.wav", "out/toy-voc_001_x.wav"]


def test_what_cannot_be_vocoded_is_one_line(dgm, vocoder, models, speech, record, tmp_path):
    dgm("vocode", "--model", vocoder).failed("at least one audio file")
    dgm("vocode", "nowhere.wav", "--model", vocoder).failed("nowhere.wav")
    (tmp_path / "text.wav").write_text("no sound")
    dgm("vocode", speech, tmp_path / "text.wav", "--model", vocoder).failed("text.wav")
    dgm("vocode", speech, "--model", "no-such").failed("no-such")
    dgm("vocode", speech, "--model", models / "flow").failed("no vocoder", "'mel'")
    dgm("vocode", speech, "--model", vocoder, "--temperature", -1).failed("temperature")
    dgm("vocode", speech, "--model", vocoder, "--seed", -1).failed("seed")
    dgm("vocode", speech, "--model", vocoder, "--condition", "class=kick").failed("class")
    dgm("vocode", speech, "--model", vocoder, "--condition", "mel=1").failed("mel")
    two = ToyVocoder(ToyVocoderConfig(SMALL, channels=2))
    save_model(two, tmp_path / "two")
    dgm("vocode", speech, "--model", tmp_path / "two").failed("makes 2 channels")


def test_a_clip_is_cut_to_what_the_model_can_make(dgm, vocoder, speech, tmp_path):
    save_model(ToyVocoder(ToyVocoderConfig(SPEC, max_length=4000)), tmp_path / "short")
    result = dgm("vocode", speech, "--model", tmp_path / "short", "--json").ok()
    assert result.json["sounds"][0]["seconds"] == 0.25
    assert "cut from 0.500 s to the model's longest clip, 0.250 s" in result.err
