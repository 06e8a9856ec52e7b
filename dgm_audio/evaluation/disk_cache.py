"""A cache on disk for expensive results that depend on recordings only; it lies beside the clips.

The key is the content: which clips of which prepared set (see `data.cache`), their labels and
files, what else the work depends on, and the code of this folder. A change of any of these makes
another file; nothing has to be cleared by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgm_audio.atomic import replacing

if TYPE_CHECKING:
    from dgm_audio.data import ClipSet

Arrays = Mapping[str, np.ndarray]


def cached(
    clips: ClipSet, what: str, given: Any, work: Callable[[], Arrays]
) -> dict[str, np.ndarray]:
    """The result of `work`, from a file beside the clips if it was computed before.

    Args:
        clips: what it depends on; for clips in memory nothing is cached.
        what: name of the work.
        given: what else it depends on, as JSON values.
        work: gives arrays by name.
    """
    if clips.audio.path is None:
        return dict(work())
    path = clips.audio.path.with_name(f"{what}-{_key(clips, given)}.npz")
    found = _read(path)
    if found is None:
        found = {name: np.asarray(values) for name, values in work().items()}
        _write(path, found)
    return found


def _key(clips: ClipSet, given: Any) -> str:
    rows = hashlib.sha256(clips.audio.rows.astype(np.int64).tobytes()).hexdigest()
    labels = hashlib.sha256(clips.labels.astype(np.int64).tobytes()).hexdigest()
    known = [rows, labels, clips.classes, clips.files, clips.groups, given, _code()]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:24]


@cache
def _code() -> str:
    """Digest of the modules that do the work: this folder's, and `data.takes`."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.rglob("*.py"), *here.with_name("data").glob("takes.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, np.ndarray] | None:
    with suppress(Exception):  # missing or damaged: it is made again
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    return None


def _write(path: Path, found: Arrays) -> None:
    with suppress(OSError), replacing(path) as file:  # a cache costs time if it is lacking
        np.savez(file, allow_pickle=False, **found)
