import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from dgm_audio.runtime.compiled import let_numba_cache


def test_a_read_only_package_is_cached_in_our_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "restored after the test")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    let_numba_cache("librosa")
    spec = find_spec("librosa")
    if spec and spec.origin and os.access(spec.origin, os.W_OK):
        assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr("os.access", lambda *_: False)
    let_numba_cache("librosa")
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "dgm_audio" / "numba")


@pytest.mark.parametrize(
    "module", ["dgm_audio.families.autoregressive.wavenet", "dgm_audio.data.slicing"]
)
def test_numba_is_imported_only_when_used(module) -> None:
    code = f"import sys, {module}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
