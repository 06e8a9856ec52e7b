"""The Python code of a sound makes the same sound."""

import ast

import pytest
import torch
from dgm_audio._demo.python_code import python_code

import dgm_audio
from dgm_audio.apps.latents import pack
from dgm_audio.apps.render import provenance_for, render
from dgm_audio.errors import InputError
from dgm_audio.io import read_audio
from dgm_audio.provenance import CALLS, Provenance

ENDS = [{"seed": 1, "index": 0}, {"seed": 2, "index": 3, "temperature": 0.7}]
CONDITIONS = [{"class": name} for name in ("kick", "snare", "tom", "clap")]
SOUND = {"length": 20000, "condition": CONDITIONS[0]}
ACROSS = {"corners": [*ENDS, *ENDS[::-1]], "conditions": CONDITIONS}


@pytest.fixture(scope="module")
def model():
    return dgm_audio.load("drums-vae", device="cpu")


def recipes(model):
    packed = pack(model.noise(1, seed=4), {})
    calls = {
        "sample": ("sample", {**ENDS[1]}),
        "interpolate": ("interpolate", {"from": ENDS[0], "to": ENDS[1], "steps": 8, "index": 3}),
        "decode": ("decode", {"latents": packed}),
        "morph": ("morph", {"corners": ACROSS["corners"], "x": 0.3, "y": 0.85}),
        "line": ("morph", {"corners": ENDS, "x": 0.3, "y": 0}),
        "packed": ("morph", {"corners": [ENDS[0], packed], "x": 0.3, "y": 0.0}),
        "path": ("path", {**ACROSS, "points": [[0, 0, 0], [0.25, 0.5, 0.75]], "fade": 0.05}),
    }
    assert {call for call, _ in calls.values()} | {"speak"} == set(CALLS)  # see test_speaking
    return {
        name: provenance_for(model, "drums-vae", call, **SOUND, **values)
        for name, (call, values) in calls.items()
    }


@pytest.mark.parametrize(
    "name", ["sample", "interpolate", "decode", "morph", "line", "packed", "path"]
)
def test_the_lines_make_the_sound(model, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = recipes(model)[name]
    lines = python_code(recipe, "it's.wav")
    exec(compile(lines, "lines", "exec"), {})
    torch.testing.assert_close(read_audio("it's.wav")[0], render(model, recipe), atol=1e-4, rtol=0)


def test_seeds_are_shown_as_what_they_are(model):
    every = {name: python_code(recipe) for name, recipe in recipes(model).items()}
    for name in ("sample", "interpolate", "morph", "line", "path"):
        assert "model.noise(1, length=20000, seed=2, first=3, temperature=0.7)" in every[name]
        assert "render" not in every[name] and 'write_audio("sound.wav"' in every[name]
    for name in ("decode", "packed"):
        assert "render(model, provenance)" in every[name]
    assert 'model.decode(z, {"class": "kick"}, length=20000)' in every["sample"]
    assert "z = slerp(z0, z1, 3 / 7)" in every["interpolate"]


HOSTILE = 'x"); import os; os.abort()  # \'\'\' """ \\'


def test_texts_of_anybody_stay_texts():
    """What a script would call is what it would call without them."""
    values = {"seed": 1, "index": 0, "temperature": 1.0, "length": 9}
    for call, parameters in (
        ("sample", values | {"condition": {HOSTILE: HOSTILE}}),
        ("decode", {"latents": {HOSTILE: HOSTILE}}),
    ):
        lines = python_code(Provenance(HOSTILE, "", "1", call, parameters), HOSTILE)
        texts = {n.value for n in ast.walk(ast.parse(lines)) if isinstance(n, ast.Constant)}
        imports = [n for n in ast.walk(ast.parse(lines)) if isinstance(n, ast.Import)]
        assert HOSTILE in texts and "os" not in {name.name for n in imports for name in n.names}


@pytest.mark.parametrize(
    ("call", "changes"),
    [
        ("sample", {"seed": "1"}),
        ("sample", {"length": None}),
        ("interpolate", {"from": 3}),
        ("interpolate", {"steps": "__import__('os')"}),
        ("interpolate", {"from": {"seed": "os.abort()", "index": 0}}),
        ("morph", {"corners": [{"seed": 1}] * 2}),
        ("morph", {"x": "os.abort()"}),
        ("morph", {"corners": 5}),
        ("path", {"points": [["os.abort()", 0, 0]]}),
        ("path", {"fade": "0"}),
    ],
)
def test_wrong_parameters_are_refused(call, changes):
    values = {**ENDS[1], **SOUND, **ACROSS, "from": ENDS[0], "to": ENDS[1], "steps": 3, "x": 0}
    values |= {"y": 0, "points": [[0, 0, 0]], "fade": 0}
    assert python_code(Provenance("m", "", "1", call, values))
    with pytest.raises(InputError):
        python_code(Provenance("m", "", "1", call, values | changes))
