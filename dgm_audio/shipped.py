"""The models that ship with the package, and loading of any: by name, path or Hub address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgm_audio.errors import DgmAudioError, InputError, UnknownModelError
from dgm_audio.model_card import card_summary
from dgm_audio.model_folder import CARD, FILES, PICKLE_SUFFIXES, is_model_folder, read_header
from dgm_audio.registry import known_names, warn_once

if TYPE_CHECKING:
    import torch

    from dgm_audio.generator import AudioGenerator


@dataclass(frozen=True)
class ModelInfo:
    """A model that ships with the package; `summary` is the first paragraph of its card."""

    name: str
    family: str
    path: Path
    summary: str
    license: str
    bytes: int


def load(name_or_path: str | Path, device: str | torch.device = "auto") -> AudioGenerator:
    """A trained model, in evaluation mode; its parameters can still be trained.

    Args:
        name_or_path: a name out of `list_models()`, the path of a model folder, or "hf:org/name"
            for one on the Hugging Face Hub; in the folder of a run it is the model inside. A name
            wins over a folder of the same name in the working directory; write "./name" for that
            one.
        device: "auto" takes a CUDA GPU if there is one.

    Raises:
        UnknownModelError: if there is no model of that name; the message lists those there are.
        CheckpointError: if the model folder is missing, damaged, unsafe or too new.
        ConfigError: if its config is wrong.
        InputError: if the device is not usable, or the argument is neither string nor path.
    """
    from dgm_audio.checkpoint import load_model

    if not isinstance(name_or_path, str | Path):
        raise InputError(f"the model is {name_or_path!r}; give a name, a path or hf:org/name")
    text = str(name_or_path)
    if text.startswith("hf:"):
        from dgm_audio.hub import download

        model = load_model(download(text.removeprefix("hf:")), device)
        model.name = text
        return model
    shipped = {path.name: path for path in shipped_folders()}
    if isinstance(name_or_path, str) and text in shipped:
        return load_model(shipped[text], device)
    if isinstance(name_or_path, str) and not _looks_like_path(text):
        raise UnknownModelError(
            f"there is no model {text!r}; {known_names(text, shipped)}; "
            "or give the path of a model folder, or hf:org/name"
        )
    return load_model(_in_run(text), device)


def list_models() -> list[ModelInfo]:
    """The models that ship with the package, by name; a damaged one is left out with a warning."""
    models = []
    for path in shipped_folders():
        try:
            header = read_header(path)
        except DgmAudioError as error:
            warn_once(f"model {path.name!r} is left out: {error}")
            continue
        size = sum((path / name).stat().st_size for name in FILES if (path / name).exists())
        licence = str((header["data"] or {}).get("license", "unknown"))
        summary = card_summary(path / CARD)
        models.append(ModelInfo(path.name, header["family"], path, summary, licence, size))
    return models


def shipped_folders() -> list[Path]:
    """Model folders inside the package or, in a development checkout, beside it."""
    package = Path(__file__).parent
    folder = package / "_checkpoints"
    if not folder.is_dir() and (package.parent / "pyproject.toml").is_file():
        folder = package.parent / "checkpoints"
    return sorted(path for path in folder.glob("*") if is_model_folder(path))


def _in_run(text: str) -> str:
    """The path of the model in a run's folder; other paths as they are."""
    inside = Path(text).expanduser() / "model"
    return str(inside) if is_model_folder(inside) and not is_model_folder(inside.parent) else text


def _looks_like_path(text: str) -> bool:
    path = Path(text).expanduser()
    separators = {os.sep, os.altsep} - {None}
    return (
        any(separator in text for separator in separators)
        or text.startswith((".", "~"))
        or path.suffix in PICKLE_SUFFIXES
        or (text != "" and path.exists())
    )
