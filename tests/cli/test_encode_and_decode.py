"""encode and decode: latents to a file and back."""

import re
from pathlib import Path

import numpy as np
import torch

import dgm_audio
from dgm_audio.io import read_audio

from .made import files, sounds


def test_encode_writes_latents_and_reconstruction_and_tells_the_error(dgm, models, record):
    path = record("hit.wav", 0.8 * np.random.default_rng(0).uniform(-1, 1, (1, 500)))
    result = dgm("encode", models / "flow", path, "--json").ok()
    made = result.json
    assert made["error_db"] < 0.5 and made["shape"] == [1, 4, 125]
    assert made["condition"]["class"] in ("low", "high")  # a flow inverts with either
    assert made["seconds"] == 500 / 8000
    assert files()[:3] == ["flow_hit.safetensors", "flow_hit.wav", "flow_hit_sheet.png"]
    again = dgm("encode", models / "flow", path, "--out", "text").ok()
    assert f"class {made['condition']['class']} is likeliest (" in again.err
    assert re.search(r"off by \d\.\d\d dB", again.out) and "text/flow_hit.wav" in again.out


def test_decode_of_what_encode_wrote_is_its_reconstruction(dgm, models, record):
    path = record("hit.wav", 0.8 * np.random.default_rng(0).uniform(-1, 1, (1, 500)))
    dgm("encode", models / "flow", path, "--condition", "class=high").ok()
    dgm("decode", models / "flow", "out/flow_hit.safetensors", "--out", "again").ok()
    assert sounds("again")[0].name == "flow_hit_000_high-gain-1.wav"
    assert read_audio(sounds("again")[0])[0].equal(read_audio("out/flow_hit.wav")[0])


def test_encode_says_what_it_did_to_the_file(dgm, models, record):
    path = record("hit.wav", 0.1 * np.ones((2, 2000)), rate=16000)
    result = dgm("encode", models / "drums-vae", path, "--normalize", "peak").ok()
    for words in ("resampled from 16000", "2 to 1 channel", "cut from 0.125 s", "to 0.95"):
        assert words in result.err


def test_decode_takes_numpy_files(dgm, models):
    z = np.random.default_rng(0).standard_normal((2, 64, 1)).astype(np.float32)
    np.save("z.npy", z)
    words = ("z.npy", "--condition", "class=snare", "--seconds", 0.005, "--json")
    made = dgm("decode", "drums-vae", *words).ok().json
    model = dgm_audio.load("drums-vae", device="cpu")
    with torch.no_grad():
        batch = model.decode(torch.from_numpy(z), {"class": "snare"}, length=40)
    for item, wanted in zip(made["sounds"], batch, strict=True):
        torch.testing.assert_close(read_audio(item["file"])[0], wanted, atol=2**-15, rtol=0)


def test_latents_of_another_model_are_refused(dgm, models, record):
    path = record("hit.wav", 0.5 * np.random.default_rng(0).uniform(-1, 1, (1, 64)))
    dgm("encode", models / "other", path, "--out", "codes").ok()
    dgm("decode", "drums-vae", "codes/other_hit.safetensors").failed("made with weights")
    np.save("z.npy", np.zeros((3, 1), np.float32))
    dgm("decode", "drums-vae", "z.npy").failed("3 x 1", "64 x 1")
    np.save("nan.npy", np.full((64, 1), np.nan, np.float32))
    dgm("decode", "drums-vae", "nan.npy").failed("norm nan")
    dgm("decode", "drums-vae", "nowhere.npy").failed("nowhere.npy", "No such file")
    dgm("encode", "drums-vae", "nowhere.wav").failed("nowhere.wav")
    assert not Path("out").exists() or not files()
