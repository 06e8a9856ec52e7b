import hashlib
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from huggingface_hub import ModelCard
from PIL import Image
from torch import Tensor
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio import model_folder, registry
from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.errors import CheckpointError, ConfigError, InputError
from dgm_audio.fingerprint import verify_fingerprint
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_folder import CARD, CURVE, FILES, HEADER, PICTURE, WEIGHTS


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = {"toy-flow": "toys:ToyFlow", "toy-factor": "toys:ToyFactor"}
    monkeypatch.setattr(registry, "FAMILIES", registry.FAMILIES | toys)


@pytest.fixture
def flow() -> ToyFlow:
    model = ToyFlow(ToyFlowConfig())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    model.steps += 12345
    return model.eval()


@pytest.fixture
def folder(flow: ToyFlow, tmp_path: Path) -> Path:
    return save_model(flow, tmp_path / "model", seed=3)


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the header on the disk."""
    header = json.loads((folder / HEADER).read_text())
    change(header)
    (folder / HEADER).write_text(json.dumps(header))


def write_weights(folder: Path, blob: bytes) -> None:
    """Replace the weights, with a hash that is right."""
    (folder / WEIGHTS).write_bytes(blob)
    edit(folder, lambda header: header.update(weights_sha256=hashlib.sha256(blob).hexdigest()))


def tamper(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    tensors = safetensors.torch.load((folder / WEIGHTS).read_bytes())
    change(tensors)
    write_weights(folder, safetensors.torch.save(tensors))


def message(folder: Path, kind: type[Exception] = CheckpointError) -> str:
    """The one line that loading ends with."""
    with pytest.raises(kind) as error:
        load_model(folder, "cpu")
    text = str(error.value)
    assert "\n" not in text and str(folder) in text
    return text


def same_sound(a: AudioGenerator, b: AudioGenerator) -> bool:
    return torch.equal(a.sample(2, seed=1), b.sample(2, seed=1))


# What is saved comes back ------------------------------------------------------------------------


def test_a_loaded_model_is_the_saved_one(flow: ToyFlow, folder: Path) -> None:
    random_state = torch.get_rng_state()
    model = load_model(folder, "cpu")
    assert torch.equal(torch.get_rng_state(), random_state), "loading is not random"
    assert type(model) is ToyFlow and model.config == flow.config
    for key, value in flow.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)
    assert same_sound(flow, model)
    assert not model.training and all(p.requires_grad for p in model.parameters())
    assert (model.name, model.card_path) == ("model", folder / CARD)
    assert model.weights_hash == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


@pytest.mark.parametrize("half", [False, True])
def test_saving_what_was_loaded_writes_the_same_bytes(
    flow: ToyFlow, tmp_path: Path, half: bool
) -> None:
    first = save_model(flow, tmp_path / "a" / "model", half=half)
    second = save_model(load_model(first, "cpu"), tmp_path / "b" / "model", half=half)
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_half_precision_is_rounded_on_the_disk_only(flow: ToyFlow, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in flow.state_dict().items()}
    path = save_model(flow, tmp_path / "half", half=True)
    assert all(torch.equal(value, before[key]) for key, value in flow.state_dict().items())
    stored = safetensors.torch.load((path / WEIGHTS).read_bytes())
    assert stored["lower"].dtype == torch.float16 and stored["steps"].dtype == torch.int64
    model = load_model(path, "cpu")
    assert torch.equal(model.lower, flow.lower.half().float()) and int(model.steps) == 12345
    assert model.dtype == torch.float32
    assert verify_fingerprint(model) == 0


def test_bfloat16_models_are_saved_without_loss(flow: ToyFlow, tmp_path: Path) -> None:
    model = load_model(save_model(flow.bfloat16(), tmp_path / "model"), "cpu")
    assert torch.equal(model.lower, flow.lower.float())


def test_the_header_says_what_and_from_where(flow: ToyFlow, tmp_path: Path) -> None:
    path = save_model(
        flow,
        tmp_path / "toy",
        recipe={"command": "dgm-audio train x", "budget": "20m"},
        data={"manifest": "ab" * 32, "license": "cc0-1.0", "clips": 12},
        seed=7,
        metrics={"copy_score": 0.5, "ci": {"copy_score": [0.4, 0.6]}},
    )
    header = json.loads((path / HEADER).read_text())
    assert header["format_version"] == 1 and header["family"] == "toy-flow"
    assert header["config"] == {
        "hop": 4, "length": 32, "streams": True, "classes": ["low", "high"]
    }  # fmt: skip
    assert header["seed"] == 7 and header["data"]["clips"] == 12 and header["dtype"] == "float32"
    assert {"dgm_audio", "torch", "python"} == set(header["versions"])
    assert len(header["fingerprint"]["values"]) == 64
    assert sorted(path.iterdir()) == sorted(path / name for name in FILES)


def test_fingerprint_tells_other_weights(folder: Path, flow: ToyFlow) -> None:
    model = load_model(folder, "cpu")
    assert verify_fingerprint(model) == 0
    with torch.no_grad():
        model.bias += 0.01
    with pytest.raises(CheckpointError, match="does not sound as it did when it was saved"):
        verify_fingerprint(model)
    assert verify_fingerprint(model, tolerance=0.1) > 1e-3
    with pytest.raises(CheckpointError, match="has no fingerprint"):
        verify_fingerprint(flow)
    for damaged in ({}, {"length": 32, "peak": 1, "values": [1]}, {"values": ["x"], "peak": 1}):
        model.fingerprint = damaged
        with pytest.raises(CheckpointError, match="the fingerprint of model is"):
            verify_fingerprint(model)


# The card ----------------------------------------------------------------------------------------


def test_the_hub_understands_the_card(flow: ToyFlow, tmp_path: Path) -> None:
    path = save_model(
        flow,
        tmp_path / "toy",
        card="Two sounds: one *low*, one high.\n\nMade for tests.",
        data={"license": ["cc0-1.0", "cc-by-4.0"], "sources": "a | b"},
        metrics={"copy_score": 0.51234, "coverage": 0.9, "ci": {"copy_score": [0.4, 0.6]}},
    )
    card = ModelCard.load(path / CARD)
    assert card.data.license == ["cc0-1.0", "cc-by-4.0"]
    assert card.data.library_name == "dgm_audio" and "toy-flow" in card.data.tags
    assert card.text.lstrip().startswith("# toy\n\nTwo sounds") and "a \\| b" in card.text
    assert "| copy_score | 0.5123 [0.4, 0.6] |" in card.text and "| coverage | 0.9 |" in card.text
    assert "(B, 4, L = ceil(T / 4)); conditions: `class`, `gain`" in card.text


def test_a_card_is_written_without_any_facts_and_a_whole_one_is_kept(
    flow: ToyFlow, tmp_path: Path
) -> None:
    plain = save_model(flow, tmp_path / "plain")
    card = ModelCard.load(plain / CARD)
    assert card.data.license == "unknown" and "A linear flow on frames" in card.text
    assert card.text.count("Not recorded.") == 2 and "Not measured." in card.text
    whole = "---\nlicense: mit\n---\n\n# Mine\n"
    assert (save_model(flow, tmp_path / "whole", card=whole) / CARD).read_text() == whole


# Faults 13 to 17 ---------------------------------------------------------------------------------


def test_13_truncated_and_flipped_weights(folder: Path) -> None:
    good = (folder / WEIGHTS).read_bytes()
    rng = random.Random(0)
    for _ in range(20):
        (folder / WEIGHTS).write_bytes(good[: rng.randrange(len(good))])
        assert WEIGHTS in message(folder)
        flipped = bytearray(good)
        flipped[rng.randrange(8, len(good))] ^= 1 << rng.randrange(8)
        (folder / WEIGHTS).write_bytes(flipped)
        assert f"{WEIGHTS} is damaged" in message(folder)
    (folder / WEIGHTS).write_bytes(good)
    load_model(folder, "cpu")


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_13_truncated_weights_whose_hash_was_made_to_fit(folder: Path, kept: int) -> None:
    write_weights(folder, (folder / WEIGHTS).read_bytes()[:kept])
    assert f"{WEIGHTS} is no valid safetensors file" in message(folder)


def test_13_headers_that_lie_about_sizes(folder: Path) -> None:
    write_weights(folder, (2**60).to_bytes(8, "little") + b"{}")
    assert "no valid safetensors file" in message(folder)
    claim = b'{"lower":{"dtype":"F32","shape":[1000000000,1000000],"data_offsets":[0,4]}}'
    write_weights(folder, len(claim).to_bytes(8, "little") + claim + b"\0" * 4)
    assert "no valid safetensors file" in message(folder)


def test_14_weights_that_do_not_fit(folder: Path) -> None:
    tamper(folder, lambda tensors: tensors.update(extra=torch.zeros(1)))
    assert "extra is unknown" in message(folder)
    tamper(folder, lambda tensors: (tensors.pop("extra"), tensors.pop("bias")))
    assert "bias is missing" in message(folder)
    tamper(folder, lambda tensors: tensors.update(bias=torch.zeros(3, 4)))
    assert "bias has shape (3, 4), expected (2, 4)" in message(folder)
    tamper(folder, lambda tensors: tensors.update(bias=torch.zeros(2, 4).half()))
    assert "bias is torch.float16, expected torch.float32" in message(folder)
    tamper(folder, lambda tensors: tensors.update(bias=torch.zeros(2, 4), steps=torch.zeros(())))
    assert "steps is torch.float32, expected torch.int64" in message(folder)
    for value in (float("nan"), float("inf")):
        bad = torch.full((2, 4), value)
        tamper(
            folder, lambda t, bad=bad: t.update(bias=bad, steps=torch.zeros((), dtype=torch.long))
        )
        assert "bias has NaN or infinite values" in message(folder)


def test_14_the_first_five_of_many_are_named(folder: Path) -> None:
    tamper(folder, lambda tensors: tensors.update({f"x{i}": torch.zeros(1) for i in range(8)}))
    text = message(folder)
    assert all(f"x{i} is unknown" in text for i in range(5)) and text.endswith("; and 3 more")


def test_14_nothing_unsound_is_saved(flow: ToyFlow, tmp_path: Path) -> None:
    with torch.no_grad():
        flow.bias[0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="bias has NaN or infinite values"):
        save_model(flow, tmp_path / "model")
    with torch.no_grad():
        flow.bias[0, 0] = 1e6
    with pytest.raises(CheckpointError, match="bias has NaN or infinite values in float16"):
        save_model(flow, tmp_path / "model", half=True)
    flow.register_buffer("table", torch.zeros(2, dtype=torch.float64))
    with pytest.raises(CheckpointError, match=r"table is torch\.float64, which is never stored"):
        save_model(flow, tmp_path / "model")
    assert not list(tmp_path.iterdir())


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["model.pt", "last.ckpt", "m.pt2", "pytorch_model.bin", "m.pkl"])
@pytest.mark.parametrize("zipped", [False, True])
def test_15_pickles_are_never_executed(
    folder: Path, tmp_path: Path, name: str, zipped: bool
) -> None:
    canary = tmp_path / "canary"
    evil = tmp_path / "evil"
    evil.mkdir()
    if zipped:
        with zipfile.ZipFile(evil / name, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Canary(canary)))
    else:
        (evil / name).write_bytes(pickle.dumps(Canary(canary)))
    for path in (evil, evil / name):
        text = message(path)
        assert "pickle" in text and "save_model(model, folder)" in text
    shutil.copy(folder / HEADER, evil)
    assert "never loaded" in message(evil)
    write_weights(folder, (evil / name).read_bytes())
    text = message(folder)
    assert "is a pickle by content" in text and "save_model(model, folder)" in text
    assert not canary.exists()
    pickle.loads((evil / name).read_bytes()) if not zipped else canary.touch()
    assert canary.exists(), "the pickle would have worked"


def test_16_newer_formats_and_unknown_families(folder: Path) -> None:
    edit(folder, lambda header: header.update(format_version=2, new_key=1))
    assert "format_version is 2; dgm_audio" in message(folder)
    edit(folder, lambda header: (header.update(format_version=1), header.pop("new_key")))
    versions = {"dgm_audio": "0", "torch": "2", "python": "3", "their-plugin": "1.2"}
    edit(folder, lambda header: header.update(family="their-family", versions=versions))
    text = message(folder)
    assert "no family 'their-family'" in text and "saved with their-plugin 1.2: install" in text
    edit(folder, lambda header: header.update(family="toy-flo", versions={}))
    assert "did you mean 'toy-flow'" in message(folder)
    edit(folder, lambda header: header.update(family="os:system"))
    assert "no family 'os:system'" in message(folder)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"hopp": 4}, "config.hopp is unknown; did you mean 'hop'?"),
        ({"hop": "four"}, "config.hop is 'four'; it must be an integer from 1 to 64"),
        ({"hop": -4}, "config.hop is -4"),
        ({"hop": 10**9}, "config.hop is 1000000000"),
        ({"length": -1}, "config.length is -1"),
        ({"length": 10**9}, "config.length is 1000000000"),
        ({"classes": [["a"]]}, "config.classes[0] is ['a']"),
    ],
)
def test_17_wrong_configs_name_the_key(folder: Path, config: dict, expected: str) -> None:
    edit(folder, lambda header: header["config"].update(config))
    assert f"{HEADER}: {expected}" in message(folder, ConfigError)


def test_17_hostile_headers(folder: Path) -> None:
    good = (folder / HEADER).read_text()
    for text in ("[" * 10**6, " " * 50_000_000, good[:-20], good.replace("3", "NaN", 1), "\0"):
        (folder / HEADER).write_text(text)
        assert HEADER in message(folder, ConfigError)
    for text in ("[]", "1", "{}"):
        (folder / HEADER).write_text(text)
        assert HEADER in message(folder)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"extra": 1}, "unknown keys extra"),
        ({"family": 3}, "family is a int; it must be str"),
        ({"config": []}, "config is a list; it must be dict"),
        ({"seed": "0"}, "seed is a str; it must be int or NoneType"),
        ({"seed": True}, "seed is a bool"),
        ({"format_version": 0}, "format_version is 0"),
        ({"format_version": "1"}, "format_version is a str"),
        ({"dtype": "float8"}, "dtype 'float8'; allowed are 1 and float32 or float16"),
        ({"weights_sha256": "0" * 64}, "model.safetensors is damaged or not the file"),
    ],
)
def test_17_wrong_headers_name_the_key(folder: Path, change: dict, expected: str) -> None:
    edit(folder, lambda header: header.update(change))
    assert expected in message(folder)


def test_17_missing_keys_are_named(folder: Path) -> None:
    edit(folder, lambda header: header.pop("family"))
    assert "missing keys family" in message(folder)


def test_17_memory_is_refused_before_it_is_taken(folder: Path) -> None:
    edit(folder, lambda header: header["config"].update(streams=False, length=10**8))
    assert "far more memory than the" in message(folder)  # 10**16 numbers would not fit anywhere
    edit(folder, lambda header: header["config"].update(streams=False, length=2 * 10**4))
    assert "far more memory" in message(folder), "also where this machine would have it"


def test_17_what_a_constructor_raises_is_typed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: ToyFlow, config: ToyFlowConfig) -> None:
        raise RuntimeError("shapes do not match\nat all")

    monkeypatch.setattr(ToyFlow, "__init__", fail)
    assert "config builds no model: shapes do not match" in message(folder)


def test_missing_files_and_folders(folder: Path, tmp_path: Path) -> None:
    assert "does not exist; a model is a folder with" in message(tmp_path / "nothing")
    (tmp_path / "file").touch()
    assert "is a file" in message(tmp_path / "file")
    (folder / WEIGHTS).unlink()
    assert "has no model.safetensors" in message(folder)
    with pytest.raises(InputError, match="device is 'tpu'"):
        load_model(folder, "tpu")


def test_a_model_needs_no_card(folder: Path) -> None:
    (folder / CARD).unlink()
    assert load_model(folder, "cpu").card_path is None


# Nothing is lost ---------------------------------------------------------------------------------


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


def test_a_save_killed_between_the_renames_is_recovered(folder: Path, flow: ToyFlow) -> None:
    old = folder.with_name(".model.old")
    folder.rename(old)
    model = load_model(folder, "cpu")
    assert same_sound(model, flow) and model.name == "model"
    save_model(ToyFactor(ToyFactorConfig()), folder)
    assert os.listdir(folder.parent) == ["model"]


def test_19_a_save_killed_at_any_moment_leaves_a_complete_model(tmp_path: Path) -> None:
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
        two_saves = (time.monotonic() - start) / 2
        rng, seen = random.Random(0), set()
        for _ in range(100):
            child = os.fork()
            if child == 0:
                signal.alarm(10)  # ends a child whose parent is gone
                while True:
                    for model in models:
                        save_model(model, folder)
            time.sleep(rng.uniform(0, 1.2 * two_saves))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            seen.add(load_model(folder, "cpu", family=ToyFactor).config.length)
        print(sorted(seen))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    environment["PYTHONPATH"] += os.pathsep + str(Path(model_folder.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[8, 1024]", "the children did save"


@pytest.mark.parametrize(("given", "name"), [("picture", PICTURE), ("curve", CURVE)])
def test_a_picture_is_kept_beside_the_card(
    tmp_path: Path, flow: ToyFlow, given: str, name: str
) -> None:
    with Image.new("RGB", (4, 3), (255, 0, 0)) as picture:
        folder = save_model(flow, tmp_path / "toy", **{given: picture})
    with Image.open(folder / name) as kept:
        assert kept.size == (4, 3)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, name])
    save_model(flow, folder)  # a folder with a picture is still a model's
    assert not (folder / name).exists()
