"""sample: names, seeds, options and errors that scripts rely on."""

import math
import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import dgm_audio
from dgm_audio.io import probe, read_audio

from .made import files, sounds


def test_sample_without_arguments_makes_eight_sounds_and_a_sheet(dgm):
    result = dgm("sample").ok()
    seed = re.search(r"--seed (\d+) makes the same sounds again", result.out)[1]
    assert [path.name for path in sounds()] == [
        f"drums-vae_seed{seed}_{index:03d}_{'snare' if index % 2 else 'kick'}-gain-1.wav"
        for index in range(8)
    ]
    sheet = f"drums-vae_seed{seed}_sheet.png"
    assert files()[-1] == sheet
    with Image.open(f"out/{sheet}") as page:
        assert page.size[0] > 1000
    assert all(f"out/{name}" in result.out for name in files())
    assert result.err == ""


def test_two_runs_draw_two_seeds_and_both_stay(dgm):
    dgm("sample", "-n", 1).ok()
    dgm("sample", "-n", 1).ok()
    assert len(files()) == 4


def test_every_option_of_the_contract(dgm, models):
    words = ["-n", 2, "--seconds", 0.05, "--seed", 5, "--temperature", 0.5]
    words += ["--condition", "class=low", "--condition", "gain=2", "--out", "x/y"]
    result = dgm("sample", models / "flow", *words, "--device", "cpu", "--overwrite", "--json").ok()
    made = result.json
    assert made["model"] == "flow" and made["seed"] == 5 and made["sample_rate"] == 8000
    assert [Path(item["file"]).name for item in made["sounds"]] == [
        "flow_seed5_000_low-gain-2.wav",
        "flow_seed5_001_low-gain-2.wav",
    ]
    assert {Path(item["file"]).name for item in made["sounds"]} | {Path(made["sheet"]).name} == set(
        files("x/y")
    )
    model = dgm_audio.load(models / "flow", device="cpu")
    condition = {"class": "low", "gain": 2.0}
    batch = model.sample(2, seconds=0.05, seed=5, temperature=0.5, condition=condition)
    for item, wanted in zip(made["sounds"], batch, strict=True):
        sound, rate = read_audio(item["file"])
        assert rate == 8000 and item["condition"] == condition and item["seconds"] == 0.05
        torch.testing.assert_close(sound, wanted, atol=2**-15, rtol=0)
        assert item["peak_dbfs"] == pytest.approx(20 * math.log10(wanted.abs().max()), abs=0.01)


def test_a_sound_does_not_depend_on_how_many_there_are(dgm):
    dgm("sample", "-n", 5, "--seed", 1, "--condition", "class=kick", "--out", "five").ok()
    dgm("sample", "-n", 2, "--seed", 1, "--condition", "class=kick", "--out", "two").ok()
    for path in sounds("two"):
        assert path.read_bytes() == Path("five", path.name).read_bytes()


def test_the_same_seed_makes_the_same_files(dgm):
    for folder in ("a", "b"):
        dgm("sample", "-n", 3, "--seed", 9, "--out", folder).ok()
    assert files("a") == files("b")
    assert all(Path("a", name).read_bytes() == Path("b", name).read_bytes() for name in files("a"))


@pytest.mark.parametrize("said", ["runs/mine/model", "runs/mine"])
def test_a_run_is_found_by_its_folder_and_its_model_called_by_the_run(dgm, models, said):
    shutil.copytree(models / "flow", "runs/mine/model")
    dgm("sample", said, "-n", 1, "--seed", 1).ok()
    assert files()[0].startswith("mine_seed1_000")
    dgm("recall", sounds()[0], "--model", said, "--out", "again").ok()
    dgm("sample", "runs").failed("runs")


@pytest.mark.fault(29, 30)
@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["-n", 0], ["-n is 0", "1 to"]),
        (["-n", 10**9], ["-n is 1000000000"]),
        (["--seed", -1], ["seed is -1"]),
        (["--seed", 2**64], ["seed is"]),
        (["--seconds", 0], ["seconds is 0"]),
        (["--seconds", "nan"], ["seconds is nan"]),
        (["--seconds", 1e9], ["seconds is 1000000000"]),
        (["--temperature", -1], ["temperature is -1"]),
        (["--temperature", "inf"], ["temperature is inf"]),
        (["--condition", "kick"], ["'kick'", "class=kick"]),
        (["--condition", "class="], ["'class='"]),
        (["--condition", "class=kik"], ["'kik'", "kick, snare"]),
        (["--condition", "clas=kick"], ["'clas'", "class, gain"]),
        (["--condition", "gain=9"], ["gain", "0.5 to 2"]),
        (["--condition", "class=kick", "--condition", "class=snare"], ["twice"]),
        (["--out", "file/deeper"], ["file is a file"]),
        (["--out", "/proc/nowhere/deep"], ["/proc"]),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(dgm, words, problems):
    Path("file").write_text("mine")
    dgm("sample", *words).failed(*problems)
    assert files(".") == ["file"]


@pytest.mark.fault(30)
def test_what_is_no_model_is_named(dgm, models):
    dgm("sample", "drum-vae").failed("'drum-vae'", "did you mean 'drums-vae'")
    dgm("sample", "./nowhere").failed("nowhere", "does not exist")
    if not torch.cuda.is_available():
        dgm("sample", "--device", "cuda").failed("cuda", "use 'cpu'")


@pytest.mark.fault(30)
def test_existing_files_are_found_before_any_work_and_stand(dgm):
    dgm("sample", "-n", 3, "--seed", 1).ok()
    Path(sounds()[1]).write_text("precious")
    sounds()[0].unlink()
    before = files()
    dgm("sample", "-n", 3, "--seed", 1).failed("_sheet.png", "2 more files", "--overwrite")
    assert files() == before and sounds()[0].read_text() == "precious"
    dgm("sample", "-n", 3, "--seed", 1, "--overwrite").ok()
    assert len(sounds()) == 3 and all(probe(path).frames == 64 for path in sounds())


def test_more_sounds_than_a_sheet_holds(dgm):
    result = dgm("sample", "-n", 65, "--seed", 1, "--json").ok()
    assert len(result.json["sounds"]) == 65
    assert "shows the first 64 of 65" in result.err
