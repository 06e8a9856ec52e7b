"""Corners of a pad and ends of a line: recipes from the page's input, and refused input."""

import pytest
from dgm_audio._demo.corners import read_corners
from dgm_audio._demo.sound_cache import SoundCache
from dgm_audio._demo.studio import Stop, Studio

from dgm_audio.apps.latents import unpack
from dgm_audio.apps.render import latent_of
from dgm_audio.errors import InputError
from dgm_audio.provenance import MAX_BYTES, Provenance

SEEDS = [{"seed": seed} for seed in (1, 2, 3, 4)]
CORNERS = [(0, 0), (1, 0), (0, 1), (1, 1)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(SoundCache(tmp_path_factory.mktemp("sounds")), max_seconds=5.0)


def corners(studio, sent=SEEDS, name="drums-vae", count=4, given=None, own=False, seconds=1.5):
    return read_corners(studio, name, sent, count, given=given or {}, own=own, seconds=seconds)


def kept(studio, name="drums-vae", call="sample", seconds=None, **parameters):
    """A sound as the page keeps it."""
    model = studio.model(name)
    wanted = {"sample": {"seed": 5, "index": 0, "temperature": 1.0}}.get(call, {})
    wanted["condition"] = {key: spec.names[1] for key, spec in model.condition}
    wanted["length"] = model.audio.resolve_length(seconds)
    return {"recipe": studio.recipe(name, call, **(wanted | parameters)).to_json()}


def between(studio, name="drums-vae", seconds=None):
    ends = {"from": {"seed": 1, "index": 0}, "to": {"seed": 2, "index": 0}}
    return kept(studio, name, "interpolate", seconds, **ends, steps=3, index=1)


def test_a_corner_is_the_sound_of_its_seed(studio):
    four = corners(studio)
    for (x, y), sent in zip(CORNERS, SEEDS, strict=True):
        recipe = four.at(x, y)
        assert recipe.call == "sample"
        assert recipe.parameters["seed"] == sent["seed"]
    inside = four.at(0.5, 1)
    assert inside.call == "morph"
    assert inside.parameters["corners"] == [{**sent, "index": 0} for sent in SEEDS]


def test_a_corner_of_a_kept_sound_has_its_latent(studio):
    four = corners(studio, [between(studio), *SEEDS[1:]])
    made = Provenance.from_json(between(studio)["recipe"])
    model = studio.model("drums-vae")
    assert (latent_of(model, four.at(0, 0)) == latent_of(model, made)).all()
    drawn = corners(studio, [kept(studio, temperature=0.5), *SEEDS[1:]])
    assert drawn.ends[0] == {"seed": 5, "index": 0, "temperature": 0.5}


def test_corners_share_a_condition_or_keep_their_own(studio):
    sent = [*SEEDS[:3], kept(studio)]
    names = studio.model("drums-vae").condition.fields["class"].names
    shared = [one["class"] for one in corners(studio, sent).conditions]
    assert shared == [names[0]] * 4
    chosen = corners(studio, sent, given={"class": names[4]}).conditions
    assert chosen == [{"class": names[4]}] * 4
    own = [one["class"] for one in corners(studio, sent, own=True).conditions]
    assert own == [*names[:3], names[1]]


def test_a_recording_is_a_recording_for_ever(studio):
    sent = [*SEEDS[:3], kept(studio, recording=True)]
    four = corners(studio, sent)
    assert all(recipe.parameters["recording"] for recipe in (four.at(0, 0), four.at(0.5, 0.5)))
    assert four.along([[0, 0, 0]], 0.1).parameters["recording"]
    assert "recording" not in corners(studio).at(0.5, 0.5).parameters


def test_sounds_of_a_morph_are_as_long(studio):
    sent = [between(studio, "music-vae", 1.0), *SEEDS[1:]]
    shorter = corners(studio, sent, "music-vae", seconds=0.5)
    model = studio.model("music-vae")
    z = unpack(shorter.ends[0], studio.cache.folder)
    assert z.shape[2] == model.latent.frames(shorter.length) < model.latent.frames(44100)
    with pytest.raises(InputError, match=r"lasts 1\.02 s, the sounds of the morph 2 s"):
        corners(studio, sent, "music-vae", seconds=2.0)


def test_a_long_path_is_thinned_to_what_a_recipe_holds(studio):
    points = [[round(0.05 * step, 2), round(step / 63, 3), 0.123] for step in range(64)]
    assert corners(studio).along(points, 0.1).parameters["points"] == points
    recipe = corners(studio, [between(studio)] * 4).along(points, 0.1)
    assert len(recipe.to_json()) <= MAX_BYTES
    assert recipe.parameters["points"] == points
    assert all("file" in corner for corner in recipe.parameters["corners"])
    assert studio.make(recipe, Stop()).seconds > 3
    fine = [[seconds, x + 1 / 3000, 1 / 3] for seconds, x, _ in points[:-1]]
    thinned = corners(studio).along(fine, 0.1).parameters["points"]
    assert 20 < len(thinned) < 63 and (thinned[0], thinned[-1]) == (fine[0], fine[-1])
    assert all(point in fine for point in thinned)


@pytest.mark.parametrize(
    "points",
    [[[0, float("nan"), 0]], ["x" * 3000, 1, 2], [[0, 0, 0]] * 65, [], [[1, 0, 0], [0, 0, 0]]],
)
def test_other_paths_are_refused(studio, points):
    with pytest.raises(InputError, match=r"provenance: "):
        corners(studio, [between(studio)] * 4).along(points, 0.1)


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (None, "expected 4 sounds"),
        (SEEDS[:3], "expected 4 sounds"),
        ([*SEEDS[:3], 7], "expected 4 sounds"),
        ([*SEEDS[:3], {}], "seed of a corner is None"),
        ([*SEEDS[:3], {"seed": -1}], "must be an integer from 0"),
        ([*SEEDS[:3], {"seed": 1e99}], "must be an integer from 0"),
        ([*SEEDS[:3], {"recipe": 7}], "a recipe is a text"),
        ([*SEEDS[:3], {"recipe": "{"}], "no JSON"),
    ],
)
def test_other_corners_are_refused(studio, sent, words):
    with pytest.raises(InputError, match=words):
        corners(studio, sent)


def test_sounds_of_others_are_refused(studio):
    with pytest.raises(InputError, match="is of 'drums-gan'; a morph joins sounds of one model"):
        corners(studio, [kept(studio, "drums-gan"), *SEEDS[1:]])
    path = corners(studio).along([[0, 0, 0]], 0.1)
    with pytest.raises(InputError, match="put together from several"):
        corners(studio, [{"recipe": path.to_json()}, *SEEDS[1:]])
    foreign = kept(studio)["recipe"].replace(studio.model("drums-vae").weights_hash, "0" * 64)
    with pytest.raises(InputError, match="weights 000000000000"):
        corners(studio, [{"recipe": foreign}, *SEEDS[1:]])
