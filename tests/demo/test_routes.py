"""The addresses of sounds: what they serve, and nothing else on the disk."""

import io
import json

import numpy as np
import pytest
import soundfile
from conftest import noise, recipe_of
from dgm_audio._demo.routes import routes
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dgm_audio.io import read_provenance


@pytest.fixture
def sound(sound_cache):
    return sound_cache.put(recipe_of(), noise(1.0), 8000, "a title", "a-file", 0.01)


@pytest.fixture
def web(sound_cache):
    with TestClient(Starlette(routes=routes(sound_cache)), raise_server_exceptions=True) as web:
        yield web


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (24, "PCM_24"), (32, "FLOAT")])
def test_wav_in_three_sizes_with_its_recipe(web, sound, bits, subtype, tmp_path):
    answer = web.get(f"/sounds/{sound.key}.wav?bits={bits}")
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/wav"
    path = tmp_path / "got.wav"
    path.write_bytes(answer.content)
    assert read_provenance(path) == sound.recipe
    with soundfile.SoundFile(path) as stream:
        assert (stream.subtype, stream.samplerate, stream.frames) == (subtype, 8000, 8000)
        read = stream.read()
    assert np.abs(read - noise(1.0)[0].numpy()).max() <= 2.0**-15


def test_picture_and_recipe(web, sound):
    answer = web.get(f"/sounds/{sound.key}.png")
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.format == "PNG" and picture.width > 200
    answer = web.get(f"/sounds/{sound.key}.json")
    assert json.loads(answer.text) == json.loads(sound.recipe.to_json())
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_name_makes_it_a_download(web, sound):
    answer = web.get(f"/sounds/{sound.key}.wav", params={"name": "drums-vae_seed0_kick"})
    expected = 'attachment; filename="drums-vae_seed0_kick.wav"'
    assert answer.headers["content-disposition"] == expected


@pytest.mark.parametrize("name", ["a\r\nX-Bad: 1", 'a"b', "../a", "ä", "a" * 200, "", "a\n"])
def test_other_names_do_not_reach_the_headers(web, sound, name):
    answer = web.get(f"/sounds/{sound.key}.wav", params={"name": name})
    assert answer.status_code == 200
    assert "content-disposition" not in answer.headers and "x-bad" not in answer.headers


@pytest.mark.parametrize("bits", ["8", "", "16 ", "../16", "64", "ff"])
def test_other_bits_are_refused(web, sound, bits):
    answer = web.get(f"/sounds/{sound.key}.wav", params={"bits": bits})
    assert (answer.status_code, answer.text) == (400, "bits must be 16, 24 or 32")


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    "path",
    [
        "/sounds/..%2f..%2fetc%2fpasswd.wav",
        "/sounds/../../etc/passwd.json",
        "/sounds/%2e%2e/secret.wav",
        "/sounds/" + "0" * 39 + ".wav",
        "/sounds/" + "G" * 40 + ".wav",
        "/sounds/" + "0" * 40 + ".exe",
        "/sounds/" + "0" * 40 + "%0a.wav",
        "/sounds/" + "0" * 5000 + ".wav",
        "/sounds/.wav",
        "/latents/../secret.wav",
        "/latents/..%2fsecret.wav",
        "/latents/secret.safetensors",
        "/latents/latents-0123456789abcdef.safetensors",
    ],
)
def test_nothing_else_is_served(web, sound, sound_cache, path):
    secret = b"secret"
    for place in (sound_cache.folder, sound_cache.folder.parent):
        (place / "secret.wav").write_bytes(secret)
        (place / "secret.safetensors").write_bytes(secret)
    answer = web.get(path)
    assert answer.status_code == 404 and secret not in answer.content
    assert str(sound_cache.folder) not in answer.text


def test_latents_are_served_by_their_own_names_only(web, sound_cache):
    sound_cache.folder.mkdir()
    name = "latents-0123456789abcdef.safetensors"
    (sound_cache.folder / name).write_bytes(b"numbers")
    answer = web.get(f"/latents/{name}")
    assert answer.content == b"numbers" and name in answer.headers["content-disposition"]


@pytest.mark.parametrize("kind", ["wav", "wav?bits=16", "png", "json"])
def test_a_sound_that_is_gone(web, sound, sound_cache, kind):
    sound_cache.path(sound.key).unlink()
    answer = web.get(f"/sounds/{sound.key}.{kind}")
    assert answer.status_code == 404
    assert answer.text == "This sound is no longer kept; make it again."


def test_nothing_is_written(web, sound):
    assert web.post(f"/sounds/{sound.key}.wav").status_code == 405
    assert web.delete(f"/sounds/{sound.key}.wav").status_code == 405


def test_who_is_not_admitted_gets_nothing(sound, sound_cache):
    (sound_cache.folder / "latents-0123456789abcdef.safetensors").write_bytes(b"numbers")
    paths = [f"/sounds/{sound.key}.{kind}" for kind in ("wav", "png", "json")]
    paths.append("/latents/latents-0123456789abcdef.safetensors")
    with TestClient(Starlette(routes=routes(sound_cache, lambda request: False))) as web:
        answers = [web.get(path) for path in paths]
    assert {(one.status_code, one.text) for one in answers} == {(401, "Log in first.")}
