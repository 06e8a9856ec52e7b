"""The server's side of Compare: one seed, a shared class if possible, one row per model."""

import pytest
from conftest import page_with
from dgm_audio._demo.sound_cache import SoundCache
from dgm_audio._demo.studio import Studio
from dgm_audio._demo.tabs import compare
from dgm_audio._demo.tabs.compare import models_of_same_data, shared_conditions

from dgm_audio.provenance import Provenance
from dgm_audio.specs import Classes, ConditionSpec, Scalar

DRUMS = ConditionSpec({"class": Classes(("kick", "snare", "clap"))})
OTHER_DRUMS = ConditionSpec({"kind": Classes(("cowbell", "clap", "snare"))})
NOTES = ConditionSpec(
    {"instrument": Classes(("reed", "organ")), "pitch": Scalar(24, 84, "MIDI", 60.0)}
)
FREE = ConditionSpec()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(SoundCache(tmp_path_factory.mktemp("sounds")), max_seconds=0.5)


@pytest.fixture(scope="module")
def built(studio):
    """The page of the tab, and its events by name."""
    page, _, events = page_with(studio, compare.build)
    return page, events


def pressed(built, names, seed=7, given=None, locked=True):
    """What the players, the table and the status hold in the end; and the dock."""
    page, fns = built
    players, table, status = (fns["compare"].outputs[place] for place in (1, 2, 4))
    held = {}
    for update in fns["compare"].fn(None, names, {"given": given or {}}, seed, locked):
        held |= update
    return held.get(players, []), held.get(table, ""), held.get(status), held.get(page.dock)


def test_the_class_that_all_share_is_taken():
    found = shared_conditions({"a": DRUMS, "b": OTHER_DRUMS, "c": FREE}, {})
    assert found == {"a": {"class": "snare"}, "b": {"kind": "snare"}, "c": {}}


def test_models_that_share_none_have_their_own():
    found = shared_conditions({"a": DRUMS, "b": NOTES}, {})
    assert found == {"a": {"class": "kick"}, "b": {"instrument": "reed", "pitch": 60.0}}


@pytest.mark.parametrize(
    ("given", "drums", "notes"),
    [
        ({"class": "clap"}, "clap", ("reed", 60.0)),
        ({"instrument": "organ", "pitch": 40}, "kick", ("organ", 40.0)),
        ({"pitch": 999}, "kick", ("reed", 60.0)),
        ({"pitch": "high", "class": "gong"}, "kick", ("reed", 60.0)),
    ],
)
def test_what_was_chosen_holds_wherever_it_fits(given, drums, notes):
    found = shared_conditions({"a": DRUMS, "b": NOTES}, given)
    assert found["a"] == {"class": drums}
    assert tuple(found["b"].values()) == notes


def test_models_of_the_same_recordings_are_ticked_first(studio):
    assert models_of_same_data(studio, studio.model("drums-gan"))[0] == "drums-gan"
    found = models_of_same_data(studio, studio.model("drums-vae"))
    assert {"drums-vae", "drums-gan"} <= set(found) and "music-vae" not in found
    assert len(found) <= compare.MAX_PRESELECTED
    assert models_of_same_data(studio, studio.model("vocoder-flow")) == []


def test_every_model_samples_the_seed_or_gives_a_reason(built):
    sounds, table, status, dock = pressed(built, ["vocoder-flow", "drums-vae", "music-vae"])
    recipes = [Provenance.from_json(one["recipe"]) for one in sounds]
    assert [one.model for one in recipes] == ["drums-vae", "music-vae"]
    assert {(one.parameters["seed"], one.parameters["index"]) for one in recipes} == {(7, 0)}
    assert all("x real time" in one["note"] and one["model"] in one["note"] for one in sounds)
    assert all(one["seconds"] <= 0.51 for one in sounds)
    assert table.count("<tr>") == 4 and "vocoder-flow makes sounds from a given mel" in table
    assert dock["key"] == sounds[0]["key"] and "one seed: 7" in status


def test_without_a_model_that_makes_sounds_it_says_so(built):
    for names in ([], None, ["vocoder-flow"]):
        sounds, _, status, dock = pressed(built, names)
        assert sounds == [] and dock is None and "Tick at least one model" in status


def test_wrong_models_and_seeds_are_refused_in_words(built):
    assert "There is no model" in pressed(built, ["no-such"])[2]
    for seed in (-1, None, 0.5, 2**70):
        assert f"Seed is {seed}; it must be" in pressed(built, ["drums-vae"], seed=seed)[2]


def test_names_are_no_html(built):
    assert "<b>" not in compare._refusal("<b>", "<i>")
