"""The map tab: page data, sounds of points and coordinates, refused input."""

import json
from dataclasses import replace

import pytest
import torch
from dgm_audio._demo.map_cache import MAX_MAPS, POINTS, MapCache
from dgm_audio._demo.studio import Stop, Stopped, Studio
from dgm_audio._demo.tabs.map import AHEAD, MapEvents
from toys import ToyFactor, ToyFactorConfig

from dgm_audio.apps.render import latent_of
from dgm_audio.capabilities import HasCodes
from dgm_audio.errors import InputError

NAME = "drums-vae"


@pytest.fixture
def studio(sound_cache):
    return Studio(sound_cache, max_seconds=0.2)


@pytest.fixture
def maps(studio):
    return MapCache(studio)


@pytest.fixture
def events(maps):
    """Handlers whose components have these names."""
    return MapEvents(maps, "board", "seed", "status", "played", "made", "found")


def final_values(updates):
    """The last value of each updated component."""
    return {part: value for update in updates for part, value in update.items()}


def drawn(updates):
    """The map that the page receives."""
    return json.loads(final_values(updates)["board"]["map"])


def asking(shown, **more):
    page = shown.page_data()
    return {"id": page["id"], "seed": page["seed"], "given": page["given"]} | more


def test_the_page_data_holds_all_that_is_drawn(maps):
    page = maps.get(NAME, 3, {}, Stop()).page_data()
    names = maps._studio.model(NAME).condition.fields["class"].names
    assert (page["seed"], page["given"], page["names"]) == (3, {}, list(names))
    assert len(page["points"]) == POINTS
    assert max(max(abs(x), abs(y)) for x, y, _ in page["points"]) == 1
    assert [name for *_, name in page["points"]] == [i % len(names) for i in range(POINTS)]
    across, up = (
        round(100 * share) for share in maps.get(NAME, 3, {}, Stop()).latent_map.explained
    )
    assert f"shows {across + up} %" in page["words"] and f"{up} % up" in page["words"]


def test_maps_are_cached_by_seed_and_conditions(maps):
    first = maps.get(NAME, 0, {}, Stop())
    assert maps.requested(NAME, asking(first), Stop()).latent_map is first.latent_map
    others = [maps.get(NAME, 1, {}, Stop()), maps.get(NAME, 0, {"class": "kick"}, Stop())]
    assert len({shown.page_data()["id"] for shown in (first, *others)}) == 3
    assert others[1].page_data()["names"] == ["kick"]
    for seed in range(2, MAX_MAPS + 1):
        maps.get(NAME, seed, {}, Stop())
    assert len(maps._maps) == MAX_MAPS
    assert maps.get(NAME, 0, {}, Stop()).latent_map is not first.latent_map


def test_a_point_is_the_sound_of_its_seed(maps, studio):
    shown = maps.get(NAME, 5, {}, Stop())
    sound = shown.point_sound(17, Stop())
    parameters = sound.recipe.parameters
    assert (sound.recipe.call, parameters["seed"], parameters["index"]) == ("sample", 5, 17)
    assert sound.seconds == pytest.approx(0.2)
    torch.testing.assert_close(
        latent_of(studio.model(NAME), sound.recipe)[0], shown.latent_map.z[17]
    )
    torch.testing.assert_close(
        torch.tensor(shown.locate(sound.recipe), dtype=torch.float64),
        shown.latent_map.points[17],
        atol=1e-3,
        rtol=0,
    )


@pytest.mark.parametrize("index", [-1, POINTS, 0.5, "1", None, True])
def test_there_are_no_other_points(maps, index):
    with pytest.raises(InputError, match="index"):
        maps.get(NAME, 0, {}, Stop()).point_sound(index, Stop())


def test_a_place_is_decoded_where_it_is(maps):
    shown = maps.get(NAME, 0, {}, Stop())
    sound = shown.place_sound(0.3001, -0.2, Stop())
    assert sound.recipe.call == "decode"
    assert sound.recipe.parameters["condition"] == shown.latent_map.latent_at(0.3, -0.2)[1]
    assert shown.locate(sound.recipe) == pytest.approx((0.3, -0.2), abs=1e-3)
    assert shown.place_sound(0.2999, -0.2, Stop()).key == sound.key
    assert shown.place_sound(0.32, -0.2, Stop()).key != sound.key
    assert sound.title.endswith("map 0 at 0.3, -0.2")


def test_only_sounds_of_the_model_are_found(maps, studio):
    shown = maps.get(NAME, 0, {}, Stop())
    recipe = shown.point_sound(0, Stop()).recipe
    with pytest.raises(InputError, match="weights"):
        shown.locate(replace(recipe, weights="0" * 64))
    with pytest.raises(InputError, match="path"):
        shown.locate(replace(recipe, call="path"))


def test_models_without_a_map_say_why(maps):
    with pytest.raises(InputError, match="one latent per sample"):
        maps.get("drums-wavenet", 0, {}, Stop())


def test_what_the_page_asks_for_is_answered(events, maps):
    shown = maps.get(NAME, 0, {}, Stop())
    board = drawn(events.draw(Stop(), NAME, {"given": {"class": "kick"}}, 4))
    assert (board["seed"], board["names"]) == (4, ["kick"])
    asked = asking(shown, turn=7, x=0.1, y=0.2, final=True)
    played = final_values(events.play(Stop(), NAME, asked))["played"]
    assert (played["turn"], played["final"], played["sound"]["call"]) == (7, True, "decode")
    played = final_values(events.play(Stop(), NAME, asking(shown, turn=8, index=9)))["played"]
    assert (played["index"], played["sound"]["index"]) == (9, 9)
    made = final_values(events.make_ahead(Stop(), NAME, asking(shown, indices=[3, 1])))["made"]
    assert [(index, sound["index"]) for index, sound in made["sounds"]] == [(3, 3), (1, 1)]
    asked = asking(shown, key="k", recipe=played["sound"]["recipe"])
    found = final_values(events.find(Stop(), NAME, asked))["found"]
    assert found["place"] == pytest.approx(shown.latent_map.points[9].tolist(), abs=1e-3)


@pytest.mark.parametrize("locked", [True, False])
def test_another_map_keeps_a_locked_seed_only(events, locked):
    updates = list(events.draw_another(Stop(), NAME, {}, 12, locked))
    assert (final_values(updates)["seed"] == 12) is locked
    assert drawn(updates)["seed"] == final_values(updates)["seed"]


@pytest.fixture
def pressed():
    stop = Stop()
    stop.pressed = True
    return stop


@pytest.mark.parametrize("indices", [[1], [POINTS]])
def test_what_is_not_made_ahead_is_answered_all_the_same(events, maps, pressed, indices):
    asked = asking(maps.get(NAME, 0, {}, Stop()), indices=indices)
    stop, error = (pressed, Stopped) if indices == [1] else (Stop(), InputError)
    updates = events.make_ahead(stop, NAME, asked)
    assert next(updates) == {"made": {"id": asked["id"], "sounds": []}}
    with pytest.raises(error):
        next(updates)


def test_stop_ends_a_map_whose_directions_are_looked_for(maps, pressed, monkeypatch):
    toy = ToyFactor(ToyFactorConfig())
    assert not isinstance(toy, HasCodes)
    monkeypatch.setattr(maps._studio, "model", lambda name: toy)
    with pytest.raises(Stopped):
        maps.get("toy", 0, {}, pressed)


HOSTILE = [
    ("draw", {}, "seed is None"),
    ("play", None, "seed"),
    ("play", [1, 2], "list"),
    ("play", {"seed": 0, "x": "<script>", "y": 0}, "x is"),
    ("play", {"seed": 0, "x": 0, "y": float("nan")}, "no JSON"),
    ("play", {"seed": 0, "x": 9, "y": 0}, "x is 9"),
    ("play", {"seed": -1, "index": 0}, "seed"),
    ("play", {"seed": 0, "given": {"class": "../etc"}, "index": 0}, "allowed are kick"),
    ("play", {"seed": 0, "given": {"odd": 1}, "index": 0}, "odd"),
    ("play", {"seed": 0, "index": 10**9}, "index"),
    ("make_ahead", {"seed": 0, "indices": "all"}, "indices"),
    ("make_ahead", {"seed": 0, "indices": list(range(AHEAD + 1))}, "at most"),
    ("make_ahead", {"seed": 0, "indices": [None]}, "index"),
    ("find", {"seed": 0, "recipe": {}}, "a recipe is a text"),
    ("find", {"seed": 0, "recipe": "{}"}, "provenance"),
]


@pytest.mark.parametrize(("name", "asked", "words"), HOSTILE)
def test_what_is_not_allowed_is_refused_in_one_line(events, name, asked, words):
    with pytest.raises(InputError, match=words) as error:
        list(getattr(events, name)(Stop(), NAME, asked, *([None] if name == "draw" else [])))
    assert "\n" not in str(error.value)
