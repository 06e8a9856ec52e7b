"""sample, interpolate, encode, decode, recall: the contracts that scripts rely on."""

import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dgm_audio
from dgm_audio.io import probe, read_audio, write_audio
from dgm_audio.recipe import Recipe, read_recipe


def files(folder="out"):
    return sorted(path.name for path in Path(folder).iterdir())


def sounds(folder="out"):
    return sorted(Path(folder).glob("*.wav"))


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


def test_a_model_folder_named_model_is_called_by_its_run(dgm, models):
    shutil.copytree(models / "flow", "runs/mine/model")
    dgm("sample", "runs/mine/model", "-n", 1, "--seed", 1).ok()
    assert files()[0].startswith("mine_seed1_000")


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


def test_what_is_no_model_is_named(dgm, models):
    dgm("sample", "drum-vae").failed("'drum-vae'", "did you mean 'drums-vae'")
    dgm("sample", "./nowhere").failed("nowhere", "does not exist")
    if not torch.cuda.is_available():
        dgm("sample", "--device", "cuda").failed("cuda", "use 'cpu'")


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


# --- interpolate ---------------------------------------------------------------------------------


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


# --- encode and decode ---------------------------------------------------------------------------


def test_encode_writes_latents_and_reconstruction_and_tells_the_error(dgm, models, record):
    path = record("hit.wav", 0.8 * np.random.default_rng(0).uniform(-1, 1, (1, 500)))
    result = dgm("encode", models / "flow", path, "--json").ok()
    made = result.json
    assert made["error_db"] < 0.5 and made["shape"] == [1, 4, 125]
    assert made["condition"]["class"] in ("low", "high")  # a flow inverts with either
    assert made["seconds"] == 500 / 8000
    assert files()[:3] == ["flow_hit.safetensors", "flow_hit.wav", "flow_hit_sheet.png"]
    again = dgm("encode", models / "flow", path, "--out", "text").ok()
    assert f"class {made['condition']['class']} fits best" in again.err
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


# --- recall --------------------------------------------------------------------------------------


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
        write_audio(name, audio, rate, subtype=subtype, recipe=read_recipe(sounds()[0]))
        result = dgm("recall", name, "--out", "again", "--json").ok()
        assert probe(result.json["file"]).subtype == subtype


def test_recall_needs_the_very_weights_and_version(dgm, models):
    dgm("sample", models / "other", "-n", 1, "--seed", 1).ok()
    path = sounds()[0]
    dgm("recall", path, "--out", "a").failed("'other'", "drums-vae", "--model PATH")
    dgm("recall", path, "--out", "a", "--model", "drums-vae").failed("weights", "--model")
    dgm("recall", path, "--out", "a", "--model", models / "other").ok()
    recipe = read_recipe(path)
    old = Recipe("drums-vae", recipe.weights, "0.0.1", recipe.call, recipe.parameters)
    write_audio("old.wav", torch.zeros(1, 64), 8000, recipe=old)
    dgm("recall", "old.wav").failed("0.0.1", dgm_audio.__version__)


def test_recall_of_what_has_no_recipe(dgm, record):
    plain = record("plain.wav", np.zeros((1, 10)))
    Path("text.wav").write_text("no sound")
    dgm("recall", plain).failed("plain.wav", "no recipe")
    dgm("recall", "text.wav").failed("text.wav")
    dgm("recall", "nowhere.wav").failed("nowhere.wav", "No such file")
    assert not Path("out").exists()


def test_recall_never_loads_a_path_out_of_a_recipe(dgm, models):
    path = str(models / "other")
    recipe = Recipe(path, "0" * 64, dgm_audio.__version__, "sample", {})
    write_audio("evil.wav", torch.zeros(1, 64), 8000, recipe=recipe)
    dgm("recall", "evil.wav").failed("does not come with this installation")


def test_recall_does_not_replace_the_file_itself(dgm):
    dgm("sample", "-n", 1, "--seed", 1).ok()
    before = sounds()[0].read_bytes()
    dgm("recall", sounds()[0]).failed("exists already")
    dgm("recall", sounds()[0], "--overwrite").ok()
    assert sounds()[0].read_bytes() == before
