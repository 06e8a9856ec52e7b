"""The example of a plugin, installed by pip: trained, evaluated and published from outside."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import dgm_audio
from dgm_audio import cache_folder, registry
from dgm_audio.registry import get_family, get_task, list_families

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


def test_it_is_a_family_like_those_of_the_package(installed):
    family, task = get_family("ppca"), get_task("ppca")
    assert {family.__module__, task.__module__} == {
        "dgm_audio_ppca.model",
        "dgm_audio_ppca.training",
    }
    info = next(info for info in list_families() if info.name == "ppca")
    assert info.package == "dgm_audio_ppca 1.0" and info.encode and not info.log_prob


def test_the_command_line_trains_evaluates_and_plays_it(dgm, installed, recordings):
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


def test_it_goes_on_and_starts_from_itself(dgm, installed, recordings):
    words = ["--family", "ppca", "--sample-rate", RATE, "--seconds", 0.1, "--device", "cpu"]
    dgm("train", recordings, *words, "--steps", 2, "--out", "run").ok()
    result = dgm("train", recordings, "--resume", "--steps", 4, "--out", "run").ok()
    assert "goes on at step 2" in result.err
    dgm("train", recordings, *words, "--steps", 2, "--start", "run/model", "--out", "other").ok()
