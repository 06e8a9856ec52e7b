"""Functions that numba compiles, and where their machine code is kept between runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from dgm_audio._standard_error import say_once
from dgm_audio.errors import DgmAudioError

_numba = Lock()
"""Threads that import numba at once find half of it."""


def compiled(function: Callable) -> Any:
    """A function compiled at its first call, without Python's lock, and kept for the next run."""
    let_numba_cache("dgm_audio")
    import numba

    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def part(function: Callable) -> Any:
    """A part of compiled functions; LLVM decides whether it becomes a call."""
    import numba

    return numba.njit(nogil=True, error_model="numpy")(function)


def inlined(function: Callable) -> Any:
    """A part of compiled functions that is never a call."""
    import numba

    return numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)


def let_numba_cache(package: str) -> None:
    """Let compiled functions of a package be kept where that is possible, and work where it is not.

    Where the package is installed read-only they go to our cache folder. Without a writable place,
    or with a full one, numba would raise, at the import of the package or at the first call; so
    call this before.
    """
    with _numba:
        _forgive()
    spec = find_spec(package)
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    if "NUMBA_CACHE_DIR" in os.environ or os.access(home, os.W_OK):
        return
    from dgm_audio.cache_folder import default_cache_dir

    try:
        os.environ["NUMBA_CACHE_DIR"] = str(default_cache_dir() / "numba")
    except DgmAudioError:
        return  # numba finds no place either, and it is said then
    import numba

    numba.config.reload_config()


def _forgive() -> None:
    """Make numba's cache what a cache should be: whatever is wrong with it, the work goes on.

    In numba itself, because the functions of librosa are kept by it in the same way.
    """
    from numba.core import caching

    dispatcher: Any = import_module("numba.core.dispatcher")
    if getattr(dispatcher.FunctionCache, "forgives", False):
        return

    class Forgiving(caching.FunctionCache):
        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except OSError as error:
                _say_uncached(error.strerror)
            except Exception:  # whatever unpickling raises: cut off, or of another program
                _say_uncached("what is kept is damaged")

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except OSError as error:
                _say_uncached(error.strerror)

    def cache_of(function: Callable) -> Any:
        try:
            return Forgiving(function)
        except (RuntimeError, OSError):
            _say_uncached("there is no folder that can be written to")
            return caching.NullCache()

    cache_of.forgives = True
    dispatcher.FunctionCache = cache_of
    caching.IndexDataCacheFile.save = _save_under_own_name  # type: ignore[method-assign]


def _save_under_own_name(file: Any, key: Any, data: Any) -> None:
    """Save compiled code in a file that only this key's code is ever written to.

    numba takes the first number that is free. Two processes that compile two overloads at once take
    the same one, and whoever loads the code of one later calls that of the other: a crash, at every
    start from then on.
    """
    number = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:6], "big")
    name = file._data_name(number)
    file._save_data(name, data)
    file._save_index(file._load_index() | {key: name})


def _say_uncached(reason: str | None) -> None:
    say_once(f"compiled code is not kept for the next run, which compiles it again: {reason}")
