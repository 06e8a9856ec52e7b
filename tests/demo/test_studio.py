"""Models in memory and sounds of recipes: caching, changed weights, refusals, Stop."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from conftest import ROOT
from dgm_audio._demo.studio import MODELS_IN_MEMORY, Stop, Stopped, Studio, title_of

from dgm_audio import read_audio
from dgm_audio.apps.finishing import trimmed
from dgm_audio.errors import DgmAudioError, InputError, UnknownModelError

CHECKPOINTS = ROOT / "checkpoints"
KICK = {"class": "kick"}


@pytest.fixture
def studio(sound_cache):
    return Studio(sound_cache, max_seconds=5.0)


@pytest.fixture
def mine(tmp_path):
    """A model folder as `dgm-audio train` leaves it."""
    return shutil.copytree(CHECKPOINTS / "drums-wavenet", tmp_path / "mine" / "model")


def one(studio, name="drums-vae", **changed):
    model = studio.model(name)
    wanted = {"seed": 1, "index": 0, "temperature": 1.0, "condition": KICK}
    wanted["length"] = model.audio.resolve_length(model.audio.seconds)
    return studio.recipe(name, "sample", **(wanted | changed))


def test_the_last_models_stay_in_memory(studio):
    names = studio.names[: MODELS_IN_MEMORY + 1]
    loaded = {name: studio.model(name) for name in names[:-1]}
    assert all(studio.model(name) is loaded[name] for name in loaded)
    studio.model(names[-1])  # the one that was asked for the longest ago makes room
    assert studio.model(names[1]) is loaded[names[1]]
    assert studio.model(names[0]) is not loaded[names[0]]
    assert len(studio._loaded) == MODELS_IN_MEMORY


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "", "checkpoints/drums-vae", None])
def test_other_models_are_refused_in_one_line(studio, name):
    with pytest.raises(
        UnknownModelError, match=r"There is no model .* there are drums-vae"
    ) as error:
        studio.model(name)
    assert "\n" not in str(error.value)


def test_models_of_ones_own_come_first_under_their_names(sound_cache, mine, tmp_path):
    studio = Studio(sound_cache, [str(mine)])
    assert studio.names[:2] == ["mine", "drums-vae"]
    assert not any(str(tmp_path) in name or "/" in name for name in studio.names)
    assert studio.model("mine").weights_hash == studio.model("drums-wavenet").weights_hash


@pytest.mark.fault(33)
def test_replaced_weights_are_noticed(sound_cache, mine):
    studio = Studio(sound_cache, [str(mine)])
    before = studio.model("mine")
    assert studio.model("mine") is before
    shutil.rmtree(mine)
    assert studio.model("mine") is before  # it is in memory: its folder is not needed
    shutil.copytree(CHECKPOINTS / "speech-wavenet", mine)
    assert studio.model("mine").weights_hash != before.weights_hash


def test_sounds_of_other_weights_are_refused(studio):
    recipe = replace(one(studio), weights="0" * 64)
    with pytest.raises(InputError, match="weights 000000000000"):
        studio.make(recipe, Stop())


def test_a_damaged_model_is_one_line_and_the_others_are_served(sound_cache, mine):
    studio = Studio(sound_cache, [str(mine)])
    weights = mine / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DgmAudioError) as error:
        studio.model("mine")
    assert "\n" not in str(error.value)
    assert studio.model("drums-vae").name == "drums-vae"


def test_a_sound_is_made_once_and_the_same_again(studio):
    sound = studio.make(one(studio), Stop())
    path = studio.cache.path(sound.key)
    first, made = path.read_bytes(), path.stat().st_ino
    assert studio.make(one(studio), Stop()) == sound and path.stat().st_ino == made
    shutil.rmtree(studio.cache.folder)  # the folder is deleted while the page runs
    assert replace(studio.make(one(studio), Stop()), took=0.0) == replace(sound, took=0.0)
    assert path.read_bytes() == first
    assert sound.title == "kick seed 1:0" == title_of(sound.recipe)


def test_it_is_the_sound_of_the_library(studio):
    sound = studio.make(one(studio), Stop())
    decoded, rate = read_audio(studio.cache.path(sound.key))
    model = studio.model("drums-vae")
    assert rate == model.audio.sample_rate
    expected = trimmed(model.sample(1, condition={"class": "kick"}, seed=1)[0], rate)
    assert decoded.shape[1] < model.audio.length  # trimmed where it has faded out
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-5)


def test_too_long_sounds_are_refused(studio):
    with pytest.raises(InputError) as error:
        one(studio, "music-vae", length=44100 * 6, condition={})
    assert str(error.value).endswith(
        "s long; the limit is 5 s. Ask for less, or start the demo with --max-seconds."
    )


def test_stop_ends_it_before_and_between_blocks(studio):
    class PressedLater(Stop):
        checks = 0

        def check(self):
            self.checks += 1
            self.pressed = self.checks > 4
            super().check()

    recipe = one(studio, "drums-wavenet", length=40_000)
    pressed = Stop()
    pressed.pressed = True
    stop = PressedLater()
    for each in (pressed, stop):
        with pytest.raises(Stopped):
            studio.make(recipe, each)
        assert studio.cache.find(recipe) is None
    assert stop.checks == 5  # it had begun
    with ThreadPoolExecutor(1) as other:  # the model is free for others
        assert other.submit(studio.make, one(studio), Stop()).result(timeout=30)


def test_large_latents_lie_beside_the_sounds(studio):
    model = studio.model("music-vae")
    length = 44_100 * 4
    packed = studio.pack_latent(model.noise(1, length=length, seed=0))
    recipe = studio.recipe("music-vae", "decode", latents=packed, length=length, condition={})
    page = studio.make(recipe, Stop()).page_data()
    (name,) = page["beside"]
    assert (studio.cache.folder / name).is_file() and "latents" in page["unlinked"]
