"""The readers of prompts, words, LJSpeech and VCTK."""

import sys

import numpy as np
import pytest

from dgm_audio.data.sets import asterisk, g722, home_speech, tuxpaint
from dgm_audio.errors import AudioFileError, DataError
from dgm_audio.io import read_audio

from . import speech_sets as sets
from .sounds import hit


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_g722_is_decoded_to_what_was_encoded(tmp_path):
    sound = hit(1, 0.5, 16000, decay=2.0)
    sound = np.convolve(sound, np.ones(8) / 8, mode="same")  # within the codec's 7 kHz
    path = sets.write_g722(tmp_path / "a.g722", sound)
    decoded = g722.read_g722(path)
    assert decoded.shape == (1, 2 * path.stat().st_size) and decoded.dtype == np.float32
    delay = 22  # of the codec's two filter banks
    error = decoded[0, delay:8000] - sound[: 8000 - delay]
    assert np.square(error).mean() < 0.02 * np.square(sound).mean()


def test_copies_hold_what_was_decoded_and_follow_their_files(tmp_path, monkeypatch):
    path = sets.write_g722(tmp_path / "set/a/b.g722", hit(1, 0.1, 16000))
    root = g722.flac_copies(tmp_path / "set", [path])
    assert np.array_equal(read_audio(root / "a/b.flac")[0].numpy(), g722.read_g722(path))
    with monkeypatch.context() as patch:
        patch.setattr(g722, "read_g722", lambda _: pytest.fail("decoded again"))
        assert g722.flac_copies(tmp_path / "set", [path]) == root
    sets.write_g722(path, hit(2, 0.2, 16000))
    g722.flac_copies(tmp_path / "set", [path])
    assert np.array_equal(read_audio(root / "a/b.flac")[0].numpy(), g722.read_g722(path))


def test_without_pyav_the_error_says_what_to_install(tmp_path, monkeypatch):
    sets.write_prompts(tmp_path)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DataError, match=r"pip install 'dgm_audio\[speech\]'"):
        asterisk.prompt_manifest(tmp_path)


def test_what_is_no_g722_is_one_line(tmp_path):
    (tmp_path / "empty.g722").touch()
    for name in ("empty.g722", "missing.g722", "."):
        with pytest.raises(AudioFileError) as caught:
            g722.read_g722(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_prompts_have_language_voice_licence_and_author(tmp_path):
    manifest = asterisk.prompt_manifest(sets.write_prompts(tmp_path))
    assert manifest.classes == ("en", "es", "fr", "it", "ru")
    assert len(manifest) == 10
    voices = {(e.label, e.group, e.licence) for e in manifest.entries}
    assert ("en", "Allison", "CC-BY-SA-3.0") in voices
    assert ("es", "Allison", "CC-BY-SA-3.0") in voices
    assert ("it", "Carlo", "CC-BY-3.0") in voices
    assert len(voices) == 5
    assert all(manifest.locate(entry).is_file() for entry in manifest.entries)
    assert any("June Wallack" in entry.source for entry in manifest.entries)


def test_no_prompt_disappears_unsaid(tmp_path):
    manifest = asterisk.prompt_manifest(sets.write_prompts(tmp_path))
    named = {entry.path.removesuffix(".flac") for entry in manifest.entries}
    named |= {item.path.removesuffix(".g722") for item in manifest.omitted}
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.g722")}
    assert named == {name.removesuffix(".g722") for name in files}
    (lost,) = (item for item in manifest.omitted if item.bad)
    assert lost.path.endswith("is.g722") and lost.reason == "is empty"


def test_words_have_the_language_of_their_name(tmp_path):
    manifest = tuxpaint.word_manifest(sets.write_words(tmp_path))
    assert manifest.classes == ("da", "el", "en", "es", "pt", "ru")
    assert all(entry.group == f"tuxpaint-{entry.label}" for entry in manifest.entries)
    left = {item.path.rpartition("/")[2] for item in manifest.omitted}
    assert left == {"frog.ogg", "3_ru.ogg"}


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("frog_desc", "en"),
        ("old_car_desc_fr", "fr"),
        ("a_filled_en_GB", None),
        ("xing_ped", None),
        ("x_desc_da.ogg", None),
    ],
)
def test_language_of_a_word(stem, expected):
    assert tuxpaint.language(stem) == expected


def test_ljspeech_is_what_its_metadata_lists(tmp_path):
    manifest = home_speech.ljspeech_manifest(sets.write_ljspeech(tmp_path))
    assert [entry.path for entry in manifest.entries] == [
        "wavs/LJ001-0001.wav",
        "wavs/LJ001-0002.wav",
    ]
    assert {(e.label, e.group) for e in manifest.entries} == {("en", "LJ")}
    assert [item.path for item in manifest.omitted if item.bad] == ["wavs/LJ001-0003.wav"]


@pytest.mark.parametrize("old", [False, True])
def test_vctk_has_a_group_for_each_voice_and_one_microphone(tmp_path, old):
    manifest = home_speech.vctk_manifest(sets.write_vctk(tmp_path, old=old))
    assert [entry.group for entry in manifest.entries] == ["p225", "p226", "p227"]
    assert len(manifest.omitted) == (0 if old else 3)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (asterisk.prompt_manifest, "expected unpacked asterisk-core-sounds-en-g722"),
        (tuxpaint.word_manifest, "expected unpacked tuxpaint-stamps-default"),
        (home_speech.ljspeech_manifest, r"unpack LJSpeech-1.1.* put metadata.csv and wavs/ there"),
        (home_speech.vctk_manifest, r"unpack VCTK-Corpus.* put wav48_silence_trimmed/ there"),
    ],
)
def test_a_missing_set_is_one_line_that_says_where_to_put_it(tmp_path, read, expected):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=expected) as caught:
            read(folder)
        assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)
