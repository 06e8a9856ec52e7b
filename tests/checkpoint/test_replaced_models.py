"""Nothing is lost: saving over a model, beside other files, on a full disk, until it is killed."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import ToyFactor, ToyFactorConfig, ToyFlow

from dgm_audio import model_folder
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.errors import CheckpointError, ConfigError
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import HEADER


def same_sound(a: AudioGenerator, b: AudioGenerator) -> bool:
    return torch.equal(a.sample(2, seed=1), b.sample(2, seed=1))


def test_an_earlier_model_is_replaced(folder: Path) -> None:
    other = ToyFactor(ToyFactorConfig())
    assert save_model(other, folder) == folder
    assert same_sound(load_model(folder, "cpu"), other)
    assert os.listdir(folder.parent) == ["model"]


def test_other_files_are_never_deleted(folder: Path, flow: ToyFlow, tmp_path: Path) -> None:
    (folder / "thesis.txt").touch()
    with pytest.raises(CheckpointError, match=r"holds other files than a model's \(thesis.txt\)"):
        save_model(flow, folder)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match="is a file; a model is saved as a folder"):
        save_model(flow, tmp_path / "file")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_model(flow, tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "mine" and (folder / "thesis.txt").exists()


def test_a_header_that_could_not_be_read_is_not_written(folder: Path, flow: ToyFlow) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    wrong: list[dict[str, Any]] = [{"loss": float("nan")}, {"x": object()}, {"x": "y" * 2**20}]
    for metrics in wrong:
        with pytest.raises(ConfigError, match=HEADER):
            save_model(flow, folder, metrics=metrics)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert os.listdir(folder.parent) == ["model"]


@pytest.mark.fault(20)
@pytest.mark.parametrize("failing", ["write_bytes", "write_text", "fsync", "rename"])
def test_20_a_full_disk_leaves_the_old_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    rename = Path.rename

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    def rename_new(self: Path, target: Path) -> Path:
        return full() if self.name.endswith(".new") else rename(self, target)  # type: ignore

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, failing, rename_new if failing == "rename" else full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        save_model(ToyFactor(ToyFactorConfig()), folder)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert os.listdir(folder.parent) == ["model"]


@pytest.mark.fault(19)
def test_a_save_killed_between_the_renames_is_recovered(folder: Path, flow: ToyFlow) -> None:
    old = folder.with_name(".model.old")
    folder.rename(old)
    model = load_model(folder, "cpu")
    assert same_sound(model, flow) and model.name == "model"
    save_model(ToyFactor(ToyFactorConfig()), folder)
    assert os.listdir(folder.parent) == ["model"]


@pytest.mark.fault(19)
def test_19_a_save_killed_at_any_moment_leaves_a_complete_model(
    tmp_path: Path, figure: Callable[[str, float, str], None]
) -> None:
    """One hundred times: a process that saves two models in turn is killed, then loading works."""
    script = """
        import os, random, signal, sys, time
        from pathlib import Path
        import torch
        torch.set_num_threads(1)
        from toys import ToyFactor, ToyFactorConfig
        from dgm_audio.checkpoint import load_model, save_model
        folder = Path(sys.argv[1]) / "model"
        models = [ToyFactor(ToyFactorConfig(length=n)) for n in (8, 1024)]
        start = time.monotonic()
        for model in models * 2:
            save_model(model, folder)
        longest = 1.2 * (time.monotonic() - start) / 2  # two saves, and a little more
        rng, seen = random.Random(0), []
        for number in range(100):
            if number % 10 == 9 and len(set(seen)) == 1:
                longest *= 2  # the machine is busier than it was
            child = os.fork()
            if child == 0:
                signal.alarm(10)  # ends a child whose parent is gone
                while True:
                    for model in models:
                        save_model(model, folder)
            time.sleep(rng.uniform(0, longest))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            seen.append(load_model(folder, "cpu", family=ToyFactor).config.length)
        print(len(seen), *sorted(set(seen)))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    environment["PYTHONPATH"] += os.pathsep + str(Path(model_folder.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    survived, *lengths = map(int, run.stdout.split())
    assert survived == 100 and lengths == [8, 1024], "the children did save"
    figure("kills survived", survived, "of 100")
