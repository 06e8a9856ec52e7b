"""The recipe scripts end to end, as a user starts them, on a few seconds of audio."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.io import write_audio
from dgm_audio.shipped import load

RECIPES = Path(__file__).parents[2] / "recipes"


def run(tmp_path, name, *arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, str(RECIPES / name), *map(str, arguments)]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(24):
        t = np.arange(rng.integers(1500, 4000)) / 16000
        tone = np.sin(2 * np.pi * rng.uniform(80, 900) * t)
        sound = (tone if index % 2 else rng.standard_normal(len(t))) * np.exp(-20 * t)
        folder = tmp_path / "sounds" / ("low" if index % 2 else "hiss")
        write_audio(folder / f"{index}.wav", 0.9 * sound / np.abs(sound).max(), 16000)
    return tmp_path / "sounds"


def test_own_recordings_become_a_model_that_plays(tmp_path, sounds):
    done = run(tmp_path, "own_recordings.py", sounds, "--budget", "4s", "--out", "run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("MMD to training recordings, lower is better") for line in lines)
    assert lines[-1].endswith("dgm-audio sample run/model -n 8 --out sounds")
    assert (tmp_path / "run" / "verdict.json").is_file() and (tmp_path / "run/curve.png").is_file()
    model = load(str(tmp_path / "run" / "model"), device="cpu")
    assert model.condition.fields["class"].names == ("hiss", "low")
    assert model.sample(1).shape[2] == model.audio.length
    assert (tmp_path / "run" / "samples.png").stat().st_size > 1000


@pytest.fixture
def nsynth(tmp_path):
    """A miniature in NSynth's own layout: two instruments in each part."""
    rng, table = np.random.default_rng(0), {}
    for part, count in (("nsynth-train", 12), ("nsynth-valid", 8), ("nsynth-test", 8)):
        table.clear()
        for index in range(count):
            family, pitch = ("reed", "organ")[index % 2], 40 + 3 * index
            name = f"{family}_acoustic_{part[-4:]}-{pitch:03}-050"
            table[name] = {
                "instrument_str": f"{family}_acoustic_{part[-4:]}",
                "instrument_family_str": family,
                "pitch": pitch,
            }
            phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * np.arange(16000) / 16000
            orders = (1, 3, 2)[: 2 + index % 2]
            tone = sum(np.sin(k * phase) * rng.uniform(0.2, 1) / k for k in orders)
            write_audio(tmp_path / "data" / part / "audio" / f"{name}.wav", 0.5 * tone, 16000)
        (tmp_path / "data" / part / "examples.json").write_text(json.dumps(table))
    return tmp_path / "data"


def test_notes_become_an_instrument_that_is_published(tmp_path, nsynth, monkeypatch):
    """Two steps do not make an instrument; its card, its conditions and its pitch are there.

    Without the tracker of pitch, which would listen to five hundred notes.
    """
    (tmp_path / "without" / "swift_f0").mkdir(parents=True)
    (tmp_path / "without/swift_f0/__init__.py").write_text("raise ImportError(name='swift_f0')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    arguments = ("--dataset", "nsynth", "--data", nsynth, "--steps", "2", "--out", "run")
    done = run(tmp_path, "notes.py", *arguments, "--publish", "shown/notes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("28 notes of 6 instruments in 11 families: 12 to")
    model = load(str(tmp_path / "shown" / "notes"), device="cpu")
    assert {"organ", "reed"} < set(model.condition.fields["instrument"].names)
    assert model.condition.fields["pitch"].low == 40
    card = (tmp_path / "shown" / "notes" / "README.md").read_text()
    assert "--dataset nsynth" in card and "label accuracy" in card and "samples.png" in card


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("drums.py", "drumkit.xml"),
        ("speech.py", "unpacked asterisk-core-sounds-en-g722"),
        ("notes.py", "expected notes by render_notes"),
        ("music.py", "expected unpacked wesnoth-1.16-music"),
    ],
)
def test_a_recipe_says_what_it_expects(tmp_path, name, expected):
    done = run(tmp_path, name, "--data", tmp_path / "nothing")
    assert done.returncode != 0
    assert expected in done.stderr.splitlines()[-1]


def test_recipes_are_short_and_never_imported():
    package = Path(__file__).parents[2] / "dgm_audio"
    for recipe in RECIPES.glob("*.py"):
        assert len(recipe.read_text().splitlines()) <= 200
        texts = (path.read_text() for path in package.rglob("*.py"))
        assert not any(f"recipes.{recipe.stem}" in text for text in texts)


def test_the_checkpoints_were_made_as_their_config_says():
    for config in (Path(__file__).parents[2] / "checkpoints").glob("*/config.json"):
        header = json.loads(config.read_text())
        assert header["recipe"]["step"] > 0
        clips = header["data"]["clips"]  # of models of before "test": "train", "heldout", "unseen"
        assert clips.get("test", clips.get("heldout", 0)) > 0
        judged_by = "pesq" if header["config"].get("vocoder") else "two_sample_auc"
        assert header["metrics"][judged_by] is not None
