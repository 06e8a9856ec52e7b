"""Old names still work, and say what they are called now."""

import subprocess
import sys
from importlib import import_module

import pytest
import torch

from dgm_audio._renamed import MODULES, NAMES
from dgm_audio.families.autoregressive.model import WaveNet, WaveNetConfig
from dgm_audio.objective import Task


@pytest.mark.parametrize("old", MODULES)
def test_an_old_module_is_the_new_one(old):
    sys.modules.pop(f"dgm_audio.{old}", None)
    new = f"dgm_audio.{MODULES[old]}"
    with pytest.warns(DeprecationWarning, match=f"dgm_audio.{old} is now {new}; the old name goes"):
        found = import_module(f"dgm_audio.{old}")
    assert found is import_module(new) and found.__spec__.name == new
    del sys.modules[f"dgm_audio.{old}"]


@pytest.mark.parametrize("module", NAMES)
def test_an_old_name_is_what_it_was(module):
    owner = import_module(f"dgm_audio.{module}")
    for old, place in NAMES[module].items():
        where, new = place.split(":")
        with pytest.warns(DeprecationWarning, match=rf"dgm_audio\.{module}\.{old} is now"):
            found = getattr(owner, old)
        assert found is getattr(import_module(f"dgm_audio.{where}"), new)
    with pytest.raises(AttributeError, match="has no attribute 'never_was'"):
        _ = owner.never_was


def test_an_old_method_is_the_new_one():
    model = WaveNet(WaveNetConfig(width=16, skip=16, depth=2, cycles=1)).eval()
    with pytest.warns(DeprecationWarning, match=r"is now WaveNet\.sample_blocks"):
        old = list(model.stream(1, seconds=0.01, seed=0))
    assert torch.equal(old[0], next(model.sample_blocks(1, seconds=0.01, seed=0)))


def test_a_task_of_a_plugin_with_the_old_hook_fits_its_prior():
    with pytest.warns(DeprecationWarning, match=r"Old\.settle is now Old\.fit_prior"):

        class Old(Task):
            def __init__(self, clips, mixed, start=None): ...

            def settle(self, generator, clips):
                return "settled"

    assert Old(None, False).fit_prior(None, None) == "settled"


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'dgm_audio\.apps\.never_was'"):
        import_module("dgm_audio.apps.never_was")


def test_new_names_do_not_warn():
    code = "import dgm_audio; from dgm_audio.shipped import load; import dgm_audio.objective"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr
