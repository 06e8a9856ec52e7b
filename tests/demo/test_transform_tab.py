"""The server's side of Transform: recordings, sliders, mixes, and untrusted input."""

import functools
import json

import numpy as np
import pytest
import soundfile
from conftest import page_with
from dgm_audio._demo import latent_edits
from dgm_audio._demo.capability_text import why_no_directions, why_no_transform
from dgm_audio._demo.latent_edits import edit, read_amounts, read_base
from dgm_audio._demo.routes import routes
from dgm_audio._demo.sound_cache import SoundCache
from dgm_audio._demo.studio import Stop, Studio
from dgm_audio._demo.tabs.transform import Transform
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dgm_audio.apps.directions import find_directions
from dgm_audio.apps.render import latent_of
from dgm_audio.errors import InputError
from dgm_audio.io import read_audio
from dgm_audio.provenance import Provenance

NAME = "drums-vae"
KICK = {"given": {"class": "kick"}}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(SoundCache(tmp_path_factory.mktemp("sounds")), max_seconds=5.0)


@pytest.fixture(scope="module")
def tab(studio):
    return page_with(studio, Transform)[1]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(
        latent_edits, "find_directions", functools.partial(find_directions, draws=32)
    )


@pytest.fixture
def kick(tmp_path):
    time = np.arange(16000) / 44100
    path = tmp_path / "my kick.wav"
    soundfile.write(path, 0.8 * np.cos(2 * np.pi * 150 * time) * np.exp(-12 * time), 44100)
    return str(path)


def end_of(updates):
    """What the page holds after all updates."""
    held = {}
    for update in updates:
        held |= update
    return held


def drawn(studio, name=NAME, seed=5, **parameters):
    model = studio.model(name)
    condition = {key: spec.names[0] for key, spec in model.condition}
    wanted = {"seed": seed, "index": 0, "temperature": 1.0, "length": 20000, "condition": condition}
    return studio.recipe(name, "sample", **(wanted | parameters))


def bars(recipe, amounts=()):
    return {"base": recipe.to_json(), "amounts": list(amounts)}


def test_a_recording_stands_beside_its_reconstruction(studio, tab, kick):
    held = end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))
    original, made = held[tab.comparison]["sides"]
    assert (original["label"], made["label"]) == ("Recording", "Reconstruction")
    assert original["title"] == "my kick.wav" and original["seconds"] == made["seconds"]
    assert held[tab.comparison]["error"].startswith("off by ")
    x, _ = read_audio(studio.cache.path(original["key"]))
    np.testing.assert_allclose(x[0], soundfile.read(kick)[0], atol=1e-4)
    assert held[tab.page.dock]["key"] == made["key"]
    assert len(held[tab.bars]["strength"]) == len(held[tab.bars]["amounts"]) == 8
    assert held[tab.edits]["visible"] and held[tab.status] == ""


def test_recordings_have_no_link_and_a_random_key(tab, kick):
    first, second = (
        end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))[tab.comparison]["sides"]
        for _ in "ab"
    )
    assert first[0]["key"] != second[0]["key"] and first[0]["recipe"] == ""
    assert all("recordings are never in links" in one["unlinked"] for one in first)
    assert json.loads(first[1]["recipe"])["parameters"]["recording"] is True


def test_a_recording_has_audio_and_picture_but_no_recipe(studio, tab, kick):
    held = end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))
    key = held[tab.comparison]["sides"][0]["key"]
    with TestClient(Starlette(routes=routes(studio.cache))) as web:
        for kind in ("wav?bits=16", "wav?bits=24", "wav", "png"):
            assert web.get(f"/sounds/{key}.{kind}").status_code == 200
        answer = web.get(f"/sounds/{key}.json")
    assert (answer.status_code, answer.text) == (
        404,
        "This sound is a recording; it has no recipe.",
    )


def test_a_source_empties_the_other_one(tab, kick):
    assert tab.voice in end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))
    assert tab.file in next(tab.encode(Stop(), NAME, KICK, False, None, kick))
    with pytest.raises(InputError, match="no recording yet"):
        next(tab.encode(Stop(), NAME, KICK, False, None, None))


def test_only_inferred_conditions_are_noted(tab, kick):
    held = end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))
    assert held[tab.comparison]["notes"] == []
    held = end_of(tab.encode(Stop(), NAME, {}, False, kick, None))
    assert held[tab.comparison]["notes"][0].startswith("taken as class ")


def test_the_sound_in_the_dock_keeps_its_own_latent(studio, tab):
    recipe = drawn(studio)
    held = end_of(tab.from_dock(Stop(), NAME, {}, False, recipe.to_json()))
    (side,) = held[tab.comparison]["sides"]
    for text in (held[tab.bars]["base"], side["recipe"]):
        assert Provenance.from_json(text) == recipe
    with pytest.raises(InputError, match="no sound of a model in the dock"):
        next(tab.from_dock(Stop(), NAME, {}, False, ""))


def test_the_sound_of_another_model_is_encoded(studio, tab):
    recipe = drawn(studio, "drums-gan")
    held = end_of(tab.from_dock(Stop(), NAME, KICK, False, recipe.to_json()))
    assert [one["label"] for one in held[tab.comparison]["sides"]] == ["Original", "Reconstruction"]
    base = Provenance.from_json(held[tab.bars]["base"])
    assert base.model == NAME and "recording" not in base.parameters
    assert held[tab.page.dock]["unlinked"] == ""


def test_a_slider_moves_the_sound_and_0_brings_it_back(studio, tab):
    recipe = drawn(studio)
    held = end_of(tab.change(Stop(), NAME, bars(recipe, [0, 2.0]), {}, {"sides": ["kept"]}))
    moved = Provenance.from_json(held[tab.page.dock]["recipe"])
    model = studio.model(NAME)
    step = latent_of(model, moved) - latent_of(model, recipe)
    assert float(step.norm()) == pytest.approx(2.0, abs=1e-4)
    shown = held[tab.comparison]
    assert shown["sides"] == ["kept"] and shown["changed"]["label"] == "Changed"
    held = end_of(tab.change(Stop(), NAME, bars(recipe, [0, 0]), {}, {}))
    assert Provenance.from_json(held[tab.page.dock]["recipe"]) == recipe
    assert held[tab.comparison]["changed"] is None


def test_a_mix_goes_from_one_sound_to_the_other(studio):
    model, base, other = studio.model(NAME), drawn(studio), drawn(studio, seed=6)

    def at(amount, **mix):
        mix = {"with": other.to_json(), "amount": amount} | mix
        recipe = edit(studio, model, base, None, [], mix)
        return latent_of(model, recipe, studio.cache.folder)

    ends = latent_of(model, base), latent_of(model, other)
    np.testing.assert_allclose(at(1.0), ends[1], atol=1e-6)
    np.testing.assert_array_equal(at(0.0), ends[0])
    between = at(0.5)
    assert not np.allclose(between, ends[0]) and not np.allclose(between, ends[1])
    seeded = at(1.0, **{"with": "", "seed": 6})
    np.testing.assert_allclose(seeded, ends[1], atol=1e-6)


def test_what_is_made_of_a_recording_stays_out_of_links(studio):
    model, base, theirs = studio.model(NAME), drawn(studio), drawn(studio, seed=6, recording=True)
    mixed = edit(studio, model, base, None, [], {"with": theirs.to_json(), "amount": 0.5})
    assert mixed.parameters["recording"] is True
    mixed = edit(studio, model, base, None, [], {"seed": 1, "amount": 0.5})
    assert "recording" not in mixed.parameters
    mixed = edit(studio, model, theirs, None, [], {"seed": 1, "amount": 0.5})
    assert mixed.parameters["recording"] is True


def test_sounds_of_unequal_length_are_mixed_as_long_as_both_last(studio):
    name = "music-vae"
    model, base = studio.model(name), drawn(studio, name, length=20 * 1024)
    other = drawn(studio, name, seed=6, length=7 * 1024 + 5)
    mixed = edit(studio, model, base, None, [], {"with": other.to_json(), "amount": 0.5})
    assert mixed.parameters["length"] == 8 * 1024
    assert latent_of(model, mixed, studio.cache.folder).shape[2] == 8


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"amounts": [4]}, "slider 1 is 4; it must be a number from -3 to 3"),
        ({"amounts": [0, float("nan")]}, "is no JSON"),
        ({"amounts": [True]}, "slider 1 is True"),
        ({"amounts": ["1"]}, "slider 1 is '1'"),
        ({"amounts": [0] * 9}, "at most 8"),
        ({"amounts": {"0": 1}}, "expected a list"),
        ({}, "expected a list"),
        ([1], "expected an object"),
    ],
)
def test_sliders_take_a_few_numbers_only(sent, words):
    with pytest.raises(InputError, match=words):
        read_amounts(sent)


def test_the_base_is_a_sound_of_this_model_with_a_latent(studio):
    model = studio.model(NAME)
    for sent in ({}, {"base": ""}, {"base": 7}, {"base": "{}"}, {"base": "no"}):
        with pytest.raises(InputError):
            read_base(studio, model, NAME, sent)
    with pytest.raises(InputError, match="this sound is of 'music-vae'"):
        read_base(studio, model, NAME, bars(drawn(studio, "music-vae")))
    wrong = json.loads(drawn(studio).to_json()) | {"weights": "0" * 64}
    with pytest.raises(InputError, match="weights"):
        read_base(studio, model, NAME, {"base": json.dumps(wrong)})


@pytest.mark.parametrize("missing", ["condition", "length"])
def test_a_base_that_lacks_a_part_is_refused_in_words(studio, missing):
    sent = json.loads(drawn(studio).to_json())
    del sent["parameters"][missing]
    model, sent = studio.model(NAME), json.dumps(sent)
    with pytest.raises(InputError, match=missing):
        read_base(studio, model, NAME, {"base": sent})
    with pytest.raises(InputError, match=missing):
        edit(studio, model, drawn(studio), None, [], {"with": sent, "amount": 0.5})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("drums-vae", ""),
        ("music-vae", ""),
        ("drums-wavenet", "white noise"),
        ("vocoder-flow", "frame"),
    ],
)
def test_every_kind_of_model_has_its_controls_or_a_reason(studio, tab, name, words):
    model = studio.model(name)
    assert why_no_transform(model) == ""
    reason = why_no_directions(model)
    assert words in reason and bool(words) == bool(reason)
    assert tab.adapt(model)[tab.everything]["visible"]


def test_a_vocoder_resynthesises_all_channels(studio, tab, tmp_path):
    x = 0.3 * np.sin(np.arange(4000) * np.array([[0.1], [0.2]])).T
    path = tmp_path / "two.wav"
    soundfile.write(path, x, 16000)
    held = end_of(tab.encode(Stop(), "vocoder-flow", {}, False, str(path), None))
    sides = held[tab.comparison]["sides"]
    assert [one["label"] for one in sides] == ["Recording", "Resynthesis"]
    assert [one["channels"] for one in sides] == [2, 2]
    assert held[tab.page.dock]["key"] == sides[1]["key"] and held[tab.page.dock]["recipe"] == ""
    assert "no directions" in held[tab.no_sliders]


@pytest.mark.parametrize("recording", [False, True])
def test_the_sound_in_the_dock_goes_through_a_vocoder(studio, tab, recording):
    recipe = drawn(studio, seed=9, **({"recording": True} if recording else {}))
    name = "at 0.3, -0.27 of 4"
    source = studio.make(recipe, Stop(), name)
    held = end_of(tab.from_dock(Stop(), "vocoder-flow", {}, False, recipe.to_json()))
    taken, made = held[tab.comparison]["sides"]
    assert taken == source.page_data() | {"label": "Original"}
    assert (made["title"], made["label"]) == (f"{name}, resynthesised", "Resynthesis")
    assert ("recordings are never in links" in made["unlinked"]) is recording
    assert made["unlinked"] and (made["model"] == "recording") is recording
    assert held[tab.page.dock]["unlinked"] == made["unlinked"]


def test_only_names_of_files_lose_their_suffix(studio, tab, kick):
    recipe = drawn(studio, "drums-gan", seed=8)
    studio.make(recipe, Stop(), "kick map 0 at 0.3, -0.27")
    held = end_of(tab.from_dock(Stop(), NAME, KICK, False, recipe.to_json()))
    taken, made = held[tab.comparison]["sides"]
    assert taken["title"] == "kick map 0 at 0.3, -0.27"
    assert (taken["model"], made["title"]) == ("drums-gan", f"{taken['title']}, encoded")
    assert "This sound has no recipe" in taken["unlinked"]
    held = end_of(tab.encode(Stop(), NAME, KICK, False, kick, None))
    taken, made = held[tab.comparison]["sides"]
    assert (taken["title"], taken["file"]) == ("my kick.wav", "my-kick")
    assert made["title"] == "my kick, encoded"
