"""Paths: the clip is the crossfade of the sounds of its points, nothing hostile gets through."""

import json
import math

import pytest
import torch
from toys import ToyFlow, ToyFlowConfig

from dgm_audio.apps.latents import pack
from dgm_audio.apps.morph import blend, crossfade
from dgm_audio.apps.render import provenance_for, render
from dgm_audio.errors import DgmAudioError, InputError
from dgm_audio.provenance import Provenance

CORNERS = [{"seed": seed, "index": seed} for seed in range(4)]
CONDITIONS = [{"class": "high" if i % 2 else "low", "gain": 0.5 + i / 4} for i in range(4)]
KICK = {"class": "kick"}
POINTS = [[0, 0, 0], [0.0025, 0.5, 0.25], [0.003, 1, 1]]
HOSTILE = [None, True, -1, 10**400, math.nan, math.inf, "x" * 500, [], {}, [[]], {"seed": {}}]


@pytest.fixture
def flow():
    model = ToyFlow(ToyFlowConfig())
    model.name, model.weights_hash = "flow", "ab" * 32
    return model


def path(model, **changes):
    values = {"corners": CORNERS, "conditions": CONDITIONS, "condition": CONDITIONS[0]}
    values |= {"points": POINTS, "length": 30, "fade": 0.001}
    return provenance_for(model, "flow", "path", **(values | changes))


def morph(model, x, y):
    there = {"x": x, "y": y, "condition": blend(CONDITIONS, x, y)}
    return provenance_for(model, "flow", "morph", corners=CORNERS, length=30, **there)


def test_a_path_is_its_morphs_crossfaded(flow):
    sounds = [render(flow, morph(flow, x, y)) for _, x, y in POINTS]
    expected = crossfade(sounds, [0, 20, 24], 8)
    assert expected.shape == (1, 54)
    assert render(flow, path(flow)).equal(expected)
    assert render(flow, Provenance.from_json(path(flow).to_json())).equal(expected)


def test_a_line_of_packed_ends_and_a_single_point(flow):
    ends = [pack(flow.noise(1, seed=seed, length=30), {}) for seed in (5, 6)]
    few = {"corners": ends, "conditions": CONDITIONS[:2]}
    sound = render(flow, path(flow, points=[[0, 1, 0]], **few))
    with torch.no_grad():
        expected = flow.decode(flow.noise(1, seed=6, length=30), CONDITIONS[1], length=30)[0]
    torch.testing.assert_close(sound, expected)


def test_sounds_can_be_watched_and_stopped(flow):
    seen = []

    def watch(blocks, total):
        seen.append(total)
        for block in blocks:
            seen.append(tuple(block.shape))
            yield block

    assert render(flow, path(flow), watch=watch).equal(render(flow, path(flow)))
    assert seen == [90, (1, 1, 30), (1, 1, 30), (1, 1, 30)]

    def stopping(blocks, total):
        yield next(iter(blocks))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(flow, path(flow), watch=stopping)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize(
    "key", ["corners", "conditions", "condition", "points", "length", "fade", "corner", "time"]
)
def test_hostile_values_are_one_line(flow, key, hostile):
    changes = {key: hostile}
    if key == "corner":
        changes = {"corners": [*CORNERS[:3], hostile]}
    elif key == "time":
        changes = {"points": [*POINTS, [hostile, 0, 0]]}
    with pytest.raises(DgmAudioError) as error:
        render(flow, path(flow, **changes))
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": [[0, 0, 0]] * 65}, "there are 65 points"),
        ({"points": [[0, 0]]}, r"a point is \[0, 0\]"),
        ({"points": [[0, 0, 1.5]]}, "y is 1.5"),
        ({"points": [[61, 0, 0]]}, "seconds is 61"),
        ({"points": [[1, 0, 0], [0.5, 0, 0]]}, "must ascend"),
        ({"fade": 5.1}, "fade is 5.1"),
        ({"length": 10**9}, "memory"),
        ({"length": 2**62}, "memory"),
        ({"length": 0}, "length is 0"),
        ({"corners": CORNERS[:3]}, "3 corners"),
        ({"corners": CORNERS[:2]}, "2 corners and 4 conditions"),
        ({"conditions": [*CONDITIONS[:3], {"class": "low"}]}, "names must be equal"),
        ({"condition": CONDITIONS[1]}, "that of the first corner"),
        ({"condition": KICK, "conditions": [KICK] * 4}, "'kick'"),
        ({"conditions": [1, 2, 3, 4]}, "a condition is 1"),
    ],
)
def test_what_is_not_allowed_is_named(flow, changes, message):
    with pytest.raises(InputError, match=message):
        render(flow, path(flow, **changes))


def test_many_long_sounds_are_refused_before_any_work(flow, monkeypatch):
    monkeypatch.setattr(flow, "_decode", lambda *_: pytest.fail("decoded"))
    length = 2**31 // 4 // 60  # one alone would be allowed
    with pytest.raises(InputError, match=r"64 sounds .* GiB"):
        render(flow, path(flow, length=length, points=[[0, 0, 0]] * 64))


def test_missing_keys_are_named(flow):
    whole = json.loads(path(flow).to_json())["parameters"]
    for key in whole:
        parameters = {name: value for name, value in whole.items() if name != key}
        with pytest.raises(InputError, match=key):
            render(flow, provenance_for(flow, "flow", "path", **parameters))


def test_the_longest_path_fits_into_provenance(flow):
    points = [[round(0.94 * i, 2), 0.33, 0.67] for i in range(64)]
    assert len(path(flow, points=points).to_json()) <= 2000
