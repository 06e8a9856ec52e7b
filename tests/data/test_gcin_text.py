"""Syllables with their pinyin, on a miniature of the package."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_audio.data.sets import gcin_text
from dgm_audio.data.sets.named import named_splits
from dgm_audio.errors import DataError
from dgm_audio.io import write_audio

RATE = 44100
TEXTS = {"ㄓㄤ4": "zhang4", "ㄒㄩㄝ2": "xue2", "ㄨㄢ": "wan1", "ㄓ3": "zhi3", "ㄏㄡ2": None}


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    time = np.arange(int(0.3 * RATE)) / RATE
    for index, name in enumerate(TEXTS):
        (tmp_path / "set" / name).mkdir(parents=True)
        tone = np.sin(2 * np.pi * (300 + 40 * index) * time)
        rumble = 2 * np.sin(2 * np.pi * 25 * time)
        write_audio(tmp_path / "set" / name / "3.ogg", 0.2 * (tone + rumble), RATE)
        write_audio(tmp_path / "set" / name / "5.ogg", 0.3 * tone[::-1].copy(), RATE)
    write_audio(tmp_path / "set" / "ㄨㄢ" / "7.ogg", 0.3 * tone, RATE)
    return tmp_path / "set"


def test_syllables_have_their_pinyin_and_voice(package):
    manifest = gcin_text.spoken_manifest(package)
    found = {(entry.path.split("/")[0], entry.voice): entry for entry in manifest.entries}
    assert len(found) == len(manifest) == 8 and manifest.classes == ("gcin-3", "gcin-5")
    for name, text in TEXTS.items():
        for voice in ("gcin-3", "gcin-5") if text else ():
            entry = found[name, voice]
            assert (entry.text, entry.language, entry.label) == (text, "pinyin", voice)
    assert found["ㄒㄩㄝ2", "gcin-3"].group == "xve"
    assert found["ㄨㄢ", "gcin-5"].licence == "CC-BY-3.0"


def test_the_rumble_is_gone_and_the_rest_stays(package):
    splits = named_splits(gcin_text.NAME, gcin_text.CLIPS, package)
    clips = splits.train
    row = next(i for i, file in enumerate(clips.files) if file.endswith("3.ogg"))
    sound = clips.audio[row, 0, : clips.lengths[row]]
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / 16000)
    assert power[hertz < 45].sum() < 0.01 * power[hertz > 200].sum()
    assert np.abs(sound).max() == pytest.approx(0.95, abs=1e-3) and len(sound) == 4800


def test_a_syllable_is_on_one_side_with_its_tones_and_voices(package):
    splits = named_splits(gcin_text.NAME, gcin_text.CLIPS, package)
    held = {*splits.validation.groups, *splits.test.groups}
    assert held and not held & set(splits.train.groups)
    assert len(splits.train) + len(splits.validation) == 8


def test_an_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match="holds no syllable; expected unpacked gcin-voice"):
        gcin_text.spoken_manifest(tmp_path)
