from collections import Counter

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, load_clips
from dgm_audio.data.sets import hydrogen
from dgm_audio.errors import DataError
from dgm_audio.io import write_audio

KIT = """<?xml version="1.0" encoding="UTF-8"?>
<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit"><instrumentList>{}</instrumentList>
</drumkit_info>"""
INSTRUMENT = "<instrument><name>{}</name><layer><filename>{}</filename></layer></instrument>"


def write_kit(folder, instruments, seed):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows = []
    for index, (name, exists) in enumerate(instruments):
        rows.append(INSTRUMENT.format(name, f"{index}.wav"))
        if exists:
            t = np.arange(8000) / 16000
            sound = np.sin(2 * np.pi * rng.uniform(60, 4000) * t) * np.exp(-t * rng.uniform(5, 40))
            write_audio(folder / f"{index}.wav", 0.5 * sound, 16000)
    (folder / "drumkit.xml").write_text(KIT.format("".join(rows)))


@pytest.fixture
def kits(tmp_path):
    names = ["Kick", "Snare", "Closed HH", "Floor Tom", "Cowbell"]
    for seed, kit in enumerate((*hydrogen.UNSEEN_KITS, "GMRockKit", "Audiophob")):
        write_kit(tmp_path / "kits" / kit, [(name, True) for name in names] * 3, seed)
    return tmp_path / "kits"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kick Lite 1", "kick"),
        ("BassDrum", "kick"),
        ("Snare Rimshot (Pearl Free Floating Maple 14x3.5)", "snare"),
        ("Rim Click (Pearl Free Floating Maple 14x3.5)", "rim"),
        ("Pearl Side Stick", "rim"),
        ("Hi-Hat Pedal (Paiste Alpha Metal edge 14&quot;)", "pedal_hat"),
        ("VariBreaks Hat 1 Op", "open_hat"),
        ("Side OHH", "open_hat"),
        ("Closed HH 1", "closed_hat"),
        ("Ride (Custom, Zagrebin 22&quot;)", "ride"),
        ("Crash/Ride Bell (Paiste Rude Crash/Ride 18&quot;)", "ride"),
        ("Splash", "crash"),
        ("tomhi2", "tom"),
        ("Hand Clap", "clap"),
        ("Sangban1 Bell Hit", "percussion"),
        ("Sangban1 Head Hit", "hand_drum"),
        ("Zap 1", "percussion"),
        ("Sample: beats_01-39.flac", None),
        ("g#4 - ", None),
        ("", None),
    ],
)
def test_labels_follow_from_the_names_of_the_instruments(name, expected):
    assert hydrogen.label(name) == expected


def test_a_manifest_has_label_kit_and_licence_and_no_missing_file(tmp_path):
    write_kit(tmp_path / "Audiophob", [("Kick", True), ("Snare", False), ("17", True)], 0)
    (entry,) = hydrogen.drum_manifest(tmp_path).entries
    assert (entry.label, entry.group, entry.licence) == ("kick", "Audiophob", "CC0-1.0")


def test_the_splits_keep_the_unseen_kits_out(kits):
    config = ClipConfig(sample_rate=16000, length=8192)
    clips = load_clips(
        hydrogen.drum_manifest(kits), config, cache_dir=kits.parent / "cache", progress=False
    )
    splits = hydrogen.drum_splits(clips.unique())
    assert set(splits.unseen.groups) == set(hydrogen.UNSEEN_KITS)
    assert set(splits.train.groups) == set(splits.validation.groups) == {"GMRockKit", "Audiophob"}


def test_exact_copies_are_used_once(kits):
    copy = kits / "GMRockKit" / "1.wav"
    copy.write_bytes((kits / "GMRockKit" / "0.wav").read_bytes())
    clips = load_clips(
        hydrogen.drum_manifest(kits),
        ClipConfig(sample_rate=16000, length=8192),
        cache_dir=kits.parent / "cache",
        progress=False,
    )
    assert len(clips.unique()) == len(clips) - 1
    assert max(Counter(clips.unique().content).values()) == 1


def test_a_folder_without_kits_is_an_error_that_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match="hydrogen-drumkits"):
        hydrogen.drum_manifest(tmp_path)
