from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgm_audio.data import ClipConfig, load_clips
from dgm_audio.data.sets import nsynth
from dgm_audio.data.sets.named import named_splits
from dgm_audio.errors import DataError
from dgm_audio.io import write_audio

from .sounds import tone

CONFIG = ClipConfig(sample_rate=16000, length=4096)
NOTES = {
    nsynth.TRAIN: (
        ("bass_synthetic_000", 33),
        ("bass_synthetic_000", 45),
        ("organ_acoustic_1", 60),
    ),
    nsynth.VALID: (("bass_synthetic_001", 40),),
    nsynth.TEST: (("organ_acoustic_2", 52),),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    """A miniature in NSynth's own layout."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "nsynth"
    for part, notes in NOTES.items():
        table = {}
        for instrument, pitch in notes:
            name = f"{instrument}-{pitch:03}-050"
            table[name] = {
                "note_str": name,
                "instrument_str": instrument,
                "instrument_family_str": instrument.partition("_")[0],
                "pitch": pitch,
                "velocity": 50,
                "sample_rate": 16000,
            }
            (folder / part / "audio").mkdir(parents=True, exist_ok=True)
            sound = tone(440 * 2 ** ((pitch - 69) / 12), 0.2, 16000)
            write_audio(folder / part / "audio" / f"{name}.wav", sound, 16000)
        (folder / part / "examples.json").write_text(json.dumps(table))
    return folder


def test_notes_have_family_instrument_and_pitch(home: Path) -> None:
    manifest = nsynth.nsynth_manifest(home)
    found = {(entry.label, entry.group, entry.pitch) for entry in manifest.entries}
    assert ("organ", "organ_acoustic_1", 60.0) in found and len(found) == 5
    assert {entry.licence for entry in manifest.entries} == {"CC-BY-4.0"}
    assert manifest.classes == nsynth.CLASSES and manifest.label_name == "instrument"


def test_the_splits_are_its_own(home: Path) -> None:
    splits = named_splits(nsynth.NAME, CONFIG, home)
    assert splits.train.groups == ("bass_synthetic_000",) * 2 + ("organ_acoustic_1",)
    assert splits.validation.groups == ("bass_synthetic_001",)
    assert splits.test.groups == ("organ_acoustic_2",) and not len(splits.unseen)
    assert not splits.notes
    assert splits.train.condition([2])["pitch"].tolist() == [60.0]


def test_a_part_that_is_not_there_is_said(home: Path) -> None:
    (home / nsynth.TEST / "examples.json").unlink()
    splits = named_splits(nsynth.NAME, CONFIG, home)
    assert len(splits.test) == 0 and splits.notes == ("there is no test set",)
    (home / nsynth.TRAIN / "examples.json").unlink()
    clips = load_clips(nsynth.nsynth_manifest(home), CONFIG, progress=False)
    with pytest.raises(DataError, match="no clip of nsynth-train"):
        nsynth.nsynth_splits(clips)


def test_a_missing_set_says_where_to_put_it_and_how(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere holds no NSynth; unpack nsynth-train") as caught:
        nsynth.find_nsynth(tmp_path / "nowhere")
    assert "nsynth-train/examples.json" in str(caught.value) and "\n" not in str(caught.value)


def test_a_listed_file_that_is_missing_counts_as_bad(home: Path) -> None:
    (home / nsynth.TRAIN / "audio" / "organ_acoustic_1-060-050.wav").unlink()
    (lost,) = nsynth.nsynth_manifest(home).omitted
    assert lost.bad and "organ_acoustic_1" in lost.path
    for file in home.rglob("*.wav"):
        file.unlink()
    with pytest.raises(DataError, match="none of its 5 files"):
        nsynth.nsynth_manifest(home)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is a list; expected a JSON object"),
        ('{"bass_synthetic_001-040-050": {"pitch": 40}}', "KeyError 'instrument_family_str'"),
        ('{"bass_synthetic_001-040-050": 3}', "no proper instrument_family_str"),
    ],
)
def test_a_damaged_table_is_one_line(home: Path, text: str, words: str) -> None:
    (home / nsynth.VALID / "examples.json").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        nsynth.nsynth_manifest(home)
    assert "\n" not in str(caught.value)


def test_an_unknown_family_is_named(home: Path) -> None:
    table = home / nsynth.VALID / "examples.json"
    table.write_text(table.read_text().replace('"bass"', '"theremin"'))
    with pytest.raises(DataError, match="'theremin' is not one of: bass, brass"):
        nsynth.nsynth_manifest(home)
