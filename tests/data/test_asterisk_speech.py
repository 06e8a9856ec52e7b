"""Prompts with what is said in them, on a miniature of the packages."""

from __future__ import annotations

import gzip
from collections import Counter

import numpy as np
import pytest

from dgm_audio.data.clip_config import ClipConfig
from dgm_audio.data.clip_set import ClipSet
from dgm_audio.data.sets import asterisk_speech
from dgm_audio.data.sets.named import SETS, named_splits
from dgm_audio.errors import DataError

from . import speech_sets as sets

TEXTS = """\ufeff; remarks begin so
digits/1: one
vm-intro: Please leave your message.  (beep)
beep: [a tone]
lost: Nobody recorded it.
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sets.write_prompts(tmp_path)
    for language in ("en", "es", "fr", "it", "ru"):
        write_texts(tmp_path, language, TEXTS)
    return tmp_path


def write_texts(folder, language, text):
    home = folder / f"usr/share/doc/asterisk-core-sounds-{language}"
    home.mkdir(parents=True, exist_ok=True)
    (home / f"core-sounds-{language}.txt.gz").write_bytes(gzip.compress(text.encode()))


def test_prompts_have_their_text_language_and_voice(package):
    manifest = asterisk_speech.speech_manifest(package)
    assert len(manifest) == 10 and manifest.label_name == "voice"
    assert manifest.classes == ("allison", "carlo", "ivrvoice", "june")
    entry = next(e for e in manifest.entries if e.path.endswith("en_US_f_Allison/vm-intro.flac"))
    assert entry.text == "Please leave your message."
    assert (entry.language, entry.voice, entry.label) == ("en", "allison", "allison")
    assert entry.group == "en: please leave your message"
    assert entry.licence == "CC-BY-SA-3.0"


def test_what_has_no_counterpart_is_named(package):
    write_texts(package, "fr", "digits/1: dièse *\n")
    manifest = asterisk_speech.speech_manifest(package)
    reasons = {item.path.split("sounds/")[-1]: item.reason for item in manifest.omitted}
    assert reasons["en/lost"] == "transcribed, but not recorded" and "en/beep" not in reasons
    assert reasons["fr_CA_f_June/vm-intro.flac"] == "has no transcript"
    assert reasons["fr_CA_f_June/digits/1.flac"].startswith("'*', sign 7 of the text, cannot")


def test_slips_of_the_transcripts_are_mended(package):
    write_texts(package, "it", "digits/1: Non pu? pi? sar? cos?\n")
    entries = asterisk_speech.speech_manifest(package).entries
    assert [e.text for e in entries if e.voice == "carlo"] == ["Non può più sarà così"]


def test_missing_or_damaged_transcripts_are_one_line(package):
    file = next(package.rglob("core-sounds-it.txt.gz"))
    file.write_bytes(b"no gzip")
    with pytest.raises(DataError, match=r"txt\.gz cannot be read"):
        asterisk_speech.speech_manifest(package)
    file.unlink()
    with pytest.raises(DataError, match=r"core-sounds-it\.txt\.gz; expected unpacked aster"):
        asterisk_speech.speech_manifest(package)


def test_the_named_set_gives_whole_prompts(package):
    assert asterisk_speech.NAME in SETS
    splits = named_splits(asterisk_speech.NAME, asterisk_speech.CLIPS, package)
    parts = (splits.train, splits.validation, splits.test)
    assert sum(map(len, parts)) == 10
    long = max(int(part.lengths.max()) for part in parts if len(part))
    assert long == 16000  # a pause of 0.25 s and a sound of 0.75 s: nothing was trimmed
    short = named_splits(asterisk_speech.NAME, ClipConfig(8000, 400), package)
    assert short.test.files == splits.test.files and len(short.train) == len(splits.train)


def clips_of(texts, languages):
    audio = np.zeros((len(texts), 1, 8), dtype=np.float32)
    return ClipSet.from_arrays(audio, 16000, texts=texts, languages=languages)


def test_what_is_held_out_is_never_said_in_training():
    english = [f"please press {n} now" for n in range(100)] + ["yes", "no"] * 5
    copies = [f"Please, press {n} NOW!" for n in range(20)]
    foreign = [f"marque {n}" for n in range(100)]
    texts = english + copies + foreign
    languages = ["en"] * (len(texts) - 100) + ["es"] * 100
    splits = asterisk_speech.speech_splits(clips_of(texts, languages))
    sides = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    counts = {name: Counter(side.languages) for name, side in sides.items()}
    assert counts["test"] == {"en": 60, "es": 5} and counts["validation"] == {"en": 20, "es": 5}
    plain = {
        name: {text.lower().replace(",", "").strip("!") for text in side.texts}
        for name, side in sides.items()
    }
    assert not plain["train"] & (plain["test"] | plain["validation"])
    assert not plain["test"] & plain["validation"]
    assert not {"yes", "no"} & plain["test"]  # of less than three words, and said again


def test_the_split_depends_on_the_texts_alone():
    texts = [f"please press {n} now" for n in range(100)]
    first = asterisk_speech.speech_splits(clips_of(texts, ["en"] * 100))
    again = asterisk_speech.speech_splits(clips_of(texts[::-1], ["en"] * 100))
    assert set(first.test.texts) == set(again.test.texts)
    assert set(first.validation.texts) == set(again.validation.texts)
