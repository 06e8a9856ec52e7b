"""Functions that numba compiles, and where their machine code is kept between runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


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
    """Where a package is installed read-only, its compiled functions go to our cache folder.

    Without a writable place for them its import may fail, so call this before it.
    """
    spec = find_spec(package)
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    if "NUMBA_CACHE_DIR" in os.environ or os.access(home, os.W_OK):
        return
    from dgm_audio.data.cache import default_cache_dir

    os.environ["NUMBA_CACHE_DIR"] = str(default_cache_dir() / "numba")
    if "numba" in sys.modules:
        sys.modules["numba"].config.reload_config()
