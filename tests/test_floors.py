"""Imports only point down, and never round (`python -m tests.floors` draws them)."""

import subprocess
import sys
from pathlib import Path

import pytest
from floors import PACKAGE, circles, imported, modules, upward


def test_no_import_goes_up_or_round():
    graph = modules()
    assert len(graph) > 200, "all modules are looked at"
    assert upward(graph) == []
    assert circles(graph) == []


def test_it_is_drawn_by_a_command():
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.floors"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0 and "families         -> " in done.stdout
    assert done.stdout.endswith("no circle, no arrow upwards\n")


@pytest.mark.parametrize(
    ("graph", "wrong"),
    [
        ({"nn.layer": {"families.vae"}, "families.vae": set()}, "nn.layer -> families.vae goes up"),
        ({"attic": set()}, "attic is on no floor"),
    ],
)
def test_an_arrow_upwards_is_seen(graph, wrong):
    assert upward(graph) == [wrong]


def test_circles_are_seen_and_a_diamond_is_none():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []


def test_imports_in_functions_and_for_types_count(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nimport torch\n"
        "if TYPE_CHECKING:\n    from dgm_audio.data import clips\n"
        "def f():\n    import dgm_audio.io\n"
    )
    assert imported(path) == {"dgm_audio.data.clips", "dgm_audio.io"}


def test_the_package_does_not_import_the_demo():
    for path in PACKAGE.rglob("*.py"):
        names = imported(path)
        assert path.is_relative_to(PACKAGE / "_demo") or not any("_demo" in one for one in names)
