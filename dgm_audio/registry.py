"""Names: the models that ship with the package, and the families, built in or from plugins.

A plugin is an installed package with an entry point in the group `dgm_audio.generators`, whose name
is the family's and whose value is the class:

    [project.entry-points."dgm_audio.generators"]
    my-family = "my_package.model:MyGenerator"

Nothing is imported before it is asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from dgm_audio.errors import ConfigError, DgmAudioError, InputError, UnknownModelError
from dgm_audio.model_card import card_summary
from dgm_audio.model_folder import CARD, FILES, PICKLE_SUFFIXES, is_model_folder, read_header

if TYPE_CHECKING:
    import torch

    from dgm_audio.generator import AudioGenerator

FAMILIES = {
    "autoregressive": "dgm_audio.families.autoregressive.wavenet:WaveNet",
    "flow": "dgm_audio.families.flow.flow:InversionFlow",
    "gan": "dgm_audio.families.gan.spectrogram:SpectrogramGAN",
    "gan-waveform": "dgm_audio.families.gan.waveform:WaveformGAN",
    "vae": "dgm_audio.families.vae.spectrogram:SpectrogramVAE",
    "vae-stream": "dgm_audio.families.vae.waveform:StreamVAE",
}
"""Family name -> "module:class"."""

ENTRY_POINT_GROUP = "dgm_audio.generators"

_warned: set[str] = set()


@dataclass(frozen=True)
class ModelInfo:
    """A model that ships with the package; `summary` is the first paragraph of its card."""

    name: str
    family: str
    path: Path
    summary: str
    license: str
    bytes: int


@dataclass(frozen=True)
class FamilyInfo:
    """A family: what its models can do, or in `error` why it cannot be used."""

    name: str
    package: str
    summary: str = ""
    encode: bool = False
    log_prob: bool = False
    elbo: bool = False
    error: str | None = None


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
    shipped = {path.name: path for path in _shipped()}
    if isinstance(name_or_path, str) and text in shipped:
        return load_model(shipped[text], device)
    if isinstance(name_or_path, str) and not _looks_like_path(text):
        raise UnknownModelError(
            f"there is no model {text!r}; {_known(text, shipped)}; "
            "or give the path of a model folder, or hf:org/name"
        )
    return load_model(_in_run(text), device)


def list_models() -> list[ModelInfo]:
    """The models that ship with the package, by name; a damaged one is left out with a warning."""
    models = []
    for path in _shipped():
        try:
            header = read_header(path)
        except DgmAudioError as error:
            _warn_once(f"model {path.name!r} is left out: {error}")
            continue
        size = sum((path / name).stat().st_size for name in FILES if (path / name).exists())
        licence = str((header["data"] or {}).get("license", "unknown"))
        summary = card_summary(path / CARD)
        models.append(ModelInfo(path.name, header["family"], path, summary, licence, size))
    return models


def get_family(name: str) -> type[AudioGenerator]:
    """The class of a family.

    Raises:
        UnknownModelError: if no family has this name, or its package cannot be imported.
        ConfigError: if two packages claim the name, or the class is no family.
    """
    return _only_family(name, _claims())


def list_families() -> list[FamilyInfo]:
    """All families, by name. Imports them; one that fails is reported, the others are not harmed.

    A family that cannot be used has `error` set, and is warned about once.
    """
    infos, claims = [], _claims()
    for claim in sorted(claims, key=lambda claim: claim.name):
        try:
            infos.append(_describe(claim, _only_family(claim.name, claims)))
        except DgmAudioError as error:
            _warn_once(str(error))
            infos.append(FamilyInfo(claim.name, _package(claim), error=str(error)))
    return infos


def plugin_version(family: type[AudioGenerator]) -> dict[str, str]:
    """{package: version} of the plugin that registers this family; empty for a built-in one."""
    value = f"{family.__module__}:{family.__qualname__}"
    if value in FAMILIES.values():
        return {}
    found = [claim for claim in _claims() if claim.value == value and claim.dist]
    return {claim.dist.name: claim.dist.version for claim in found if claim.dist}


def _claims() -> list[EntryPoint]:
    """Everything that says it is a family; built-in ones look like entry points of no package."""
    built_in = [EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in FAMILIES.items()]
    return [*built_in, *entry_points(group=ENTRY_POINT_GROUP)]


def _only_family(name: str, claims: list[EntryPoint]) -> type[AudioGenerator]:
    """The class of the one claim of that name."""
    own = [claim for claim in claims if claim.name == name]
    if not own:
        known = sorted({claim.name for claim in claims})
        raise UnknownModelError(
            f"there is no family {name!r}; {_known(name, known)}; "
            "a family from another package needs that package installed"
        )
    if len(own) > 1:
        packages = " and ".join(_package(claim) for claim in own)
        raise ConfigError(f"family {name!r} is claimed by {packages}; uninstall one of them")
    return _import_family(own[0])


def _package(claim: EntryPoint) -> str:
    return f"{claim.dist.name} {claim.dist.version}" if claim.dist else "dgm_audio"


def _import_family(claim: EntryPoint) -> type[AudioGenerator]:
    from dgm_audio.generator import AudioGenerator

    try:
        family = claim.load()
    except Exception as error:  # a plugin may fail in any way; the others must not suffer
        reason = (str(error).strip().splitlines() or [""])[0]
        raise UnknownModelError(
            f"family {claim.name!r} of {_package(claim)} cannot be imported: "
            f"{type(error).__name__}: {reason}"
        ) from error
    problem = None
    if not isinstance(family, type) or not issubclass(family, AudioGenerator):
        problem = "no subclass of AudioGenerator"
    elif getattr(family, "family", None) != claim.name:
        problem = f"called {getattr(family, 'family', None)!r}, not {claim.name!r}"
    elif not is_dataclass(getattr(family, "config_class", None)):
        problem = "without a dataclass as config_class"
    if problem:
        raise ConfigError(f"{claim.value} of {_package(claim)} is {problem}; it is no family")
    return family


def _describe(claim: EntryPoint, family: type[AudioGenerator]) -> FamilyInfo:
    return FamilyInfo(
        claim.name,
        _package(claim),
        " ".join((family.__doc__ or "").strip().split("\n\n")[0].split()),
        encode=hasattr(family, "encode"),
        log_prob=hasattr(family, "log_prob"),
        elbo=hasattr(family, "elbo"),
    )


def _shipped() -> list[Path]:
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


def _known(name: str, names: Iterable[str]) -> str:
    names = list(names)
    close = get_close_matches(name, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}there are {', '.join(names) or 'none'}"


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, stacklevel=3)
