"""The package itself: its public names, and what it costs to import it."""

import subprocess
import sys

import pytest

import dgm_audio
from dgm_audio import errors


def test_dir_shows_the_public_names_and_each_can_be_had():
    assert dir(dgm_audio) == sorted(dgm_audio.__all__)
    assert all(getattr(dgm_audio, name) is not None for name in dir(dgm_audio))
    assert set(dgm_audio.__all__) == {*dgm_audio._EXPORTS, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'InputErorr'"):
        dgm_audio.InputErorr  # noqa: B018


def test_every_error_is_a_public_name():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) >= 9
    assert all(getattr(dgm_audio, kind.__name__) is kind for kind in kinds)


def test_importing_the_package_and_its_errors_imports_nothing_heavy():
    code = "import sys, dgm_audio; dgm_audio.InputError; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
