"""score: files in the order in which a model expects them."""

import os

import numpy as np
import pytest

import dgm_audio
from dgm_audio.checkpoint import save_model
from dgm_audio.evaluation.likelihood import bits_of
from dgm_audio.io import read_audio
from dgm_audio.registry import get_family

RATE = 8000


@pytest.fixture
def chain(models, tmp_path):
    """The folder of a discrete model with the classes calm and wild."""
    from toys import ToyChain, ToyChainConfig

    save_model(ToyChain(ToyChainConfig()), tmp_path / "chain")
    return tmp_path / "chain"


@pytest.fixture
def sounds(record, chain):
    """Three sounds of the model and one of noise, in a folder and a folder below it."""
    model = dgm_audio.load(str(chain), device="cpu")
    for seed, (name, label) in enumerate((("a/calm", "calm"), ("wild", "wild"), ("calm", "calm"))):
        x = model.sample(1, seconds=0.25, condition={"class": label}, seed=seed)
        record(f"sounds/{name}.wav", x[0], RATE)
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 2000))
    return record("sounds/a/noise.wav", noise, RATE).parents[1]


def test_files_are_ranked_and_their_classes_found(dgm, chain, sounds):
    result = dgm("score", chain, sounds).ok()
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["RANK", "BITS/SAMPLE", "CONDITION", "SECONDS", "FILE"]
    assert [row[0] for row in rows[1:5]] == ["1", "2", "3", "4"]
    assert [row[2] for row in rows[1:5]] == ["calm", "calm", "wild", "wild"]
    assert {row[4] for row in rows[1:3]} == {f"{sounds}/calm.wav", f"{sounds}/a/calm.wav"}
    assert all(row[3] == "0.250" for row in rows[1:5])
    last = "bits per sample of the files at a peak of 0.95: 8 levels (uniform: 3.000)"
    assert result.out.splitlines()[-1] == last
    assert 0.5 < float(rows[1][1]) < 1.1 < 2.5 < float(rows[3][1])


def test_the_bits_are_those_of_the_model(dgm, chain, sounds):
    words = ("--normalize", "none", "--condition", "class=wild", "--json")
    found = dgm("score", chain, sounds / "calm.wav", *words).ok().json
    model = dgm_audio.load(str(chain), device="cpu")
    x, _ = read_audio(sounds / "calm.wav")
    wanted = float(bits_of(model, x[None], {"class": "wild"}))
    assert found["files"] == [
        {
            "rank": 1,
            "file": str(sounds / "calm.wav"),
            "bits_per_sample": pytest.approx(wanted),
            "condition": {"class": "wild"},
            "seconds": 0.25,
            "notes": [],
        }
    ]
    assert found["levels"] == 8 and found["density"] is False
    assert found["bits_per_sample_uniform"] == 3 and found["skipped"] == []
    assert found["weights"] == model.weights_hash and found["model"] == "chain"


def test_files_are_prepared_as_the_model_needs_them(dgm, chain, record):
    rng = np.random.default_rng(0)
    path = record("stereo.wav", 0.1 * rng.uniform(-1, 1, (2, 4410)), 44100)
    result = dgm("score", chain, path, "--json").ok()
    (row,) = result.json["files"]
    assert row["seconds"] == pytest.approx(0.1)
    assert any("resampled from 44100 to 8000 Hz" in text for text in row["notes"])
    assert any("from 2 to 1 channel" in text for text in row["notes"])
    assert any("to 0.95" in text for text in row["notes"])
    assert result.err.count(str(path)) == len(row["notes"]) == 3
    part = dgm("score", chain, path, "--seconds", 0.05, "--json").ok().json["files"][0]
    assert part["seconds"] == 0.05


def test_a_quiet_file_is_no_better_unless_levels_are_kept(dgm, chain, record):
    noise = np.random.default_rng(0).uniform(0, 1, (1, 2000))
    loud, quiet = record("loud.wav", noise, RATE), record("quiet.wav", 1e-3 * noise, RATE)

    def bits(*words):
        rows = dgm("score", chain, loud, quiet, "--json", *words).ok().json["files"]
        return {row["file"]: row["bits_per_sample"] for row in rows}

    equal, kept = bits(), bits("--normalize", "none")
    assert equal[str(quiet)] == pytest.approx(equal[str(loud)], abs=0.02)
    assert kept[str(quiet)] < 0.2 * kept[str(loud)]


def test_changes_to_many_files_are_told_once(dgm, chain, record):
    for index in range(3):
        path = record(f"many/{index}.wav", [0.1 * (index + 1) * np.ones(100)], 16000)
    err = dgm("score", chain, path.parent).ok().err.splitlines()
    assert err == [
        "3 files: resampled from 16000 to 8000 Hz",
        "3 files: brought from a peak of ... to ...",
    ]


def test_what_is_no_sound_is_skipped_and_named(dgm, chain, sounds):
    (sounds / "text.wav").write_text("no sound")
    (sounds / "notes.txt").write_text("notes")
    os.mkfifo(sounds / "pipe.wav")
    (sounds / "loop").symlink_to(sounds)
    (sounds / "cut.wav").write_bytes((sounds / "wild.wav").read_bytes()[:1000])
    result = dgm("score", chain, sounds, "--json").ok()
    assert len(result.json["files"]) == 4
    lines = [line for line in result.err.splitlines() if line.startswith("skipped ")]
    assert len(lines) == len(result.json["skipped"]) == 5
    for name in ("text.wav", "notes.txt", "pipe.wav", "loop", "cut.wav"):
        assert sum(f"{name}: " in line for line in lines) == 1, name
    reasons = {item["file"]: item["reason"] for item in result.json["skipped"]}
    assert not any(key in reason for key, reason in reasons.items())  # named once


def test_a_file_is_scored_once_however_often_it_is_given(dgm, chain, sounds):
    words = (sounds / "wild.wav", sounds / "a", sounds / "a" / "calm.wav", sounds / "wild.wav")
    found = dgm("score", chain, *words, "--json").ok().json["files"]
    names = [sounds / "wild.wav", sounds / "a" / "calm.wav", sounds / "a" / "noise.wav"]
    assert sorted(row["file"] for row in found) == sorted(map(str, names))


def test_what_cannot_be_scored_is_one_line(dgm, chain, models, sounds, tmp_path):
    calm = sounds / "calm.wav"
    dgm("score", chain).failed("at least one audio file")
    dgm("score", chain, "nowhere.wav").failed("nowhere.wav", "No such file")
    (tmp_path / "text.wav").write_text("no sound")
    dgm("score", chain, tmp_path / "text.wav").failed("text.wav")
    (tmp_path / "more.wav").write_text("no sound")
    bad = (tmp_path / "text.wav", tmp_path / "more.wav")
    dgm("score", chain, *bad).failed("text.wav", "nor can 1 more")
    (tmp_path / "empty").mkdir()
    dgm("score", chain, tmp_path / "empty").failed("empty", "holds no audio file")
    dgm("score", chain, "/dev/zero").failed("/dev/zero", "no regular file")
    dgm("score", "no-such-model", calm).failed("no-such-model")
    dgm("score", chain, calm, "--condition", "class=gong").failed("'gong'", "calm, wild")
    dgm("score", chain, calm, "--condition", "pitch=3").failed("pitch")
    for seconds in (0, -1, "nan"):
        dgm("score", chain, calm, "--seconds", seconds).failed("seconds")


def test_a_model_without_likelihood_is_refused(dgm, sounds, tmp_path):
    vae = get_family("vae")
    config = {"sample_rate": RATE, "length": 2048, "n_fft": 64, "hop": 32, "width": 16}
    save_model(vae(vae.config_class(**config, latent=4, blocks=(1, 1, 1))), tmp_path / "vae")
    words = ("'vae'", "no exact likelihood", "ELBO", "bound")
    dgm("score", tmp_path / "vae", sounds).failed(*words)


def test_a_density_says_so(dgm, models, sounds):
    words = (models / "flow", sounds / "calm.wav", "--condition", "gain=1")
    result = dgm("score", *words).ok()
    assert "a density at 16 bits (uniform: 16.000)" in result.out.splitlines()[-1]
    assert "gain 1" in result.out.splitlines()[1]
    found = dgm("score", *words, "--json").ok().json
    assert found["density"] is True and found["levels"] == 65536
