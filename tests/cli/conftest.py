"""Models of a plugin, installed as a package manager would, and the command line in this process.

One of the models poses as the default one, `drums-vae`, so that these tests need no trained model.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dgm_audio.cli import main

TESTS = Path(__file__).parents[1]

ENTRY_POINTS = """[dgm_audio.generators]
toy-flow = toys:ToyFlow
toy-factor = toys:ToyFactor
toy-chain = toys:ToyChain
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder of site packages with the plugin in it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "toy_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    shutil.copy(TESTS / "toys.py", site)
    return site


@pytest.fixture(scope="session")
def trained(site, tmp_path_factory):
    """Model folders: drums-vae and other (one code per clip), flow (streams), factor."""
    from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

    from dgm_audio.checkpoint import save_model

    folder = tmp_path_factory.mktemp("models")
    shot = ToyFlowConfig(length=64, streams=False, classes=("kick", "snare"))
    record = {"dataset": "nobody's", "manifest_sha256": "0" * 64, "license": "cc0-1.0"}
    save_model(ToyFlow(shot), folder / "drums-vae", data=record, seed=3)
    save_model(ToyFlow(ToyFlowConfig(length=800)), folder / "flow")
    save_model(ToyFactor(ToyFactorConfig(length=80)), folder / "factor")
    other = ToyFlow(shot)
    other.log_scale.data += 0.1
    save_model(other, folder / "other")
    return folder


@pytest.fixture
def models(site, trained, tmp_path, monkeypatch):
    """The model folders, the default one known by name; the working directory is empty."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr("dgm_audio.shipped.shipped_folders", lambda: [trained / "drums-vae"])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return trained


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def failed(self, *words, code=2):
        """One line that says what was wrong, no traceback, nothing on standard output."""
        assert self.code == code, self
        assert self.out == "" and self.err.startswith("dgm-audio: error: ")
        assert self.err.count("\n") == 1, self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, (missing, self.err)

    def ok(self):
        assert self.code == 0, self
        return self


@pytest.fixture
def dgm(models, capsys):
    """Run a command line in this process."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def shell(site, tmp_path):
    """Run `python -m dgm_audio` in a process of its own."""

    def run(*arguments, **options):
        root = str(TESTS.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(site)])}
        environment |= options.pop("env", {})
        command = [sys.executable, "-m", "dgm_audio", *map(str, arguments)]
        options = {"capture_output": True, "text": True, "timeout": 120, **options}
        if "stdout" in options:
            options |= {"capture_output": False, "stderr": subprocess.PIPE}
        done = subprocess.run(command, env=environment, cwd=tmp_path, check=False, **options)
        return Result(done.returncode, done.stdout or "", done.stderr)

    return run


@pytest.fixture
def record(tmp_path):
    """Write a sound file."""

    def write(name, samples, rate=8000):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.asarray(samples, np.float32).T, rate, subtype="FLOAT")
        return path

    return write
