"""One's own transcribed voice, in the layouts that people have, down to the splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgm_audio.data.doctor import examine
from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.data.own_folder import clip_config, folder_splits
from dgm_audio.data.transcripts import with_transcripts
from dgm_audio.errors import DataError
from dgm_audio.io import write_audio

from .sounds import hit

RATE = 22050


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def sound(tmp_path):
    def write(place: str, seconds: float = 0.2) -> Path:
        path = tmp_path / "ann" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_audio(path, 0.8 * hit(sum(place.encode()), seconds, RATE), RATE)

    return write


@pytest.fixture
def voice(tmp_path, sound):
    """LJSpeech's layout: 40 sentences, of which one is long, and what a list may have wrong."""
    lines = []
    for number in range(40):
        sound(f"wavs/LJ-{number:02}.wav", 0.2 + 0.005 * number)
        lines.append(f"LJ-{number:02}|Chapter {number}|Chapter number {number}.")
    sound("wavs/LJ-long.wav", 12.1)
    sound("wavs/LJ-odd.wav")
    sound("wavs/LJ-none.wav")
    lines += ["LJ-long|A long one", "LJ-odd|Odd: \u263a|", "LJ-gone|Gone|Gone", ""]
    (tmp_path / "ann/metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "ann"


def test_the_list_of_ljspeech_is_read(voice):
    found, notes = with_transcripts(Manifest.read(voice))
    texts = {entry.path: entry.text for entry in found.entries}
    assert texts["wavs/LJ-07.wav"] == "Chapter number 7." and len(texts) == 41
    assert texts["wavs/LJ-long.wav"] == "A long one"
    entry = found.entries[7]
    assert (entry.language, entry.voice, entry.label) == ("en", "ann", "ann")
    assert entry.group == "en: chapter number seven" and found.label_name == "voice"
    assert notes == (
        "transcripts of 41 of 43 files: 141 words",
        "1 file without a transcript left out: wavs/LJ-none.wav",
        "1 transcript that cannot be read left out, such as wavs/LJ-odd.wav: '\u263a', sign 6 of "
        "the text, cannot be read in 'en'; letters (a-z), digits, $£€%&+=/@#*, punctuation, quotes "
        "and brackets are allowed",
        "the transcripts are taken for English; a CSV manifest with the columns path, text and "
        "language says otherwise",
    )


def test_a_text_may_lie_beside_each_sound(sound):
    for name in ("bob/1", "bob/2", "eve/1"):
        sound(f"{name}.wav").with_suffix(".txt").write_text(f"\ufeffThis is\n {name[:3]}.\n")
    sound("eve/2.wav").with_suffix(".txt").write_bytes(b"\xff\xfe no text")
    manifest = Manifest.read(sound("eve/3.wav").parents[1])
    assert not manifest.transcribed  # and its hash is that of any folder of sounds
    found, notes = with_transcripts(manifest)
    assert [entry.text for entry in found.entries] == ["This is bob."] * 2 + ["This is eve."]
    assert found.classes == ("bob", "eve") and found.entries[2].voice == "eve"
    assert notes[1] == "2 files without a transcript left out: eve/2.wav, eve/3.wav"


def test_a_list_says_text_language_and_voice(sound, tmp_path):
    sound("a.wav"), sound("b.wav")
    file = tmp_path / "ann" / "list.csv"
    file.write_text("path,text,language,voice\na.wav,Uno,es,eva\nb.wav,Due,it,\n")
    found, notes = with_transcripts(Manifest.read(file))
    assert [(e.language, e.voice) for e in found.entries] == [("es", "eva"), ("it", "ann")]
    assert notes == ("transcripts of 2 of 2 files: 2 words",)


def test_sounds_without_words_stay_as_they_are(sound):
    sound("kick/a.wav")
    (sound("kick/b.wav").parent / "readme.txt").write_text("Kicks.")
    manifest = Manifest.read(sound("snare/a.wav").parents[1])
    (manifest.root / "metadata.csv").write_text("file,tempo\nkick/a.wav,120\n")
    assert with_transcripts(manifest) == (manifest, ())
    usual = clip_config(manifest.root, None, None)
    assert clip_config(manifest.root, None, None, transcribed=True) == usual


def test_nothing_that_can_be_read_is_one_line():
    manifest = Manifest(Path("own"), (Entry("a.wav", text="\u263a"), Entry("b.wav", text="...")))
    with pytest.raises(DataError, match=r"none of the 2 transcripts in own .*a\.wav: '\u263a'"):
        with_transcripts(manifest)


def test_a_voice_is_trained_on_in_whole_utterances(voice):
    config = clip_config(voice, None, None, None, False, True)
    assert config.sample_rate == 16000 and config.length % 256 == 0
    assert 0.395 <= config.seconds < 0.395 + 256 / 16000
    assert clip_config(voice, 8000, None, None, False, True).sample_rate == 8000
    splits = folder_splits(voice, config, False, 0, transcribed=True, progress=False)
    sides = (splits.train, splits.validation, splits.test)
    assert [len(side) for side in sides] == [34, 6, 0]
    assert not set(splits.train.texts) & set(splits.validation.texts)
    assert splits.notes[0] == "transcripts of 41 of 43 files: 141 words"
    assert "there is no test set" in splits.notes
    seconds = [0.2 + 0.005 * int(file[-6:-4]) for file in splits.train.files]
    assert splits.train.lengths == pytest.approx(16000 * np.array(seconds), abs=2)
    left_out = {file.path for file in splits.train.report.files if "longer" in file.skipped}
    assert left_out == {"wavs/LJ-long.wav"}


def test_utterances_that_are_all_too_long_are_one_line(sound):
    folder = sound("a.wav", 13.0).with_suffix(".txt")
    folder.write_text("A long one")
    with pytest.raises(DataError, match=r"longer than 12 s: the shortest takes 13\.0 s; cut them"):
        clip_config(folder.parent, None, None, None, False, True)


def test_the_doctor_says_what_is_transcribed(voice):
    report = examine(voice, clip_config(voice, None, None))
    assert report.transcripts[:2] == (
        "0.4 min are transcribed",
        "transcripts of 41 of 43 files: 141 words",
    )
    assert '"transcripts": [' in report.to_json()
    (voice / "metadata.csv").unlink()
    assert examine(voice, clip_config(voice, None, None)).transcripts == ()
