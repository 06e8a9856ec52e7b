"""The recipe of music in this process, with a small model and short clips."""

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from dgm_audio import cache_folder
from dgm_audio.data.sets import hold_music, home_music, music
from dgm_audio.evaluation import validation
from dgm_audio.families.vae_stream import training as vae_stream
from dgm_audio.families.vae_stream.model import StreamConfig
from dgm_audio.io import write_audio
from dgm_audio.shipped import load
from dgm_audio.training import monitor, precision

RECIPES = Path(__file__).parents[2] / "recipes"
RATE = 8000


def small_config(task, clips):
    return StreamConfig(
        sample_rate=clips.sample_rate,
        channels=clips.audio.shape[1],
        length=clips.audio.shape[2],
        n_fft=512,
        hop=128,
        width=16,
        latent=4,
        prior=8,
        encoder=(1, 1),
        decoder=(1, 1),
    )


@pytest.fixture(autouse=True)
def small_and_at_home(monkeypatch, tmp_path):
    monkeypatch.setattr(cache_folder, "default_cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(vae_stream.StreamTask, "config_for", small_config)
    monkeypatch.setattr(vae_stream, "PIECE", 12)
    monkeypatch.setattr(vae_stream, "WINDOWS", (1024, 256))
    monkeypatch.setattr(vae_stream, "BAND_WINDOWS", (128,))
    monkeypatch.setattr(precision, "_fast_bfloat16", lambda: False)
    monkeypatch.setattr(validation, "MAX_SECONDS", 10)
    monkeypatch.setattr(monitor, "SOUNDS", 1)


@pytest.fixture
def recipe(monkeypatch):
    """A recipe script as a module, by its name."""

    def imported(name):
        spec = spec_from_file_location(f"{name}_recipe", RECIPES / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return imported


def write_chords(path, seed, seconds, rate=RATE, channels=2):
    """Struck chords whose channels differ."""
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    tones = np.sin(2 * np.pi * rng.uniform(100, 2000, (6, 1)) * time) * np.exp(-6 * (time % 0.5))
    sides = [tones[:4].sum(0), tones[2:].sum(0)][:channels]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, 0.1 * np.stack(sides), rate)


@pytest.fixture
def tracks(tmp_path):
    """Some of Wesnoth's tracks on all sides, of three seconds each."""
    trained = ("battle", "knolls", "sad", "wanderer")
    for seed, name in enumerate((*trained, *music.HELD_OUT, *music.UNSEEN)):
        write_chords(tmp_path / "music" / f"{name}.ogg", seed, 3)
    return tmp_path / "music"


@pytest.fixture
def script(recipe, monkeypatch):
    """The recipe of music with clips of half a second at 8 kHz."""
    module = recipe("music")
    short = replace(music.CLIPS, sample_rate=RATE, length=RATE // 2)
    monkeypatch.setitem(module.CLIPS, music.NAME, short)
    return module


def test_music_becomes_a_model_that_is_published(script, tmp_path, tracks, capsys):
    shown = tmp_path / "shown" / "music"
    args = script.Music(data=tracks, steps=5, out=tmp_path / "run", publish=shown)
    assert args.training.evaluations == 10
    script.main(args)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "4 recordings, 0.2 min, 24 clips to train on"
    assert said[1].endswith("12 clips for validation") and said[2].endswith("18 clips for test")
    assert said[3].endswith("24 clips unseen")
    model = load(str(shown), device="cpu")
    assert model.family == "vae-stream" and model.audio.channels == 2
    card = (shown / "README.md").read_text()
    assert "python recipes/music.py --family vae-stream --steps 5`" in card
    assert "benchmarks/stream.py" in card and "gpl-2.0" in card
    assert not model.sample(1, seconds=5).isnan().any()


def test_sheets_show_each_recording_once(script, tmp_path, tracks, monkeypatch):
    titles = []
    monkeypatch.setattr(
        script,
        "label_sheets",
        lambda clips, out, words: titles.extend(words(row)[0] for row in range(len(clips))),
    )
    script.main(script.Music(data=tracks, out=tmp_path / "run", sheets=True))
    assert titles == ["battle", "knolls", "sad", "wanderer"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "words", "licence"),
    [
        (music.NAME, "Wesnoth", "gpl-2.0"),
        (hold_music.NAME, "on hold", "cc-by-sa-3.0"),
        (home_music.MAESTRO, "Piano", "cc-by-nc-sa-4.0"),
        (home_music.GTZAN, "ten genres", "unknown"),
    ],
)
def test_the_card_is_that_of_the_data_set(
    recipe, tmp_path, tracks, monkeypatch, name, words, licence
):
    script, said = recipe("music"), {}
    asked = []

    def splits(dataset, config, folder):
        asked.append((dataset, folder))
        return music.track_splits(loaded)

    loaded = music_clips(tracks)
    monkeypatch.setattr(script, "named_splits", splits)
    monkeypatch.setattr(script, "train_and_publish", lambda *_, **given: said.update(given))
    args = script.Music(dataset=name, data=tracks)
    script.main(args)
    clips = script.CLIPS[name]
    assert asked == [(name, tracks)] and clips.seconds == 20 and clips.normalize == "none"
    kilohertz = f"{clips.sample_rate / 1000:g} kHz"
    assert words in said["summary"] and kilohertz in said["summary"]
    assert ("stereo" in said["summary"]) == (clips.channels == 2)
    assert (said["dataset"], said["licences"]) == (name, [licence])
    assert (f"--dataset {name}" in args.command("x")) == (name != music.NAME)


def music_clips(folder):
    from dgm_audio.data.windows import load_as_recorded

    config = replace(music.CLIPS, sample_rate=RATE, length=RATE)
    return load_as_recorded(music.track_manifest(folder), config, progress=False)


@pytest.mark.parametrize("files", [1, 6])
def test_own_recordings_are_taken_whole(recipe, tmp_path, files, capsys):
    script = recipe("own_recordings")
    for seed in range(files):
        write_chords(tmp_path / "mine" / f"{seed}.wav", seed, 60 / files)
    out = tmp_path / "run"
    script.main(
        script.OwnRecordings(folder=tmp_path / "mine", out=out, family="vae-stream", budget="1s")
    )
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("vae-stream suits ")
    assert ("held out as a whole: " if files == 6 else " s); what lies beside") in said[2]
    assert said[-1].startswith(
        ("play it: dgm-audio sample", "listen to it all the same: dgm-audio sample")
    )
    model = load(str(out / "model"), device="cpu")
    assert (model.audio.sample_rate, model.audio.channels) == (RATE, 2)
    assert (out / "samples.png").stat().st_size > 1000
