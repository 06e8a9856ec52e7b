"""What the notes' recipe says of its models, by the data set that they were trained on."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.sets import notes, nsynth
from dgm_audio.io import write_audio

RECIPE = Path(__file__).parents[2] / "recipes" / "notes.py"
PITCHES = (30, 40, 50)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """The script, which trains nothing, and what it would publish; with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = spec_from_file_location("notes_recipe", RECIPE)
    assert spec is not None and spec.loader is not None
    module, said = module_from_spec(spec), {}
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "train_and_publish", lambda *_, **given: said.update(given))
    return module, said


def sound(path, seed):
    write_audio(path, 0.5 * np.random.default_rng(seed).uniform(-1, 1, (1, 8000)), 16000)


def rendered(home):
    """Three notes of a preset that no split knows."""
    entries = [Entry(f"piano/{p}.wav", "piano", "Sine", pitch=float(p)) for p in PITCHES]
    for seed, entry in enumerate(entries):
        sound(home / entry.path, seed)
    (home / "omitted.csv").write_text("")
    Manifest(home, tuple(entries)).to_csv(home / "notes.csv")


def recorded(home):
    """Three notes in NSynth's layout."""
    table = {
        f"reed_acoustic_0-{pitch:03}-050": {
            "instrument_str": "reed_acoustic_0",
            "instrument_family_str": "reed",
            "pitch": pitch,
        }
        for pitch in PITCHES
    }
    for seed, name in enumerate(table):
        sound(home / nsynth.TRAIN / "audio" / f"{name}.wav", seed)
    (home / nsynth.TRAIN / "examples.json").write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("name", "write", "classes", "held", "licence", "without"),
    [
        (notes.NAME, rendered, notes.FAMILIES, "held for a second", "mit", "no preset is unseen"),
        (
            nsynth.NAME,
            recorded,
            nsynth.CLASSES,
            "held for three seconds",
            "cc-by-4.0",
            "there is no test set",
        ),
    ],
)
def test_the_card_is_that_of_the_data_set(
    recipe, tmp_path, capsys, name, write, classes, held, licence, without
):
    script, said = recipe
    write(tmp_path / "data")
    script.main(script.Notes(dataset=name, data=tmp_path / "data"))
    summary, limits, clips = said["summary"], said["limits"], script.CLIPS[name]
    seconds, kilohertz = clips.length / clips.sample_rate, clips.sample_rate / 1000
    assert f" {round(2 * seconds) / 2:g} s at {kilohertz:g} kHz" in summary
    assert "any pitch from 30 to 50" in summary and f" {len(classes)} families" in summary
    assert held in limits and ("soundfont" in limits) == (name == notes.NAME)
    assert ("Nothing above 8 kHz" in limits) == (clips.sample_rate == 16000)
    assert (said["dataset"], said["licences"]) == (name, [licence])
    assert without in capsys.readouterr().out.splitlines()
