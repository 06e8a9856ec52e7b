"""train, doctor, evaluate: from a folder nobody prepared to a model that plays, in one command."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgm_audio import cache_folder
from dgm_audio.cli.doctor import SOFTWARE, free_place
from dgm_audio.cli.evaluate import reference_splits
from dgm_audio.cli.making import write_picture
from dgm_audio.data.own_folder import clip_config
from dgm_audio.errors import InputError
from dgm_audio.evaluation import KEYS
from dgm_audio.registry import get_task

RATE = 8000


@pytest.fixture(autouse=True)
def small_and_at_home(monkeypatch, tmp_path):
    from dgm_audio.families.autoregressive.training import AutoregressiveTask
    from dgm_audio.families.vae.training import VAETask

    monkeypatch.setattr(VAETask, "width", 16)
    monkeypatch.setattr(AutoregressiveTask, "width", 16)
    monkeypatch.setattr(AutoregressiveTask, "depth", 4)
    monkeypatch.setattr(cache_folder, "default_cache_dir", lambda: tmp_path / "cache")


@pytest.fixture
def recordings(record, tmp_path):
    """Forty sounds of two classes, one text file that calls itself a sound."""
    rng = np.random.default_rng(0)
    time = np.arange(2000) / RATE
    for index in range(40):
        kind = "tone" if index % 2 else "noise"
        hertz = rng.uniform(100, 900)
        tone = np.sin(2 * np.pi * hertz * time) * np.exp(-hertz / 50 * time)
        noise = rng.uniform(-1, 1, 2000) * np.exp(-rng.uniform(5, 40) * time)
        record(f"sounds/{kind}/{index}.wav", (tone if index % 2 else noise)[None], RATE)
    (tmp_path / "sounds" / "tone" / "text.wav").write_text("no sound")
    return tmp_path / "sounds"


def test_one_command_trains_and_its_last_line_plays(dgm, recordings):
    words = ["--steps", 2, "--batch", 4, "--sample-rate", RATE, "--seconds", 0.25]
    result = dgm("train", recordings, *words, "--out", "run", "--device", "cpu").ok()
    assert re.search(
        r"\d+ clips of 0.250 s at 8000 Hz to train on, \d+ for validation, \d+ for test", result.out
    )
    assert re.search(r"vae suits .*: 40 sounds of up to 0.25 s", result.out)
    assert "MMD to validation recordings, lower is better:" in result.out
    last = result.out.splitlines()[-1]
    assert last == "listen to it all the same: dgm-audio sample run/model -n 8 --out sounds"
    dgm(*last.partition("dgm-audio ")[2].split(), "--seed", 1).ok()
    told = json.loads(Path("run/verdict.json").read_text())
    assert told["floor"][0] == "shaped noise" and told["faults"] and not told["unusable"]
    assert Path("run/curve.png").is_file() and "picture: run/curve.png" in result.err
    assert Path("sounds/run_seed1_000_noise.wav").exists()

    again = dgm("train", recordings, *words, "--out", "run", "--device", "cpu")
    again.failed("already holds a run", "--resume", code=1)
    assert "40 files" not in again.err  # found before the data are read

    from dgm_audio import load

    splits = reference_splits(load("run/model", device="cpu"), recordings)
    trained = json.loads(Path("run/run.json").read_text())["data"]["clips"]
    assert {side: len(getattr(splits, side)) for side in trained} == trained

    few = dgm("evaluate", "run/model", "--data", recordings, "-n", 16)
    assert few.code == 2 and "none is left to test on" in few.err
    last = few.err.splitlines()[-1]
    assert last.endswith("error: there are 0 clips to test on; at least 8 are needed to evaluate")


def test_a_model_of_enough_recordings_is_judged_by_what_did_not_choose_it(dgm, record, tmp_path):
    rng, time = np.random.default_rng(0), np.arange(2000) / RATE
    for index in range(120):  # bursts of a colour and decay of their own: no two are takes
        noise = np.convolve(rng.uniform(-1, 1, 2000), rng.standard_normal(24), "same") / 12
        burst = noise.clip(-1, 1) * np.exp(-rng.uniform(5, 90) * time)
        record(f"sounds/{'ab'[index % 2]}/{index}.wav", burst[None], RATE)
    recordings, words = tmp_path / "sounds", ["--steps", 2, "--batch", 4, "--seconds", 0.25]
    dgm("train", recordings, *words, "--out", "run", "--device", "cpu").ok()
    report = dgm("evaluate", "run/model", "--data", recordings, "-n", 16, "--json").ok()
    trained = json.loads(Path("run/run.json").read_text())["data"]["clips"]
    assert report.json["counts"]["reference"] == trained["test"] >= 8 <= trained["validation"]
    assert set(KEYS) <= set(report.json) and "is not what" not in report.err
    text = dgm("evaluate", "run/model", "--data", recordings, "-n", 16).ok()
    assert "two-sample" in text.out.lower().replace("_", "-")


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["--budget", "soon"], ["'soon'", "20m"]),
        (["--budget", "20 mn"], ["'20 mn'", "20m"]),
        (["--budget", "-3m"], ["'-3m'", "20m"]),
        (["--steps", 0], ["steps is 0"]),
        (["--batch", 0], ["--batch is 0"]),
        (["--seed", -1], ["--seed is -1; it must be at least 0"]),
        (["--evaluations", 0], ["--evaluations is 0; it must be at least 1"]),
        (["--rate", -1], ["--rate is -1; it must be above 0 and at most 1"]),
        (["--rate", "nan"], ["--rate is nan"]),
        (["--seconds", "nan"], ["--seconds is nan"]),
        (["--seconds", -1], ["--seconds is -1"]),
        (["--sample-rate", -1], ["sample_rate is -1"]),
        (["--family", "diffusion"], ["'diffusion'", "vae"]),
        (["--family", "vae-streem"], ["did you mean 'vae-stream'?", "flow-vocoder"]),
        (["--family", "vae-stream"], ["long recordings", "--family vae"]),
        (["--out", "/proc/nowhere"], ["/proc"]),
        (["--out", "nowhere", "--resume"], ["nowhere", "no run to resume"]),
    ],
)
def test_wrong_settings_are_named(dgm, recordings, words, problems):
    result = dgm("train", recordings, *words)
    assert result.code == 2 and "Traceback" not in result.err
    assert all(problem in result.err.splitlines()[-1] for problem in problems), result.err
    assert "41 files" not in result.err  # found before the data are read
    assert not Path("runs").exists()


def test_a_wavenet_is_trained_by_likelihood_and_plays_scores_and_gives_sounds_back(dgm, recordings):
    words = ["--family", "autoregressive", "--steps", 3, "--batch", 4, "--seconds", 0.25]
    dgm("train", recordings, *words, "--out", "run", "--device", "cpu").ok()
    metrics = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    best = min(line["validation_metric"] for line in metrics if "validation_metric" in line)
    assert 1 < best < 9  # bits per sample; tones are foreseen
    dgm("sample", "run/model", "-n", 2, "--seconds", 0.1, "--seed", 1, "--out", "made").ok()
    scored = dgm("score", "run/model", "made", recordings / "tone" / "1.wav", "--json").ok()
    assert len(json.loads(scored.out)["files"]) == 3
    file = "made/run_seed1_000_noise.wav"
    again = dgm("encode", "run/model", file, "--out", "code", "--json").ok()
    assert json.loads(again.out)["error_db"] < 1
    dgm("recall", file, "--model", "run/model", "--out", "again").ok()
    assert Path("again/run_seed1_000_noise.wav").read_bytes() == Path(file).read_bytes()


@pytest.fixture
def small_stream(monkeypatch):
    from dgm_audio.evaluation import validation as judge
    from dgm_audio.families.vae_stream import training as vae_stream
    from dgm_audio.families.vae_stream.model import StreamConfig
    from dgm_audio.training import monitor

    small = {"n_fft": 512, "hop": 128, "width": 16, "latent": 4, "prior": 8}

    def config_for(task, clips):
        _, channels, length = clips.audio.shape
        return StreamConfig(clips.sample_rate, channels, length, **small)

    monkeypatch.setattr(vae_stream.StreamTask, "config_for", config_for)
    monkeypatch.setattr(vae_stream, "PIECE", 16)
    monkeypatch.setattr(vae_stream, "WINDOWS", (1024, 256))
    monkeypatch.setattr(judge, "MAX_SECONDS", 10)
    monkeypatch.setattr(monitor, "SOUNDS", 1)


def test_long_recordings_are_taken_whole(dgm, record, small_stream):
    rng = np.random.default_rng(0)
    for index in range(5):
        record(f"music/{index}.wav", rng.uniform(-0.5, 0.5, (2, 8 * RATE)), RATE)
    words = ["--family", "vae-stream", "--steps", 5, "--batch", 2, "--precision", "float32"]
    result = dgm("train", Path.cwd().parent / "music", *words, "--out", "run").ok()
    assert "clips of 2.944 s at 8000 Hz to train on, 3 for validation, 0 for test" in result.out
    assert "held out as a whole: " in result.out and "2 classes" not in result.err
    settings = json.loads(Path("run/run.json").read_text())
    assert (settings["evaluations"], settings["precision"]) == (1, "float32")
    dgm("sample", "run/model", "-n", 1, "--seconds", 1, "--out", "made").ok()
    asked = clip_config(Path.cwd().parent / "music", 4000, 1.5, whole=True)
    assert (asked.sample_rate, asked.length, asked.channels) == (4000, 6000, 2)


def test_recordings_that_are_no_use_are_one_line(dgm, record):
    words = ["--family", "vae-stream", "--steps", 2]
    record("short/a.wav", np.ones((1, 2 * RATE)), RATE)
    for second in range(4):
        record(f"silent/{second}.wav", np.zeros((1, 10 * RATE)), RATE)
    record("text/a.wav", np.zeros((1, 10)), RATE).write_text("no sound")
    home = Path.cwd().parent
    dgm("train", home / "short", *words).failed("short holds 2.0 s of sound", "at least 24 s")
    result = dgm("train", home / "silent", *words)
    assert result.code == 2 and result.out == ""
    assert "silent holds nothing but silence: 4 files" in result.err.splitlines()[-1]
    dgm("train", home / "text", *words).failed("holds no audio file that can be read")
    assert not Path("runs").exists()


def test_a_family_that_speaks_learns_from_the_transcripts(dgm, recordings, monkeypatch):
    given = []

    def fit(splits, *_):
        given.extend([*splits.train.texts, *splits.validation.texts])
        raise InputError("seen")

    sounds = [path for path in recordings.rglob("*.wav") if path.stem != "text"]
    for index, path in enumerate(sounds):
        path.with_suffix(".txt").write_text(f"sentence {index}")
    monkeypatch.setattr("dgm_audio.training.run.fit", fit)
    assert "error: seen" in dgm("train", recordings, "--out", "usual").err
    assert given and not any(given)
    given.clear()
    monkeypatch.setattr(get_task("vae"), "transcribed", True)
    result = dgm("train", recordings, "--out", "spoken")
    assert "error: seen" in result.err and "transcripts of 40 of 41 files: " in result.out
    assert sorted(given) == sorted(f"sentence {index}" for index in range(len(sounds)))


def test_the_codes_of_an_autoencoder_are_learned(dgm, recordings, monkeypatch):
    """Clips have its rate and length; the folder that comes of it needs nothing beside itself."""
    from dgm_audio.checkpoint import save_model
    from dgm_audio.families.flow_matching import code_config
    from dgm_audio.families.spectrogram import SpectrogramConfig
    from dgm_audio.families.vae.model import SpectrogramVAE

    monkeypatch.setattr(code_config, "SMALL_WIDTH", 16)
    torch.manual_seed(0)
    sizes = SpectrogramConfig(
        RATE, 2048, ("noise", "other"), n_fft=256, hop=128, width=16, latent=4, blocks=(1, 1, 1)
    )
    save_model(SpectrogramVAE(sizes), "autoencoder")
    words = ["--family", "flow-matching", "--start", "autoencoder", "--steps", 4]
    result = dgm("train", recordings, *words, "--out", "run", "--device", "cpu").ok()
    assert re.search(r"\d+ clips of 0.256 s at 8000 Hz", result.out)
    assert "loss on validation recordings, lower is better:" in result.out
    shutil.rmtree("autoencoder")
    dgm("sample", "run/model", "-n", 2, "--condition", "class=tone", "--out", "sounds").ok()
    header = json.loads(Path("run/model/config.json").read_text())
    assert header["config"]["heard_as"][0] == 0, "noise is heard as noise"
    assert header["recipe"]["contains"]["weights_sha256"]


def test_a_folder_that_is_not_there(dgm):
    for command in ("train", "doctor"):
        dgm(command, "nowhere").failed("nowhere")
    assert not list(Path().iterdir())


def test_clips_follow_the_files_unless_told_otherwise(recordings):
    suggested = clip_config(recordings, None, None)
    assert clip_config(recordings, 22050, None).sample_rate == 22050
    assert clip_config(recordings, None, None, 8000).sample_rate == 8000
    asked = clip_config(recordings, None, 0.1)
    assert asked.sample_rate == suggested.sample_rate and asked.seconds == pytest.approx(0.1)
    with pytest.raises(InputError, match="--seconds"):
        clip_config(recordings, None, 0)


def test_doctor_prints_a_table_and_draws_a_picture(dgm, recordings):
    result = dgm("doctor", recordings).ok()
    assert "tone" in result.out and "text.wav" in result.out
    assert "--family vae: yes: vae suits " in result.out
    assert "--family flow: yes: flow learns to make sound of mel spectrograms, and" in result.out
    assert "--family vae-stream: no: " in result.out
    assert "picture: doctor.png" in result.err
    with Image.open("doctor.png") as picture:
        assert min(picture.size) > 100
    dgm("doctor", recordings, "--picture", "x.jpg").failed("x.jpg", ".png")
    result = dgm("doctor", recordings, "--json").ok()
    assert "picture: doctor.png\n" in result.err  # its own, drawn again
    assert result.json["files"] == 41 and result.json["readable"] == 40


def test_the_doctor_is_not_stopped_by_a_picture_and_loses_none(tmp_path):
    ours, theirs = tmp_path / "doctor-2.png", tmp_path / "doctor.png"
    page = Image.new("RGB", (8, 8))
    page.save(theirs)
    assert free_place(theirs, overwrite=True) == theirs
    assert free_place(theirs, overwrite=False) == ours
    write_picture(ours, page, overwrite=False, software=SOFTWARE)
    assert free_place(theirs, overwrite=False) == free_place(ours, overwrite=False) == ours
    ours.write_text("no picture")
    assert free_place(theirs, overwrite=False) == tmp_path / "doctor-3.png"


def test_what_training_refuses_the_doctor_refuses_in_the_same_words(dgm, record, tmp_path):
    time = np.arange(2000) / RATE
    for index in range(7):
        hit = np.sin(2 * np.pi * 90 * (index + 1) * time) * np.exp(-9 * time)
        record(f"few/{index}.wav", hit[None], RATE)
    for index in range(9):
        record(f"still/{index}.wav", np.zeros((1, 2000)), RATE)
    for name, reason in (("few", "needs at least 8"), ("still", "but silence: 9 files")):
        said = dgm("doctor", tmp_path / name, "--seconds", 0.25, "--json").ok().json
        assert not said["trainable"] and reason in said["refusal"]
        refused = dgm("train", tmp_path / name, "--steps", 1, "--seconds", 0.25)
        assert refused.code == 2 and reason in refused.err.splitlines()[-1]


def test_doctor_of_a_folder_without_any_sound_explains(dgm, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.wav").write_text("no sound")
    result = dgm("doctor", tmp_path / "texts").ok()
    assert "a.wav" in result.out


def test_evaluate_without_data_says_what_it_needs(dgm, models):
    dgm("evaluate", "drums-vae").failed("nobody's", "--data FOLDER")
    dgm("evaluate", models / "flow").failed("names no data set", "--data FOLDER")
    dgm("evaluate", "drums-vae", "--data", "nowhere").failed("nowhere")
