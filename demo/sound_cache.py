"""A cache of sounds on disk, each under the hash of its recipe.

The folder belongs to the demo; it may vanish or fill up while the page runs. A missing sound is
made again from its recipe. Recordings, and latents too long for a recipe, cannot be restored.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from dgm_audio.apps.latents import files_beside, write_beside
from dgm_audio.errors import DgmAudioError
from dgm_audio.io import write_audio
from dgm_audio.provenance import Provenance
from dgm_audio.signal.loudness import MIN_RATE, measure_loudness, peak_dbfs

MAX_AGE = 3600.0
"""Sounds unused for this many seconds may be removed."""

MAX_BYTES = 2**30
"""Above this total size the oldest sounds are removed."""

KEY_PATTERN = re.compile(r"[0-9a-f]{40}")


class StorageError(DgmAudioError):
    """The folder of sounds is not writable."""

    exit_code = 1


@dataclass(frozen=True)
class Sound:
    """A sound in the cache, with the facts that the page shows.

    Args:
        key: hash of the recipe, or random for a recording; part of its address.
        recipe: how it was made; None for a recording.
        title: a few words for the page.
        file: name of a download, without suffix.
        rate: in Hz.
        channels: C.
        seconds: duration.
        peak_dbfs: None for silence.
        lufs: integrated loudness; None below -70 LUFS.
        indicative: whether it is shorter than the 0.4 s for which loudness is defined.
        took: seconds it took to make.
    """

    key: str
    recipe: Provenance | None
    title: str
    file: str
    rate: int
    channels: int
    seconds: float
    peak_dbfs: float | None
    lufs: float | None
    indicative: bool
    took: float

    def page_data(self) -> dict[str, Any]:
        """The facts as JSON values."""
        recipe, facts = self.recipe, {name: getattr(self, name) for name in _FACTS}
        if recipe is None:
            return facts | {"key": self.key} | _NO_RECIPE
        parameters = recipe.parameters
        return facts | {
            "key": self.key,
            "recipe": recipe.to_json(),
            "model": recipe.model,
            "call": recipe.call,
            "seed": parameters.get("seed"),
            "index": parameters.get("index"),
            "unlinked": why_no_link(recipe),
            "beside": files_beside(recipe),
        }


_RECORDING = "This sound holds a part of a recording; recordings are never in links."
_NO_RECIPE: dict[str, Any] = {
    "recipe": "",
    "model": "recording",
    "call": "",
    "seed": None,
    "index": None,
    "unlinked": _RECORDING,
    "beside": [],
}
"""Values in place of a recipe's facts."""


def why_no_link(recipe: Provenance) -> str:
    """Why a sound has no link; empty if it has one."""
    if recipe.parameters.get("recording"):
        return _RECORDING
    if files_beside(recipe):
        return "The latents of this sound are too long for a link; download them with the sound."
    return ""


def sound_key(recipe: Provenance) -> str:
    """Key of a recipe's sound."""
    return hashlib.sha256(recipe.to_json().encode()).hexdigest()[:40]


class SoundCache:
    """Sounds on disk (see the module).

    Args:
        folder: created on demand, and again if it vanishes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Path of a sound: a float WAV with its recipe inside."""
        return self.folder / f"{key}.wav"

    def find(self, recipe: Provenance) -> Sound | None:
        """The sound of a recipe; None if it is not cached."""
        key = sound_key(recipe)
        try:
            facts = json.loads((self.folder / f"{key}.json").read_text("ascii"))
            for name in (f"{key}.wav", f"{key}.json", *files_beside(recipe)):
                os.utime(self.folder / name)  # unlike touch(), it makes no file
            return Sound(key=key, recipe=recipe, **facts)
        except (OSError, ValueError, TypeError):
            return None

    def put(
        self,
        recipe: Provenance | None,
        audio: Tensor,
        rate: int,
        title: str,
        file: str,
        took: float = 0.0,
    ) -> Sound:
        """Store a sound (C, T).

        Args:
            recipe: None for a recording, which gets a random key.
            audio: (C, T).
            rate: in Hz.
            title: a few words for the page.
            file: name of a download, without suffix.
            took: seconds it took to make.

        Raises:
            StorageError: if the folder is not writable.
        """
        key = sound_key(recipe) if recipe else secrets.token_hex(20)
        peak = peak_dbfs(audio)
        loudness = measure_loudness(audio, rate) if rate >= MIN_RATE else None
        loud = loudness is not None and loudness.lufs > -200
        sound = Sound(
            key=key,
            recipe=recipe,
            title=title,
            file=file,
            rate=rate,
            channels=audio.shape[0],
            seconds=audio.shape[1] / rate,
            peak_dbfs=peak if peak > -1000 else None,
            lufs=loudness.lufs if loudness and loud else None,
            indicative=bool(loudness and loudness.short),
            took=took,
        )
        facts = {name: getattr(sound, name) for name in _FACTS}
        with self._writing(key):
            write_audio(
                self.path(key), audio, rate, subtype="FLOAT", overwrite=True, provenance=recipe
            )
            (self.folder / f"{key}.json").write_text(json.dumps(facts), "ascii")
        self.evict()
        return sound

    def put_latents(self, beside: Mapping[str, Tensor]) -> None:
        """Store latents that are too long for a recipe (see `dgm_audio.apps.latents.pack`).

        Raises:
            StorageError: if the folder is not writable.
        """
        with self._writing():
            for path in write_beside(beside, self.folder):
                os.utime(path)  # an existing file counts as new again

    @contextmanager
    def _writing(self, key: str = "") -> Iterator[None]:
        """Create the folder; on a write error, remove the incomplete sound."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except (OSError, DgmAudioError) as error:
            if key:
                _remove(self.path(key))
            full = getattr(error.__cause__ or error, "errno", None) == errno.ENOSPC
            reason = "the disk is full" if full else str(error).replace(str(self.folder), "it")
            message = f"The sound could not be kept: {reason}. Try again later."
            raise StorageError(message) from error

    def evict(self) -> None:
        """Remove sounds and latents older than `MAX_AGE`, then the oldest beyond `MAX_BYTES`."""
        found: dict[str, list[tuple[float, int, Path]]] = {}
        for path in self.folder.glob("*"):
            with suppress(OSError):  # another request removed it
                state = path.stat()
                found.setdefault(path.stem, []).append((state.st_mtime, state.st_size, path))
        total, now = sum(size for files in found.values() for _, size, _ in files), time.time()
        for files in sorted(found.values(), key=lambda files: min(files)[0]):
            if now - min(files)[0] < MAX_AGE and total <= MAX_BYTES:
                break
            for _, size, path in files:
                _remove(path)
                total -= size


def _remove(path: Path) -> None:
    with suppress(OSError):  # gone, or no folder any more
        path.unlink()


_FACTS = [one.name for one in fields(Sound) if one.name not in ("key", "recipe")]
"""Fields stored beside a sound; its key is the file name, its recipe is inside the WAV."""
