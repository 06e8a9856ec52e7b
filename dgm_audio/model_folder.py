"""The files of a model folder, without torch: names, the header `config.json`, atomic replacement.

    <name>/model.safetensors    the weights
    <name>/config.json          what they are and where they come from
    <name>/README.md            the model card
    <name>/samples.png          a picture that the card shows; optional
    <name>/curve.png            another: how the model's training went; optional

File names are the Hugging Face Hub's own, so a folder uploads as it is.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dgm_audio._version import __version__
from dgm_audio.config import read_json
from dgm_audio.errors import CheckpointError, ConfigError

FORMAT_VERSION = 1
WEIGHTS, HEADER, CARD = "model.safetensors", "config.json", "README.md"
PICTURE, CURVE = "samples.png", "curve.png"
FILES = (WEIGHTS, HEADER, CARD)
ALLOWED = (*FILES, PICTURE, CURVE)
PICKLE_SUFFIXES = (".pt", ".pth", ".pt2", ".ckpt", ".bin", ".pkl", ".pickle")
DTYPES = ("float32", "float16")

_HEADER_TYPES: dict[str, tuple[type, ...]] = {
    "format_version": (int,),
    "family": (str,),
    "config": (dict,),
    "dtype": (str,),
    "weights_sha256": (str,),
    "fingerprint": (dict,),
    "versions": (dict,),
    "recipe": (dict, type(None)),
    "data": (dict, type(None)),
    "seed": (int, type(None)),
    "metrics": (dict, type(None)),
}

CONVERSION = (
    "convert it where you trust its source: build the model, load_state_dict(torch.load(file, "
    "weights_only=True)), then dgm_audio.checkpoint.save_model(model, folder)"
)


def is_model_folder(folder: Path) -> bool:
    """Whether the folder holds weights and a header, by name."""
    return (folder / WEIGHTS).is_file() and (folder / HEADER).is_file()


def locate(folder: str | Path) -> Path:
    """The existing, complete model folder at this path.

    If a save was killed between its two renames, the earlier model stands beside it under
    `.<name>.old`; then that one is the answer.

    Raises:
        CheckpointError: if there is no model; if there is a pickle, the message says how to
            convert it.
    """
    folder = Path(folder).expanduser()
    if not folder.exists() and _sibling(folder, "old").exists():
        folder = _sibling(folder, "old")
    if folder.is_file() and folder.suffix in PICKLE_SUFFIXES:
        raise CheckpointError(f"{folder} is a pickle, which can run code; {CONVERSION}")
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise CheckpointError(f"{folder} {found}; a model is a folder with {', '.join(FILES)}")
    missing = [name for name in (WEIGHTS, HEADER) if not (folder / name).is_file()]
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLE_SUFFIXES)
    if WEIGHTS in missing and pickles:
        raise CheckpointError(
            f"{folder} holds {', '.join(pickles[:5])} but no {WEIGHTS}; a pickle can run code and "
            f"is never loaded; {CONVERSION}"
        )
    if missing:
        raise CheckpointError(f"{folder} has no {' and no '.join(missing)}; it is no model folder")
    return folder


def read_header(folder: Path) -> dict[str, Any]:
    """The checked content of `config.json`; `config` itself is checked by its family.

    Raises:
        ConfigError: if the file is no JSON, too large or nested too deeply.
        CheckpointError: if a key is unknown, missing or of a wrong type, or the format is newer.
    """
    path = folder / HEADER
    header = read_json(path)
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} holds a {type(header).__name__}; it must be an object")
    version = header.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version is {version}; dgm_audio {__version__} reads up to "
            f"{FORMAT_VERSION}; update it with: pip install -U dgm_audio"
        )
    unknown = [key for key in header if key not in _HEADER_TYPES]
    missing = [key for key in _HEADER_TYPES if key not in header]
    if unknown or missing:
        raise CheckpointError(
            f"{path}: " + "; ".join(_list("unknown keys", unknown) + _list("missing keys", missing))
        )
    for key, types in _HEADER_TYPES.items():
        value = header[key]
        if not isinstance(value, types) or isinstance(value, bool):
            names = " or ".join(kind.__name__ for kind in types)
            raise CheckpointError(f"{path}: {key} is a {type(value).__name__}; it must be {names}")
    if version != FORMAT_VERSION or header["dtype"] not in DTYPES:
        raise CheckpointError(
            f"{path}: format_version is {version} and dtype {header['dtype']!r}; allowed are "
            f"{FORMAT_VERSION} and {' or '.join(DTYPES)}"
        )
    return header


def write_header(folder: Path, header: dict[str, Any]) -> None:
    """Write `config.json`; a header that `read_header` would refuse is not written.

    Raises:
        CheckpointError: if the header is incomplete.
        ConfigError: if it is too large, nested too deeply, or holds what JSON does not have.
    """
    path = folder / HEADER
    try:
        text = json.dumps(header, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    path.write_text(text + "\n", encoding="utf-8")
    read_header(folder)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A temporary sibling to write into; on success it takes the place of `folder`.

    At any moment, also if the process is killed, `locate(folder)` finds a complete model: the old
    one or the new one. One writer per folder.

    Raises:
        CheckpointError: if the folder holds other files than a model's, or writing fails (then
            the old model stands and nothing else is left behind).
    """
    new, old = _sibling(folder, "new"), _sibling(folder, "old")
    try:
        _recover(folder, old)
        _check_replaceable(folder)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        _sync(*new.iterdir(), new)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        new.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        _recover(folder, old)
        shutil.rmtree(new, ignore_errors=True)


def _sibling(folder: Path, tag: str) -> Path:
    folder = folder.absolute()
    return folder.with_name(f".{folder.name}.{tag}")


def _recover(folder: Path, old: Path) -> None:
    if old.exists() and not folder.exists():
        old.rename(folder)


def _check_replaceable(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a model is saved as a folder")
    others = sorted(path.name for path in folder.iterdir() if path.name not in ALLOWED)
    if others:
        raise CheckpointError(
            f"{folder} holds other files than a model's ({', '.join(others[:5])}); "
            "save into a new folder"
        )


def _sync(*paths: Path) -> None:
    """Flush files and directories to the disk, so that a rename never overtakes the data."""
    for path in paths:
        if path.is_dir() and os.name != "posix":
            continue
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _list(title: str, names: list[str]) -> list[str]:
    return [f"{title} {', '.join(names[:5])}"] if names else []
