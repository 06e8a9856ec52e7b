"""The example of a plugin, installed by pip: trained, evaluated and published from outside."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import dgm_audio
from dgm_audio import cache_folder, registry
from dgm_audio.cli.demo import demo_package
from dgm_audio.data.own_folder import clip_config, folder_splits
from dgm_audio.registry import get_family, get_task, list_families
from dgm_audio.release.publish import ModelEvaluation, publish

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
RATE = 8000


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder that pip has installed the example to; what it needs is there already."""
    folder = tmp_path_factory.mktemp("packages")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", folder]
    command = [sys.executable, "-m", "pip", "install", *options, EXAMPLE]
    subprocess.run([*map(str, command)], check=True)
    return folder


@pytest.fixture
def installed(packages, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setattr(cache_folder, "default_cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(registry, "_warned", set())
    yield
    for name in [name for name in sys.modules if name.startswith("dgm_audio_ppca")]:
        del sys.modules[name]


@pytest.fixture
def recordings(record, tmp_path):
    """Decaying tones of one phase in noise, low and high."""
    rng, time = np.random.default_rng(0), np.arange(800) / RATE
    for index in range(240):
        label, hertz = ("low", 200) if index % 2 else ("high", 1000)
        hertz *= rng.uniform(0.9, 1.1)
        sound = np.sin(2 * np.pi * hertz * time) * np.exp(-rng.uniform(20, 60) * time)
        sound = 0.8 * sound + 0.05 * rng.standard_normal(800)
        record(f"sounds/{label}/{index}.wav", sound[None], RATE)
    return tmp_path / "sounds"


def published(folder, to, recordings):
    """The card of a model, published with a report that is made here."""
    splits = folder_splits(recordings, clip_config(recordings, RATE, 0.1), False, 0, progress=False)
    found = ModelEvaluation("the report", {"mmd_texture": 0.5, "ci": {"mmd_texture": [0.4, 0.6]}})
    publish(
        folder,
        to,
        splits,
        found,
        summary="A plugin's model.",
        commands={"train": "dgm-audio train sounds --family ppca --out runs/ppca"},
        limits="Tones.",
        dataset="nobody's",
        licences=["cc0-1.0"],
    )
    return (to / "README.md").read_text()


def on_the_page(folder, cache):
    """A sound that the demo makes of a model, which is the first of its list."""
    demo_package()
    from dgm_audio._demo.sound_cache import SoundCache
    from dgm_audio._demo.studio import Stop, Studio

    studio = Studio(SoundCache(cache), [str(folder)])
    assert studio.names[0] == folder.name
    settings = {"seed": 1, "index": 0, "temperature": 1.0, "condition": {"class": "low"}}
    length = studio.model(folder.name).audio.length
    return studio.make(studio.recipe(folder.name, "sample", length=length, **settings), Stop())


def test_it_is_a_family_like_those_of_the_package(installed):
    family, task = get_family("ppca"), get_task("ppca")
    assert {family.__module__, task.__module__} == {
        "dgm_audio_ppca.model",
        "dgm_audio_ppca.training",
    }
    info = next(info for info in list_families() if info.name == "ppca")
    assert info.package == "dgm_audio_ppca 1.0" and info.encode and not info.log_prob


def test_it_is_trained_evaluated_played_and_published(dgm, installed, recordings, tmp_path):
    words = ["--steps", 40, "--sample-rate", RATE, "--seconds", 0.1, "--device", "cpu"]
    result = dgm("train", recordings, "--family", "ppca", *words, "--out", "run").ok()
    assert "ppca suits" in result.out and Path("run/curve.png").is_file()
    model = dgm_audio.load("run", device="cpu")
    assert model.family == "ppca" and model.condition.fields["class"].names == ("high", "low")

    report = dgm("evaluate", "run/model", "--data", recordings, "-n", 64, "--json").ok().json
    assert report["mmd_texture"] > 0 and len(report["per_class"]) == 2
    assert report["reconstruction_db"] > 0, "it encodes, so that reconstructions are judged"
    for label, hertz in (("low", 200), ("high", 1000)):
        words = ["-n", 1, "--temperature", 0, "--condition", f"class={label}", "--out", label]
        dgm("sample", "run/model", *words).ok()
        (path,) = Path(label).glob("*.wav")
        peak = np.abs(np.fft.rfft(soundfile.read(path)[0], 800)).argmax() * RATE / 800
        assert abs(peak / hertz - 1) < 0.1

    card = published(Path("run/model"), tmp_path / "ppca-tones", recordings)
    assert "runs/ppca" in card and "A plugin's model." in card
    shown = on_the_page(tmp_path / "ppca-tones", tmp_path / "sounds of the page")
    assert shown.seconds == pytest.approx(0.1, abs=0.01)


def test_it_goes_on_and_starts_from_itself(dgm, installed, recordings):
    words = ["--family", "ppca", "--sample-rate", RATE, "--seconds", 0.1, "--device", "cpu"]
    dgm("train", recordings, *words, "--steps", 2, "--out", "run").ok()
    result = dgm("train", recordings, "--resume", "--steps", 4, "--out", "run").ok()
    assert "goes on at step 2" in result.err
    dgm("train", recordings, *words, "--steps", 2, "--start", "run/model", "--out", "other").ok()


@pytest.mark.parametrize("name", ["test_it_keeps_the_interface", "test_training_learns"])
def test_its_own_tests_pass(installed, name):
    own = runpy.run_path(str(EXAMPLE / "tests" / "test_ppca.py"))
    assert sum(key.startswith("test_") for key in own) == 2, "all of them are named here"
    own[name]()


def test_it_is_short_enough_to_copy():
    files = [*EXAMPLE.glob("dgm_audio_ppca/*.py"), *EXAMPLE.glob("tests/*.py")]
    lines = sum(len(path.read_text().splitlines()) for path in files)
    assert len(files) == 4 and lines < 150
    assert f"tests in\n{lines} lines" in (EXAMPLE.parents[1] / "README.md").read_text()
