"""Latents outside a model: in files, and inside the provenance of sounds.

A file is `.safetensors`, which also keeps what the latents belong to, or `.npy`, which does not.
Provenance holds few numbers itself; many lie in a file beside the sound, bound by its hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from dgm_audio._audiofile.paths import named, open_regular, replacing, shown
from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.provenance import Provenance

MAX_BYTES = 256 * 2**20
"""Larger files of latents are refused unread."""

MAX_INLINE = 128
"""Numbers of one latent that go into the provenance itself: two latents fit into its 2000 bytes."""

_KEY = "latents"


@dataclass(frozen=True)
class StoredLatents:
    """What a file of latents holds.

    Args:
        z: float32 (B, D, L).
        condition: with which they were found; empty if unknown.
        length: samples of the sound that they stand for; None if unknown.
        weights: sha256 of the weights of their model; None if unknown.
    """

    z: Tensor
    condition: Mapping[str, Any] = field(default_factory=dict)
    length: int | None = None
    weights: str | None = None


def write_latents(path: Path, stored: StoredLatents, *, overwrite: bool = False) -> Path:
    """Write a `.safetensors` file, all of it or nothing.

    Raises:
        AudioFileError: if the file exists or cannot be written.
    """
    blob = safetensors.torch.save({_KEY: _plain(stored.z)}, _metadata(stored))
    with named(path), replacing(path, overwrite) as file:
        file.write(blob)
    return path


@contextmanager
def writing_latents(
    path: Path, stored: StoredLatents, frames: int, *, overwrite: bool = False
) -> Iterator[Callable[[Tensor], None]]:
    """The same, of one latent that comes piece by piece: gives a function that takes (1, D, l).

    Args:
        path: of the file.
        stored: what is known of it; `z` is its beginning, of no frames: (1, D, 0).
        frames: L, of all pieces.
        overwrite: replace an existing file.

    Raises:
        AudioFileError: if the file exists or cannot be written.
    """
    channels, done = stored.z.shape[1], 0
    entry = {"dtype": "F32", "shape": [1, channels, frames]}
    entry["data_offsets"] = [0, 4 * channels * frames]
    header = json.dumps({"__metadata__": _metadata(stored), _KEY: entry}).encode("ascii")
    header += b" " * (-len(header) % 8)
    with named(path), replacing(path, overwrite) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        start = file.tell()
        file.truncate(start + 4 * channels * frames)

        def write(z: Tensor) -> None:
            nonlocal done
            for channel, row in enumerate(_plain(z)[0]):
                file.seek(start + 4 * (channel * frames + done))
                file.write(row.numpy().tobytes())
            done += z.shape[2]

        yield write


def pack_file(path: Path) -> dict[str, Any]:
    """As `pack`, of the one latent in a file that this package wrote: it stays where it is.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    with named(path), open_regular(path) as file:
        size = int.from_bytes(file.read(8), "little")
        shape = json.loads(file.read(size))[_KEY]["shape"][1:]
        digest = hashlib.sha256(repr(tuple(shape)).encode())
        while block := file.read(1 << 20):
            digest.update(block)
    return {"file": path.name, "sha256": digest.hexdigest()}


def read_pieces(path: Path, frames: int) -> Iterator[Tensor]:
    """The one latent of such a file piece by piece: (1, D, `frames`), the last one shorter.

    Raises:
        AudioFileError: if the file cannot be read.
    """
    with named(path), safetensors.safe_open(str(path), "pt") as file:
        rows = file.get_slice(_KEY)
        count = rows.get_shape()[2]
        for first in range(0, count, frames):
            yield rows[:, :, first : first + frames].contiguous()


def read_latents(path: Path) -> StoredLatents:
    """Latents of a `.safetensors` or `.npy` file; an array (D,) or (D, L) is one latent.

    Raises:
        AudioFileError: if the file cannot be read.
        InputError: if it holds no latents.
    """
    if path.suffix not in (".npy", ".safetensors"):
        raise InputError(
            f"{shown(path)}: suffix is {path.suffix!r}; latents are .safetensors or .npy"
        )
    with named(path), open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise AudioFileError(f"is larger than {MAX_BYTES >> 20} MiB; latents are not")
        blob = file.read() if path.suffix == ".safetensors" else b""
    stored = _from_numpy(path) if path.suffix == ".npy" else _from_safetensors(path, blob)
    z = stored.z
    if not z.is_floating_point() or not 1 <= z.ndim <= 3 or 0 in z.shape:
        raise InputError(
            f"{shown(path)}: holds {z.dtype} of shape {tuple(z.shape)}; "
            "expected floating-point numbers (B, D, L), (D, L) or (D,)"
        )
    z = z[:, None] if z.ndim == 1 else z
    z = z[None] if z.ndim == 2 else z
    return StoredLatents(_plain(z), stored.condition, stored.length, stored.weights)


def pack(z: Tensor, beside: dict[str, Tensor], inline: int = MAX_INLINE) -> dict[str, Any]:
    """One latent (1, D, L) as JSON values for the provenance of a sound.

    More than `inline` numbers are entered into `beside`, under the name of the file that must lie
    beside the sound (see `write_beside`).
    """
    z = _plain(z[0])
    if z.numel() <= inline:
        numbers = base64.b64encode(z.numpy().astype("<f4").tobytes()).decode("ascii")
        return {"shape": list(z.shape), "float32": numbers}
    digest = _digest(z)
    name = f"latents-{digest[:16]}.safetensors"
    beside[name] = z
    return {"file": name, "sha256": digest}


def write_beside(beside: Mapping[str, Tensor], folder: Path) -> list[Path]:
    """Write what `pack` found too large; the names tell the content, so existing files stand."""
    paths = [folder / name for name in beside]
    for path, z in zip(paths, beside.values(), strict=True):
        if not path.exists():
            write_latents(path, StoredLatents(z[None]))
    return paths


def unpack(packed: Any, folder: Path) -> Tensor:
    """The latent (1, D, L) that `pack` stored; files are looked for in `folder`.

    Raises:
        InputError: if it is no packed latent, or the file's content is another.
        AudioFileError: if the file is missing.
    """
    if isinstance(packed, Mapping) and set(packed) == {"file", "sha256"}:
        path = folder / Path(str(packed["file"])).name  # never a path out of somebody's provenance
        z = read_latents(path).z
        if _digest(z[0]) != packed["sha256"]:
            raise InputError(f"{shown(path)}: holds other latents than those of the sound")
        return z
    try:
        shape = [int(size) for size in packed["shape"]]
        numbers = np.frombuffer(base64.b64decode(packed["float32"], validate=True), "<f4")
        return torch.from_numpy(numbers.astype(np.float32).reshape(1, *shape))
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        raise InputError("provenance: its latents are damaged") from None


def files_beside(provenance: Provenance) -> list[str]:
    """Names of the files, of latents or of a text, that its provenance needs beside a sound."""
    corners = provenance.parameters.get("corners")
    condition = provenance.parameters.get("condition")
    listed = corners if isinstance(corners, list) else []
    said = condition.values() if isinstance(condition, Mapping) else []
    values = [*provenance.parameters.values(), *listed, *said]
    names = (
        str(value["file"]) for value in values if isinstance(value, Mapping) and "file" in value
    )
    return sorted({Path(name).name for name in names})


def _from_numpy(path: Path) -> StoredLatents:
    try:  # mapped, so that a header that lies about the size costs no memory
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise InputError(f"{shown(path)}: is no NumPy array ({_one_line(error)})") from None
    if array.dtype.kind != "f":
        raise InputError(f"{shown(path)}: holds {array.dtype}; latents are floating-point numbers")
    return StoredLatents(torch.from_numpy(np.array(array, np.float32)))


def _from_safetensors(path: Path, blob: bytes) -> StoredLatents:
    try:
        tensors = safetensors.torch.load(blob)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{shown(path)}: is no safetensors file ({_one_line(error)})") from None
    if set(tensors) != {_KEY}:
        found = ", ".join(sorted(tensors)[:5]) or "nothing"
        raise InputError(f"{shown(path)}: holds {found}; expected one tensor called {_KEY!r}")
    note = _note(blob)
    length, weights, condition = note.get("length"), note.get("weights"), note.get("condition")
    return StoredLatents(
        tensors[_KEY],
        condition if isinstance(condition, dict) else {},
        length if isinstance(length, int) and not isinstance(length, bool) else None,
        weights if isinstance(weights, str) else None,
    )


def _note(blob: bytes) -> dict[str, Any]:
    """Metadata of a safetensors file that has been loaded, so its header is sound."""
    size = int.from_bytes(blob[:8], "little")
    text = json.loads(blob[8 : 8 + size]).get("__metadata__", {}).get("dgm_audio", "{}")
    try:
        note = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _metadata(stored: StoredLatents) -> dict[str, str]:
    note = {
        "condition": dict(stored.condition),
        "length": stored.length,
        "weights": stored.weights,
    }
    return {"dgm_audio": json.dumps(note, sort_keys=True)}


def _plain(z: Tensor) -> Tensor:
    return z.detach().to("cpu", torch.float32).contiguous()


def _digest(z: Tensor) -> str:
    return hashlib.sha256(repr(tuple(z.shape)).encode() + z.numpy().tobytes()).hexdigest()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
