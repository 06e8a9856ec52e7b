"""Faults 13 to 17: damaged, foreign and hostile models end in one typed line."""

import hashlib
import json
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.checkpoint import load_model, save_model
from dgm_audio.errors import CheckpointError, ConfigError, InputError
from dgm_audio.model_folder import HEADER, WEIGHTS


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


@pytest.mark.fault(13)
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


@pytest.mark.fault(13)
@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_13_truncated_weights_whose_hash_was_made_to_fit(folder: Path, kept: int) -> None:
    write_weights(folder, (folder / WEIGHTS).read_bytes()[:kept])
    assert f"{WEIGHTS} is no valid safetensors file" in message(folder)


@pytest.mark.fault(13)
def test_13_headers_that_lie_about_sizes(folder: Path) -> None:
    write_weights(folder, (2**60).to_bytes(8, "little") + b"{}")
    assert "no valid safetensors file" in message(folder)
    claim = b'{"lower":{"dtype":"F32","shape":[1000000000,1000000],"data_offsets":[0,4]}}'
    write_weights(folder, len(claim).to_bytes(8, "little") + claim + b"\0" * 4)
    assert "no valid safetensors file" in message(folder)


@pytest.mark.fault(14)
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


@pytest.mark.fault(14)
def test_14_the_first_five_of_many_are_named(folder: Path) -> None:
    tamper(folder, lambda tensors: tensors.update({f"x{i}": torch.zeros(1) for i in range(8)}))
    text = message(folder)
    assert all(f"x{i} is unknown" in text for i in range(5)) and text.endswith("; and 3 more")


@pytest.mark.fault(14)
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


@pytest.mark.fault(15)
def test_15_a_length_that_looks_like_a_pickle_is_none(folder: Path) -> None:
    tensors = safetensors.torch.load((folder / WEIGHTS).read_bytes())
    blobs = (safetensors.torch.save(tensors, {"more": n * "x"}) for n in range(300))
    write_weights(folder, next(blob for blob in blobs if blob[0] == 0x80))
    load_model(folder, "cpu")


@pytest.mark.fault(15)
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


@pytest.mark.fault(16)
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


@pytest.mark.fault(17)
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


@pytest.mark.fault(17)
def test_17_hostile_headers(folder: Path) -> None:
    good = (folder / HEADER).read_text()
    for text in ("[" * 10**6, " " * 50_000_000, good[:-20], good.replace("3", "NaN", 1), "\0"):
        (folder / HEADER).write_text(text)
        assert HEADER in message(folder, ConfigError)
    for text in ("[]", "1", "{}"):
        (folder / HEADER).write_text(text)
        assert HEADER in message(folder)


@pytest.mark.fault(17)
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


@pytest.mark.fault(17)
def test_17_missing_keys_are_named(folder: Path) -> None:
    edit(folder, lambda header: header.pop("family"))
    assert "missing keys family" in message(folder)


@pytest.mark.fault(17)
def test_17_memory_is_refused_before_it_is_taken(folder: Path) -> None:
    edit(folder, lambda header: header["config"].update(streams=False, length=10**8))
    assert "far more memory than the" in message(folder)  # 10**16 numbers would not fit anywhere
    edit(folder, lambda header: header["config"].update(streams=False, length=2 * 10**4))
    assert "far more memory" in message(folder), "also where this machine would have it"


@pytest.mark.fault(17)
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
