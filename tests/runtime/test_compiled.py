import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from dgm_audio import _standard_error
from dgm_audio.errors import DataError
from dgm_audio.runtime.kernels.compiled import compiled, let_numba_cache


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
    "module", ["dgm_audio.families.autoregressive.model", "dgm_audio.data.slicing"]
)
def test_numba_is_imported_only_when_used(module) -> None:
    code = f"import sys, {module}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


UNKEPT = "compiled code is not kept for the next run, which compiles it again: "


def adder():
    return compiled(lambda x: x + 1)


def test_without_a_place_for_the_cache_functions_work_and_it_is_said_once(monkeypatch, capsys):
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(_standard_error, "_said", set())
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert (adder()(1), adder()(2)) == (2, 3)
    assert capsys.readouterr().err == f"{UNKEPT}there is no folder that can be written to\n"


def test_a_cache_that_is_full_or_damaged_is_done_without(monkeypatch, capsys):
    from numba.core.caching import IndexDataCacheFile

    def full(*args):
        raise OSError(28, "No space left on device")

    def damaged(*args):
        raise EOFError("Ran out of input")

    monkeypatch.setattr(_standard_error, "_said", set())
    monkeypatch.setattr(IndexDataCacheFile, "load", damaged)
    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert (adder()(1), adder()(2)) == (2, 3)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{UNKEPT}what is kept is damaged", f"{UNKEPT}No space left on device"]


def test_no_folder_at_all_is_an_error_where_one_is_needed(tmp_path, monkeypatch):
    from dgm_audio.cache_folder import default_cache_dir

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"no folder to keep prepared sounds in .*XDG_CACHE_HOME="):
        default_cache_dir()
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "restored after the test")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    let_numba_cache("librosa")
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_processes_that_compile_at_once_keep_their_code_apart(tmp_path, monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    let_numba_cache("dgm_audio")
    one, other, later = (IndexDataCacheFile(str(tmp_path), "f", "stamp") for _ in range(3))
    write = one._save_data

    def overtaken(name, data):
        other.save("other key", "other code")
        write(name, data)

    monkeypatch.setattr(other, "_load_index", dict)  # it looked before there was anything
    monkeypatch.setattr(one, "_save_data", overtaken)
    one.save("one key", "one code")
    assert later.load("other key") in (None, "other code")
    assert later.load("one key") in (None, "one code")
