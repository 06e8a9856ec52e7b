"""The Learn tab: families from docstrings, a diagram of the model, the code of a sound."""

import re
import sys
import types
import xml.etree.ElementTree as ET

import pytest
import torch
from dgm_audio._demo import family_docs
from dgm_audio._demo.diagram import diagram
from dgm_audio._demo.family_docs import documented_families, families_html, parse_docstring
from dgm_audio._demo.tabs.learn import code_of
from toys import ToyFactor, ToyFactorConfig, ToyFlow, ToyFlowConfig

from dgm_audio import load
from dgm_audio.apps.render import provenance_for, render
from dgm_audio.errors import InputError
from dgm_audio.io import read_audio
from dgm_audio.registry import FamilyInfo, list_families
from dgm_audio.specs import Classes, ConditionSpec, Scalar

DOC = """A toy: noise in, sound out.

    x = f(z, c),
      z ~ N(0, I)

It is quick
and says `nothing`.

    log p = 0

References:
    Ada, "On engines", a title that
        goes on, 1843.
    Bob, 1900.
"""


@pytest.fixture(scope="module")
def model():
    return load("drums-vae", device="cpu")


def texts(model):
    root = ET.fromstring(diagram(model))
    return [node.text for node in root.iter("text")], root


def test_a_docstring_is_parsed():
    lesson = parse_docstring(DOC)
    assert lesson.title == "A toy: noise in, sound out."
    assert lesson.formula == "x = f(z, c),\n  z ~ N(0, I)"
    assert lesson.rest == (("It is quick and says `nothing`.", False), ("log p = 0", True))
    assert lesson.references == ('Ada, "On engines", a title that goes on, 1843.', "Bob, 1900.")


@pytest.mark.parametrize("doc", ["", "One line.", "References:\n    Ada, 1843."])
def test_a_docstring_may_be_short(doc):
    lesson = parse_docstring(doc)
    assert lesson.formula == "" and lesson.rest == ()


def test_every_family_has_a_formula_and_says_what_it_does():
    assert [info.name for info, _ in documented_families()] == [
        info.name for info in list_families()
    ]
    for info, lesson in documented_families():
        assert info.error is None and lesson.title and lesson.formula, info.name
        assert lesson.references and "    " not in lesson.title, info.name


def test_the_family_of_the_model_comes_first_and_open():
    name = documented_families()[-1][0].name
    shown = families_html(name)
    first, *others = re.findall(
        r"<details class='dgm-family' (open)?>\s*<summary><b>([\w-]+)", shown
    )
    assert first == ("open", name)
    assert len(others) == len(documented_families()) - 1 and not any(opened for opened, _ in others)


def test_a_plugin_without_a_module_docstring_is_shown_by_its_class(monkeypatch):
    class Plugin:
        """A plugin <of> somebody.

        x = z & c
        """

    module = types.ModuleType("somebodys")
    Plugin.__module__ = "somebodys"
    monkeypatch.setitem(sys.modules, "somebodys", module)
    broken = FamilyInfo("broken", "theirs 1.0", error="family 'broken' cannot be imported: Oh <no>")
    infos = [FamilyInfo("own", "somebodys 0.1", encode=True), broken]
    monkeypatch.setattr(family_docs, "list_families", lambda: infos)
    monkeypatch.setattr(family_docs, "get_family", lambda name: Plugin)
    family_docs.documented_families.cache_clear()
    try:
        shown = families_html("own")
    finally:
        family_docs.documented_families.cache_clear()
    assert "A plugin &lt;of&gt; somebody." in shown and "somebodys 0.1" in shown
    assert "Oh &lt;no&gt;" in shown and "encodes recordings" in shown


def test_the_picture_has_the_numbers_of_the_model(model):
    words, root = texts(model)
    assert root.find(".//svg").get("aria-label") == "How drums-vae makes sound of noise"
    assert "z  (1, 64, 1)" in words and f"x  (1, 1, {model.audio.length})" in words
    assert "encode(x, c)" in words and "class: one of 12 (kick ...)" in words
    assert any("lower bound" in word for word in words)


def test_the_picture_shows_only_what_a_model_can():
    flow, factor = ToyFlow(ToyFlowConfig()), ToyFactor(ToyFactorConfig())
    for toy in (flow, factor):
        words, _ = texts(toy)
        assert ("encode(x, c)" in words) == hasattr(toy, "encode")
        exact = any("exact" in word for word in words)
        assert exact == hasattr(toy, "log_prob")
        assert ("no condition" in words) == (not toy.condition)


def test_the_picture_shows_words_of_a_model_as_words():
    toy = ToyFlow(ToyFlowConfig())
    toy.family = "<b>toy</b>"
    toy.condition = ConditionSpec(
        {"<i>class</i>": Classes(("<u>one</u>",)), "<s>pitch</s>": Scalar(0, 1, "<a>Hz</a>", 0)}
    )
    words, _ = texts(toy)
    assert "<i>class</i>: one of 1 (<u>one</u> ...)" in words
    assert "<s>pitch</s>: 0 to 1 <a>Hz</a>" in words and "<b>toy</b>" in words


def test_a_model_of_ones_own_needs_its_folder(model):
    def note(name):
        parameters = {"latents": {}, "length": 9000, "condition": {"class": "snare"}}
        recipe = provenance_for(model, name, "decode", **parameters)
        return code_of({"recipe": recipe.to_json()})["note"]

    assert note("drums-vae") == note("hf:org/drums") == ""
    assert "'mine'" in note("mine") and "--model FOLDER" in note("mine")


def test_the_lines_make_the_sound(model, tmp_path, monkeypatch):
    parameters = {"seed": 3, "index": 1, "temperature": 1.0, "length": 9000}
    recipe = provenance_for(
        model, "drums-vae", "sample", condition={"class": "snare"}, **parameters
    )
    shown = code_of({"recipe": recipe.to_json(), "file": "my_snare"})
    assert shown["command"] == "dgm-audio recall my_snare.wav"
    monkeypatch.chdir(tmp_path)
    exec(shown["lines"], {})
    made, _ = read_audio(tmp_path / "my_snare.wav")
    torch.testing.assert_close(made, render(model, recipe), atol=1e-4, rtol=0)


@pytest.mark.parametrize("file", ["a/b", "x\ny", "", None, 7, "a" * 200, 'x"; import os'])
def test_a_file_name_of_the_page_is_a_plain_one(model, file):
    parameters = {"seed": 3, "index": 1, "temperature": 1.0, "length": 9000}
    recipe = provenance_for(
        model, "drums-vae", "sample", condition={"class": "snare"}, **parameters
    )
    shown = code_of({"recipe": recipe.to_json(), "file": file})
    assert shown["command"] == "dgm-audio recall sound.wav"
    assert "import os" not in shown["lines"]


def test_latents_in_a_file_are_noted(model):
    latents = {"file": "latents-0123456789abcdef.safetensors", "sha256": "0" * 64}
    parameters = {"latents": latents, "length": 9000, "condition": {"class": "snare"}}
    recipe = provenance_for(model, "drums-vae", "decode", **parameters)
    assert latents["file"] in code_of({"recipe": recipe.to_json()})["note"]
    recipe = provenance_for(model, "drums-vae", "decode", **parameters | {"latents": {}})
    assert code_of({"recipe": recipe.to_json()})["note"] == ""


def test_without_a_recipe_there_are_no_lines_and_junk_is_refused():
    assert code_of({}) == code_of(None) == code_of({"recipe": ""}) == {}
    for junk in ({"recipe": "{}"}, {"recipe": 7}, ["x"], {"recipe": "x" * 100_000}):
        with pytest.raises(InputError):
            code_of(junk)
