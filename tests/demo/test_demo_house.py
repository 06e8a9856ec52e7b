"""Rules of the demo's sources: no family, model or host by name, no import circle; examples run."""

import ast
import doctest
import importlib
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from conftest import ROOT

import dgm_audio
from dgm_audio.registry import FAMILIES

DEMO, PACKAGE = ROOT / "demo", ROOT / "dgm_audio"
SOURCES = sorted(path for kind in ("py", "js", "css") for path in DEMO.rglob(f"*.{kind}"))
SCRIPTS = ("app.py",)  # it starts the demo
MODULES = sorted(
    path.relative_to(DEMO)
    for path in DEMO.rglob("*.py")
    if path.stem[0] != "_" and path.name not in SCRIPTS
)


def named(words, text):
    """The words that a text has, as whole words, whatever their case."""
    return [word for word in words if re.search(rf"(?<![\w-]){word}(?![\w-])", text, re.I)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_source_names_no_family_and_no_model(path):
    words = [*FAMILIES, *(info.name for info in dgm_audio.list_models())]
    assert named(words, path.read_text("utf-8")) == []


def test_names_would_be_found():
    assert named(["gan", "vae-stream"], "a GAN, vae-streams") == ["gan"]
    assert named(["flow"], "flows, overflow, x-flow, flow_of") == []


@pytest.mark.fault(34)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_source_asks_no_other_host(path):
    assert re.findall(r"https?://(?!127\.0\.0\.1|www\.w3\.org/)\S+", path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_its_examples_run(path):
    name = ".".join(path.with_suffix("").parts)
    assert doctest.testmod(importlib.import_module(f"dgm_audio._demo.{name}")).failed == 0


def imported(path, package):
    """Dotted names that a file imports anywhere, type checking included.

    Args:
        path: of the file.
        package: names of the packages that it lies in, the outermost first.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            found += [".".join([*base, alias.name]) for alias in node.names]
    return found


def graph(folder):
    """Each module below a folder -> the modules there that it imports."""
    files = {
        ".".join(path.relative_to(folder).with_suffix("").parts): path
        for path in folder.rglob("*.py")
    }
    modules = {
        name.removesuffix(".__init__"): path for name, path in files.items() if name != "__init__"
    }
    edges = {}
    for name, path in modules.items():
        names = imported(path, ["top", *path.relative_to(folder).parent.parts])
        names = [one.removeprefix("top.") for one in names if one.startswith("top.")]
        edges[name] = {
            max((module for module in modules if f"{one}.".startswith(f"{module}.")), key=len)
            for one in names
        } - {name}
    return edges


def test_no_module_of_the_demo_imports_itself_through_others():
    edges = graph(DEMO)
    assert edges["tabs"] >= {"tabs.sample", "tabs.learn"} and "tabs" in edges["page"]
    list(TopologicalSorter(edges).static_order())


def test_an_import_circle_would_be_found(tmp_path):
    (tmp_path / "tabs").mkdir()
    (tmp_path / "page.py").write_text("from .tabs import TABS")
    (tmp_path / "tabs/__init__.py").write_text("from . import sample")
    (tmp_path / "tabs/sample.py").write_text("if TYPE_CHECKING:\n    from ..page import Page")
    with pytest.raises(CycleError, match="page"):
        list(TopologicalSorter(graph(tmp_path)).static_order())


def of_the_demo(names):
    return [one for one in names if re.match(r"(demo|dgm_audio\._demo)(\.|$)", one)]


def test_the_package_never_imports_the_demo():
    """The command `dgm-audio demo` alone loads it, by name, when it runs."""
    for path in PACKAGE.rglob("*.py"):
        names = imported(path, path.relative_to(ROOT).parent.parts)
        assert of_the_demo(names) == [], path
        assert "_demo" not in path.read_text("utf-8") or path == PACKAGE / "cli/demo.py", path
    assert of_the_demo(["demo.page", "dgm_audio._demo.page", "dgm_audio.cli.demo"]) == [
        "demo.page",
        "dgm_audio._demo.page",
    ]
