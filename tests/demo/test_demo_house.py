"""Rules that the demo's sources keep: no family, no model, no host by name; its examples run."""

import doctest
import importlib
import re

import pytest
from conftest import ROOT

import dgm_audio
from dgm_audio.registry import FAMILIES

DEMO = ROOT / "demo"
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
