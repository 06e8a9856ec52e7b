"""Strict saving and loading of model folders: a checkpoint is data, small, named, checked.

Weights are safetensors, never pickles, so that a file can be wrong but cannot run code. Whatever
`save_model` writes it reads back before it replaces anything.

Example:
    >>> from dgm_audio.checkpoint import load_model, save_model
    >>> save_model(model, "my-drums", seed=0)  # doctest: +SKIP
    >>> load_model("my-drums").sample(1).shape  # doctest: +SKIP
    torch.Size([1, 1, 65536])
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from torch import Tensor

from dgm_audio._budget import MemoryBudget
from dgm_audio._version import __version__
from dgm_audio.config import from_dict, to_dict
from dgm_audio.errors import CheckpointError, DgmAudioError, UnknownModelError
from dgm_audio.fingerprint import fingerprint
from dgm_audio.generator import AudioGenerator
from dgm_audio.model_card import model_card
from dgm_audio.model_folder import (
    CARD,
    CONVERSION,
    CURVE,
    FORMAT_VERSION,
    HEADER,
    PICTURE,
    WEIGHTS,
    locate,
    read_header,
    replacing,
    write_header,
)
from dgm_audio.registry import get_family, plugin_version
from dgm_audio.runtime.device import choose_device
from dgm_audio.runtime.surroundings import usual_defaults

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_WEIGHT_BYTES = 4 * 2**30
"""Larger weight files are refused unread."""

_STORABLE = {
    *(torch.float32, torch.float16, torch.bfloat16),
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
}
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # zip archive of torch.save; bare pickle
_SPARE_BYTES = (
    2**29
)  # what buffers outside the state dict and temporaries of a constructor may take


def save_model(
    model: AudioGenerator,
    folder: str | Path,
    *,
    recipe: Mapping[str, Any] | None = None,
    card: str | None = None,
    data: Mapping[str, Any] | None = None,
    seed: int | None = None,
    metrics: Mapping[str, Any] | None = None,
    half: bool = False,
    picture: Image | None = None,
    curve: Image | None = None,
) -> Path:
    """Write a model folder atomically; an earlier model in it is replaced only by a complete one.

    The folder is read back and decoded from before it takes its place. Floating-point weights are
    stored as float32 or, with `half`, as float16; `load_model` always gives float32. Saving what
    was loaded writes the same weights file bit for bit. `model` itself is not changed.

    Args:
        model: of any family; a family that is not registered can be saved, but `load` needs it
            registered.
        folder: must not hold other files than a model's.
        recipe: how it was trained: command, budget, steps.
        card: description for the card, in Markdown (see `dgm_audio.model_card`).
        data: what it was trained on: manifest hash, clips, sources, "license" (Hub identifier).
        seed: of the training run.
        metrics: measured values; intervals under "ci".
        half: store float16 (half the size).
        picture: what the card may show as `samples.png`.
        curve: what the card may show as `curve.png`.

    Returns:
        The folder.

    Raises:
        CheckpointError: if a weight is not finite, or not float32, or the folder is not writable.
        ConfigError: if the config or one of the mappings does not fit into `config.json`.
    """
    folder = Path(folder).expanduser()
    blob = safetensors.torch.save(_stored_state(model, half), metadata={"format": "pt"})
    header: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "family": model.family,
        "config": to_dict(model.config),
        "dtype": "float16" if half else "float32",
        "weights_sha256": hashlib.sha256(blob).hexdigest(),
        "fingerprint": {},
        "versions": _versions(type(model)),
        "recipe": None if recipe is None else dict(recipe),
        "data": None if data is None else dict(data),
        "seed": seed,
        "metrics": None if metrics is None else dict(metrics),
    }
    with replacing(folder) as new:
        (new / WEIGHTS).write_bytes(blob)
        write_header(new, header)
        header["fingerprint"] = fingerprint(load_model(new, "cpu", family=type(model)))
        write_header(new, header)
        for name, image in ((PICTURE, picture), (CURVE, curve)):
            if image is not None:
                image.save(new / name, optimize=True)
        (new / CARD).write_text(model_card(folder.name, model, header, card), encoding="utf-8")
    return folder


def load_model(
    folder: str | Path,
    device: str | torch.device = "auto",
    *,
    family: type[AudioGenerator] | None = None,
) -> AudioGenerator:
    """The model in a folder, in float32 and in evaluation mode (parameters can still be trained).

    It is the same whatever torch's default type and device are, and within inference mode, too.

    Args:
        folder: with `model.safetensors` and `config.json`.
        device: "auto" takes a CUDA GPU if there is one.
        family: the class to build; by default the one registered under the folder's family name.

    Returns:
        The model, with `name`, `weights_hash`, `card_path` and `fingerprint` set.

    Raises:
        CheckpointError: if a file is missing, damaged, unsafe or newer than this package, or the
            weights do not fit; the first five problems are named.
        ConfigError: if `config.json` has an unknown key, a wrong type or a value out of range.
    """
    with usual_defaults():
        return _load(folder, choose_device(device), family)


def _load(
    folder: str | Path, device: torch.device, family: type[AudioGenerator] | None
) -> AudioGenerator:
    name = Path(folder).expanduser().absolute().name
    folder = locate(folder)
    header = read_header(folder)
    family = family or _find_family(folder, header)
    config = from_dict(family.config_class, header["config"], f"{folder / HEADER}: config")
    tensors = _read_weights(folder / WEIGHTS, header["weights_sha256"])
    model = _build(family, config, tensors, folder)
    _check_fit(folder / WEIGHTS, model.state_dict(), tensors, getattr(torch, header["dtype"]))
    model.load_state_dict(tensors)
    model.name = name
    model.weights_hash = header["weights_sha256"]
    model.card_path = folder / CARD if (folder / CARD).is_file() else None
    model.fingerprint = header["fingerprint"]
    return model.to(device).eval()


def _stored_state(model: AudioGenerator, half: bool) -> dict[str, Tensor]:
    """The state as it is written: contiguous, on the CPU, rounded to float16 if `half`."""
    stored, problems = {}, []
    for key, value in model.state_dict().items():
        if not isinstance(value, Tensor) or value.dtype not in _STORABLE:
            found = value.dtype if isinstance(value, Tensor) else type(value).__name__
            problems.append(f"{key} is {found}, which is never stored")
            continue
        if value.is_floating_point():
            value = value.float().half() if half else value.float()
            if not bool(torch.isfinite(value).all()):
                problems.append(f"{key} has NaN or infinite values" + " in float16" * half)
        stored[key] = value.detach().cpu().contiguous().clone()
    _raise_first("the model cannot be saved", problems)
    return stored


def _read_weights(path: Path, expected_hash: str) -> dict[str, Tensor]:
    """The tensors of a weights file whose hash is right; read once, so they are what was hashed."""
    try:
        size = path.stat().st_size
        if size > MAX_WEIGHT_BYTES:
            raise CheckpointError(
                f"{path} has {size / 2**30:.1f} GiB; the limit is {MAX_WEIGHT_BYTES / 2**30:g} GiB"
            )
        blob = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    # safetensors files begin with the length of a JSON object, whose first byte may be any
    if blob.startswith(_PICKLE_STARTS) and blob[8:9] != b"{":
        raise CheckpointError(f"{path} is a pickle by content, which can run code; {CONVERSION}")
    found = hashlib.sha256(blob).hexdigest()
    if found != expected_hash:
        raise CheckpointError(
            f"{path} is damaged or not the file that {HEADER} describes: its sha256 is "
            f"{found[:12]}..., expected {expected_hash[:12]}..."
        )
    try:
        return safetensors.torch.load(blob)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} is no valid safetensors file: {error}") from error


def _build(
    family: type[AudioGenerator], config: Any, tensors: Mapping[str, Tensor], folder: Path
) -> AudioGenerator:
    """An untrained model; the memory it may take follows from the weights in the file."""
    stored = sum(4 * tensor.numel() for tensor in tensors.values())
    budget = MemoryBudget(
        8 * stored + _SPARE_BYTES,
        f"{folder / HEADER}: config asks for a model of far more memory than the "
        f"{stored / 2**20:.1f} MiB of weights in {WEIGHTS}",
    )
    try:
        with torch.random.fork_rng(devices=[]), budget:
            return family(config)
    except CheckpointError:
        raise
    except DgmAudioError as error:
        raise CheckpointError(f"{folder / HEADER}: {error}") from error
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
        MemoryError,
    ) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{folder / HEADER}: config builds no model: {reason}") from error


def _check_fit(
    path: Path, expected: Mapping[str, Tensor], found: Mapping[str, Tensor], dtype: torch.dtype
) -> None:
    """Same keys, shapes and types, all values finite; or an error with the first five problems."""
    problems = [f"{key} is missing" for key in expected if key not in found]
    problems += [f"{key} is unknown" for key in found if key not in expected]
    for key in expected.keys() & found.keys():
        want, have = expected[key], found[key]
        wanted_type = dtype if want.is_floating_point() else want.dtype
        if want.shape != have.shape:
            problems.append(f"{key} has shape {tuple(have.shape)}, expected {tuple(want.shape)}")
        elif have.dtype != wanted_type:
            problems.append(f"{key} is {have.dtype}, expected {wanted_type}")
        elif have.is_floating_point() and not bool(torch.isfinite(have).all()):
            problems.append(f"{key} has NaN or infinite values")
    _raise_first(f"{path} does not fit the model", problems)


def _raise_first(title: str, problems: list[str], limit: int = 5) -> None:
    if problems:
        more = f"; and {len(problems) - limit} more" if len(problems) > limit else ""
        raise CheckpointError(f"{title}: {'; '.join(sorted(problems)[:limit])}{more}")


def _find_family(folder: Path, header: Mapping[str, Any]) -> type[AudioGenerator]:
    try:
        return get_family(header["family"])
    except UnknownModelError as error:
        plugins = [
            f"{package} {version}"
            for package, version in header["versions"].items()
            if package not in ("dgm_audio", "torch", "python")
        ]
        hint = f"; it was saved with {', '.join(plugins)}: install that" if plugins else ""
        raise CheckpointError(f"{folder / HEADER}: {error}{hint}") from error


def _versions(family: type[AudioGenerator]) -> dict[str, str]:
    """Versions that made the model, with the plugin's package if the family comes from one."""
    return {
        "dgm_audio": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        **plugin_version(family),
    }
