"""Files by name: only regular ones are opened, and errors name them in one printable line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

import soundfile

from dgm_audio import atomic
from dgm_audio.errors import AudioFileError


def shown(path: str | Path) -> str:
    """A path as one printable line, whatever bytes its name has."""
    name = os.fspath(path)
    return name if name.isprintable() else ascii(name)


def is_file(path: Any) -> TypeGuard[BinaryIO]:
    """Whether it is a file object rather than a path."""
    return not isinstance(path, str | os.PathLike) and hasattr(path, "seek")


def label(path: Any) -> str:
    """What to call a path or a file object in a message."""
    name = getattr(path, "name", "") if is_file(path) else path
    return shown(name) if isinstance(name, str | Path) and name else f"<{type(path).__name__}>"


@contextmanager
def named(path: str | Path | BinaryIO) -> Iterator[None]:
    """Turn every failure on a file into one line that begins with its name."""
    try:
        if not is_file(path):
            _check_name(path)
        yield
    except AudioFileError as error:
        raise AudioFileError(f"{label(path)}: {error}") from None
    except OSError as error:
        raise AudioFileError(f"{label(path)}: {error.strerror or error}") from None
    except soundfile.SoundFileError as error:
        raise AudioFileError(f"{label(path)}: is damaged ({decoder_reason(error)})") from None


def decoder_reason(error: soundfile.SoundFileError) -> str:
    """What libsndfile says, in one line."""
    return " ".join(str(getattr(error, "error_string", error)).split()).rstrip(".")


def _check_name(path: Any) -> None:
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise AudioFileError(
            "is no path: it holds a character that no file name can have"
        ) from None
    if b"\0" in encoded:
        raise AudioFileError("is no path: it holds a null character")


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading; never wait for a pipe and never read a device."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise AudioFileError("is no regular file")
    # The path may have been exchanged for a pipe since: open without waiting and look again.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise AudioFileError("is no regular file")
    return os.fdopen(handle, "rb")


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A temporary file beside the path that takes its place only when all went well."""
    if path.exists() and not overwrite:
        raise AudioFileError("exists already; overwriting must be asked for (overwrite)")
    if path.exists() and not path.is_file():
        raise AudioFileError("is no regular file, so it cannot be replaced")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as file:
        yield file
