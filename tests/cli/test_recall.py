"""recall: the same bytes again from the provenance in a file."""

from pathlib import Path

import numpy as np
import torch

import dgm_audio
from dgm_audio.io import probe, read_audio, read_provenance, write_audio
from dgm_audio.provenance import Provenance

from .made import sounds


def test_recall_makes_the_same_bytes_of_everything(dgm, models, record):
    hit = record("hit.wav", 0.5 * np.random.default_rng(0).uniform(-1, 1, (1, 64)))
    np.save("z.npy", np.random.default_rng(1).standard_normal((2, 64, 1)).astype(np.float32))
    dgm("sample", "-n", 3).ok()
    dgm("interpolate", "--from", "1:5", "--to", hit, "--steps", 3).ok()
    dgm("encode", "drums-vae", hit).ok()
    dgm("decode", "drums-vae", "z.npy").ok()
    assert len(sounds()) == 3 + 3 + 1 + 2
    for path in sounds():
        result = dgm("recall", path, "--out", "again").ok()
        assert "same bytes" in result.out and result.err == ""
        assert Path("again", path.name).read_bytes() == path.read_bytes()


def test_recall_finds_latents_beside_the_file_and_takes_them_along(dgm, models, record):
    hit = record("hit.wav", 0.5 * np.random.default_rng(0).uniform(-1, 1, (1, 700)))
    dgm("interpolate", models / "flow", "--from", hit, "--to", 1, "--steps", 2).ok()
    for folder, source in (("one", "out"), ("two", "one")):
        path = sounds(source)[-1]
        made = dgm("recall", path, "--model", models / "flow", "--out", folder, "--json").ok().json
        assert made["same_bytes"] is True
        assert Path(made["file"]).read_bytes() == path.read_bytes()
    next(Path("two").glob("latents-*")).unlink()
    dgm("recall", sounds("two")[0], "--model", models / "flow", "--out", "three").failed("latents-")


def test_recall_of_a_changed_file_says_that_it_was_changed(dgm):
    dgm("sample", "-n", 1, "--seed", 1).ok()
    original = sounds()[0].read_bytes()
    sounds()[0].write_bytes(original[:-2] + b"\x01\x02")
    result = dgm("recall", sounds()[0], "--out", "again", "--json").ok()
    assert result.json["same_bytes"] is False and "it was changed since" in result.err
    assert sounds("again")[0].read_bytes() == original


def test_recall_keeps_the_format(dgm, models):
    dgm("sample", "-n", 1, "--seed", 1).ok()
    audio, rate = read_audio(sounds()[0])
    for name, subtype in (("x.wav", "PCM_24"), ("y.wav", "FLOAT"), ("z.flac", "PCM_16")):
        write_audio(name, audio, rate, subtype=subtype, provenance=read_provenance(sounds()[0]))
        result = dgm("recall", name, "--out", "again", "--json").ok()
        assert probe(result.json["file"]).subtype == subtype


def test_recall_needs_the_very_weights_and_version(dgm, models):
    dgm("sample", models / "other", "-n", 1, "--seed", 1).ok()
    path = sounds()[0]
    dgm("recall", path, "--out", "a").failed("'other'", "drums-vae", "--model PATH")
    dgm("recall", path, "--out", "a", "--model", "drums-vae").failed("weights", "--model")
    dgm("recall", path, "--out", "a", "--model", models / "other").ok()
    provenance = read_provenance(path)
    old = Provenance(
        "drums-vae", provenance.weights, "0.0.1", provenance.call, provenance.parameters
    )
    write_audio("old.wav", torch.zeros(1, 64), 8000, provenance=old)
    dgm("recall", "old.wav").failed("0.0.1", dgm_audio.__version__)


def test_recall_of_what_has_no_provenance(dgm, record):
    plain = record("plain.wav", np.zeros((1, 10)))
    Path("text.wav").write_text("no sound")
    dgm("recall", plain).failed("plain.wav", "no provenance")
    dgm("recall", "text.wav").failed("text.wav")
    dgm("recall", "nowhere.wav").failed("nowhere.wav", "No such file")
    assert not Path("out").exists()


def test_recall_never_loads_a_path_out_of_provenance(dgm, models):
    path = str(models / "other")
    provenance = Provenance(path, "0" * 64, dgm_audio.__version__, "sample", {})
    write_audio("evil.wav", torch.zeros(1, 64), 8000, provenance=provenance)
    dgm("recall", "evil.wav").failed("does not come with this installation")


def test_recall_does_not_replace_the_file_itself(dgm):
    dgm("sample", "-n", 1, "--seed", 1).ok()
    before = sounds()[0].read_bytes()
    dgm("recall", sounds()[0]).failed("exists already")
    dgm("recall", sounds()[0], "--overwrite").ok()
    assert sounds()[0].read_bytes() == before
