"""The folder in which what was computed is kept from one process to the next."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from dgm_audio._standard_error import say
from dgm_audio.errors import DataError

_spares: dict[Path, Path] = {}


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/dgm_audio` or `~/.cache/dgm_audio`; a temporary folder if not writable.

    Raises:
        DataError: if neither can be written to.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path("~/.cache").expanduser()) / "dgm_audio"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        if folder not in _spares:
            _spares[folder] = spare_folder()
            say(f"{folder} is not writable; using {_spares[folder]}")
        return _spares[folder]


def spare_folder() -> Path:
    """A temporary folder that is surely our own: others may write to the folder it lies in.

    Raises:
        DataError: if there is none that can be written to.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        spare = Path(tempfile.gettempdir()) / f"dgm_audio-{user}"
        with suppress(FileExistsError):
            spare.mkdir(mode=0o700)
        state = spare.lstat()
    except OSError as error:
        raise DataError(
            f"there is no folder to keep prepared sounds in ({error.strerror}); name one that can "
            "be written to: XDG_CACHE_HOME=FOLDER"
        ) from None
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != user or state.st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix="dgm_audio-"))
    return spare
