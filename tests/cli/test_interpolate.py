"""interpolate: between seeds and files, from end to end."""

from pathlib import Path

import numpy as np
import pytest
import torch

import dgm_audio
from dgm_audio.io import read_audio

from .made import files, sounds


def test_interpolate_between_seeds(dgm, models):
    words = ["--from", 1, "--to", "2:3", "--steps", 4, "--condition", "class=high"]
    made = dgm("interpolate", models / "flow", *words, "--json").ok().json
    assert files()[0] == "flow_seed1-to-seed2-3_000_high-gain-1.wav"
    model = dgm_audio.load(models / "flow", device="cpu")
    ends = model.noise(1, seed=1), model.noise(1, seed=2, first=3)
    batch = model.interpolate(*ends, 4, {"class": "high"})
    for item, wanted in zip(made["sounds"], batch, strict=True):
        torch.testing.assert_close(read_audio(item["file"])[0], wanted, atol=2**-15, rtol=0)


def test_interpolate_starts_and_ends_with_the_sounds_of_sample(dgm):
    dgm("sample", "-n", 4, "--seed", 7, "--condition", "class=snare", "--out", "s").ok()
    words = ["--from", "7:1", "--to", "7:3", "--steps", 3, "--condition", "class=snare"]
    dgm("interpolate", "drums-vae", *words, "--out", "i").ok()
    ends = [read_audio(sounds("i")[index])[0] for index in (0, 2)]
    assert ends[0].equal(read_audio(sounds("s")[1])[0])
    assert ends[1].equal(read_audio(sounds("s")[3])[0])


def test_interpolate_from_a_file_starts_with_its_sound(dgm, models, record):
    x = 0.5 * np.random.default_rng(0).uniform(-1, 1, (1, 700))
    path = record("my hit.wav", x)
    words = ["--from", path, "--to", 4, "--steps", 3, "--condition", "class=low"]
    result = dgm("interpolate", models / "flow", *words).ok()
    assert "latents-" in result.err and "keep it with the sounds" in result.err
    first, _ = read_audio(sounds()[0])
    assert sounds()[0].name == "flow_my-hit-to-seed4_000_low-gain-1.wav"
    np.testing.assert_allclose(first.numpy(), x, atol=1e-3)


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["--from", "1", "--to", "nowhere.wav"], ["'nowhere.wav'", "neither a seed"]),
        (["--from", "-1", "--to", "2"], ["'-1'", "neither a seed"]),
        (["--from", "1", "--to", str(2**64)], ["seed is"]),
        (["--from", "1", "--to", "2", "--steps", "1"], ["--steps is 1"]),
        (["--from", "1", "--to", "text.wav"], ["text.wav"]),
    ],
)
def test_wrong_ends_are_named(dgm, words, problems):
    Path("text.wav").write_text("no sound")
    dgm("interpolate", "drums-vae", *words).failed(*problems)
    assert files(".") == ["text.wav"]


def test_each_file_keeps_its_own_class_and_the_way_changes_it_in_the_middle(dgm, record, tmp_path):
    from toys import ToyFlow, ToyFlowConfig

    from dgm_audio.checkpoint import save_model

    model = ToyFlow(ToyFlowConfig(hop=1, length=64))
    with torch.no_grad():
        model.bias.copy_(torch.tensor([[-0.5], [0.5]]))
    save_model(model, tmp_path / "apart")
    ends = [
        record(f"{name}.wav", model.sample(1, condition={"class": name}, seed=0)[0])
        for name in ("high", "low")
    ]
    words = ["--from", ends[0], "--to", ends[1], "--steps", 4, "--json"]
    result = dgm("interpolate", tmp_path / "apart", *words).ok()
    classes = [item["condition"]["class"] for item in result.json["sounds"]]
    assert classes == ["high", "high", "low", "low"]
    for name in ("high", "low"):
        assert f"{name}: class {name} is likeliest" in result.err
    words += ["--condition", "class=low", "--overwrite", "--out", "given"]
    given = dgm("interpolate", tmp_path / "apart", *words).ok().json["sounds"]
    assert {item["condition"]["class"] for item in given} == {"low"}
