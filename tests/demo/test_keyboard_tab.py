"""The keyboard tab: notes, their timbre, and refused input."""

from dataclasses import replace

import pytest
import torch
from dgm_audio._demo.studio import Stop, Stopped, Studio
from dgm_audio._demo.tabs.keyboard import (
    A_SEED,
    KEYS,
    THE_DOCK,
    make_note,
    make_notes,
    note_order,
    seed_recipe,
)

from dgm_audio.apps.render import latent_of
from dgm_audio.errors import InputError
from dgm_audio.provenance import Provenance
from dgm_audio.specs import Scalar

NAME = "notes-vae"
PITCH = Scalar(24, 84, "MIDI number", 60)


@pytest.fixture
def studio(sound_cache):
    return Studio(sound_cache, max_seconds=0.1)


@pytest.fixture
def make(studio):
    """All lines and notes for a request of the page."""
    return lambda *inputs: list(make_notes(studio, Stop(), *inputs))


@pytest.mark.parametrize(
    ("first", "expected"), [(48, range(48, 73)), (12, range(24, 37)), (72, range(72, 85)), (96, [])]
)
def test_only_notes_of_the_model_are_made(first, expected):
    assert sorted(note_order(first, PITCH)) == list(expected)


def test_notes_in_the_middle_come_first():
    order = note_order(48, PITCH)
    assert order[0] == 60 and {order[-1], order[-2]} == {48, 72}
    assert len(order) == KEYS


def test_a_seed_gives_the_timbre(studio):
    recipe = seed_recipe(studio, NAME, 7, {"instrument": "brass"})
    parameters = recipe.parameters
    assert (parameters["seed"], parameters["condition"]["instrument"]) == (7, "brass")
    assert parameters["length"] == 4410
    for seed, given in ((-1, {}), (2**80, {}), (0, {"instrument": "<b>"}), (0, {"odd": 1})):
        with pytest.raises(InputError):
            seed_recipe(studio, NAME, seed, given)


def test_a_note_is_the_same_latent_at_another_pitch(studio):
    recipe = seed_recipe(studio, NAME, 1, {"instrument": "organ"})
    recipe = replace(recipe, parameters={**recipe.parameters, "recording": True})
    low, high = (make_note(studio, recipe, note, Stop()) for note in (48, 72))
    assert low.key != high.key
    for sound, pitch in ((low, 48.0), (high, 72.0)):
        assert sound.recipe.parameters["condition"] == {"instrument": "organ", "pitch": pitch}
        assert sound.page_data()["unlinked"]  # whatever is made of a recording is one
        z = latent_of(studio.model(NAME), sound.recipe)
        torch.testing.assert_close(z, latent_of(studio.model(NAME), recipe))


@pytest.mark.parametrize(
    ("call", "condition"),
    [("path", {"pitch": 60.0}), ("sample", {}), ("sample", None), ("sample", [60])],
)
def test_sounds_without_a_single_pitch_are_refused(studio, call, condition):
    recipe = Provenance(NAME, "0" * 64, "1", call, {"condition": condition})
    with pytest.raises(InputError, match="no single pitch"):
        make_note(studio, recipe, 60, Stop())


def test_all_notes_are_made_with_progress(make, studio):
    updates = make(NAME, {"given": {"instrument": "piano"}}, A_SEED, 3, {"first": 72, "turn": 5})
    assert "0 of 13 notes" in updates[0][0]
    assert [len(made["notes"]) for _, made in updates] == list(range(14))
    status, made = updates[-1]
    assert (status, made["turn"]) == ("", 5)
    assert [note for note, _ in made["notes"]] == note_order(72, PITCH)
    for _, facts in made["notes"]:
        assert studio.cache.path(facts["key"]).is_file()
        assert sorted(facts) == ["key", "lufs", "peak_dbfs"]


def test_the_sound_in_the_dock_gives_the_timbre(make, studio):
    recipe = seed_recipe(studio, NAME, 11, {"instrument": "reed"})
    asked = {"first": 72, "turn": 1, "recipe": recipe.to_json()}
    notes = dict(make(NAME, {}, THE_DOCK, 0, asked)[-1][1]["notes"])
    assert notes[84]["key"] == make_note(studio, recipe, 84, Stop()).key


def test_a_model_without_pitch_makes_no_notes(make):
    assert make("drums-vae", {}, A_SEED, 0, {"first": 48, "turn": 1}) == []


HOSTILE = [
    (A_SEED, 0, None, "first is None"),
    (A_SEED, 0, [], "list"),
    (A_SEED, 0, {"first": "48", "turn": 1}, "first is"),
    (A_SEED, 0, {"first": 1e9, "turn": 1}, "first is 1000000000"),
    (A_SEED, 0, {"first": 48, "turn": []}, "turn is"),
    (A_SEED, None, {"first": 48, "turn": 1}, "seed is None"),
    (A_SEED, -4, {"first": 48, "turn": 1}, "seed is -4"),
    (THE_DOCK, 0, {"first": 48, "turn": 1}, "holds no sound of this model"),
    (THE_DOCK, 0, {"first": 48, "turn": 1, "recipe": [1]}, "a recipe is a text"),
    (THE_DOCK, 0, {"first": 48, "turn": 1, "recipe": "{"}, "is no JSON"),
]


@pytest.mark.parametrize(("source", "seed", "asked", "words"), HOSTILE)
def test_what_is_not_allowed_is_refused_in_one_line(make, source, seed, asked, words):
    with pytest.raises(InputError, match=words) as error:
        make(NAME, {}, source, seed, asked)
    assert "\n" not in str(error.value)


def test_sounds_of_other_weights_are_refused(make, studio):
    recipe = replace(seed_recipe(studio, NAME, 0, {}), weights="0" * 64)
    with pytest.raises(InputError, match="weights 000000000000"):
        make(NAME, {}, THE_DOCK, 0, {"first": 48, "turn": 1, "recipe": recipe.to_json()})


def test_stop_ends_the_making(studio):
    stop = Stop()
    making = make_notes(studio, stop, NAME, {}, A_SEED, 0, {"first": 48, "turn": 1})
    next(making)
    stop.pressed = True
    with pytest.raises(Stopped):
        next(making)
