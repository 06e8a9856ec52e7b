"""A model that says texts on the page: what is offered, sounds as long as their text, voices."""

import pytest
from dgm_audio._demo.capability_text import morph_note, own_conditions
from dgm_audio._demo.corners import read_corners
from dgm_audio._demo.python_code import python_code
from dgm_audio._demo.sound_cache import SoundCache
from dgm_audio._demo.studio import Stop, Studio
from dgm_audio._demo.tabs.compare import shared_conditions
from dgm_audio._demo.tabs.sample import _call
from dgm_audio._demo.widgets import condition_fields
from speaking import RATE, small_model

from dgm_audio.apps.render import item_conditions
from dgm_audio.checkpoint import save_model
from dgm_audio.errors import InputError

SAID = {"text": "Press two."}
SEEDS = [{"seed": seed} for seed in (1, 2, 3, 4)]
PAGE = "This is a sentence, and it goes on. And this is another one, which is longer. "


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(small_model(), folder)
    return Studio(SoundCache(tmp_path_factory.mktemp("sounds")), [str(folder)], max_seconds=60.0)


def corners(studio, given=SAID, own=False, count=4):
    return read_corners(studio, "tiny", SEEDS[:count], count, given=given, own=own, seconds=1.5)


def test_the_page_offers_a_line_for_the_text(studio):
    fields = {one["key"]: one for one in condition_fields(studio.model("tiny").condition)}
    assert fields["text"] == {"key": "text", "text": "A ball."}
    assert fields["voice"]["names"] == ["ada", "bo"] and fields["pace"]["value"] == 1


def test_a_sound_is_as_long_as_its_text(studio):
    model = studio.model("tiny")
    condition = item_conditions(model, SAID, 1)[0]
    call, how = _call(model, condition, None)
    assert (call, how["length"]) == ("sample", model.lengths(condition)[0])
    recipe = studio.recipe("tiny", call, seed=1, index=0, temperature=1.0, **how)
    sound = studio.make(recipe, Stop())
    assert round(sound.seconds * RATE) == how["length"]
    assert sound.title == "ada en Press two. seed 1:0"
    assert _call(model, condition, 0.5)[1]["length"] == RATE // 2


def test_a_long_text_is_said_in_pieces_and_a_longer_one_is_refused(studio, monkeypatch):
    monkeypatch.setattr("dgm_audio.apps.long_text.LONGEST_PIECE", 2.0)
    model = studio.model("tiny")
    call, how = _call(model, item_conditions(model, {"text": PAGE}, 1)[0], None)
    assert call == "speak"
    recipe = studio.recipe("tiny", call, seed=1, index=0, temperature=1.0, **how)
    assert round(studio.make(recipe, Stop()).seconds * RATE) == how["length"]
    assert "render(model, provenance)" in python_code(recipe) and PAGE[:40] in python_code(recipe)
    with pytest.raises(InputError, match="too long for the page"):
        _call(model, {**item_conditions(model, {}, 1)[0], "text": PAGE * 20}, None)


def test_all_corners_say_the_same_in_the_same_time(studio):
    model = studio.model("tiny")
    for given in (SAID, {}):
        four = corners(studio, given, own=True)
        assert len({(one["text"], one["language"]) for one in four.conditions}) == 1
        assert four.length == max(model.lengths(one)[0] for one in four.conditions)
    assert four.conditions[0]["text"] == "A ball."


def test_voices_glide_where_each_corner_keeps_its_own(studio):
    four = corners(studio, own=True)
    assert [one["voice"] for one in four.conditions] == ["ada", "bo", "ada", "bo"]
    voices = [four.at(x, 0).parameters["condition"]["voice"] for x in (0, 0.25, 1)]
    assert voices == ["ada", {"ada": 0.75, "bo": 0.25}, "bo"]
    assert studio.make(four.at(0.25, 0.5), Stop()).seconds == four.length / RATE
    assert corners(studio).at(1, 0).parameters["condition"]["voice"] == "ada"
    assert own_conditions(studio.model("tiny")) == ["voice"]
    assert "same text" in morph_note(studio.model("tiny"))


def test_a_path_between_voices_is_one_clip(studio):
    line = corners(studio, own=True, count=2)
    clip = studio.make(line.along([[0, 0, 0], [0.2, 0.5, 0], [0.4, 1, 0]], 0.1), Stop())
    assert clip.seconds == pytest.approx(line.length / RATE + 0.4, abs=1e-3)


def test_the_python_lines_say_the_same(studio):
    recipe = corners(studio).at(0, 0)
    assert '"text": "Press two."' in python_code(recipe)
    assert "model.condition" in python_code(
        corners(studio, own=True, count=2).along([[0, 0, 0], [0.2, 1, 0]], 0.1)
    )


def test_models_are_compared_by_the_text(studio):
    specs = {"tiny": studio.model("tiny").condition}
    chosen = shared_conditions(specs, {"text": "Press two.", "voice": "bo"})["tiny"]
    assert (chosen["voice"], chosen["text"]) == ("bo", "Press two.") and "language" not in chosen
