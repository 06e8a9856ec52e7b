from collections import defaultdict

import numpy as np
import pytest

from dgm_audio.data import ClipConfig, load_clips
from dgm_audio.data.sets import gcin
from dgm_audio.errors import DataError
from dgm_audio.io import write_audio

INITIALS = ("", "ㄇ", "ㄓ", "ㄒ")
FINALS = ("ㄚ", "ㄠ", "ㄧㄥ", "ㄩ", "ㄧㄚ", "ㄦ")


def write_syllable(root, name, voices=("3.ogg", "5.ogg")):
    folder = root / "usr/share/gcin-voice/ogg" / name
    folder.mkdir(parents=True)
    rng = np.random.default_rng(list(name.encode()))
    t = np.arange(4000) / 16000
    for voice in voices:
        sound = np.sin(2 * np.pi * rng.uniform(150, 400) * t) * np.sin(np.pi * t / t[-1])
        write_audio(folder / voice, 0.5 * sound, 16000)


@pytest.fixture
def package(tmp_path):
    """The layout of the unpacked package with four initials, and what must be left out."""
    for final in FINALS:
        for initial in INITIALS:
            for tone in ("", "2", "4"):
                write_syllable(tmp_path / "package", f"{initial}{final}{tone}")
    write_syllable(tmp_path / "package", "ㄅ", voices=("3.ogg",))
    write_syllable(tmp_path / "package", "ㄏㄡ2")
    return tmp_path / "package"


def clips_of(package):
    manifest = gcin.syllable_manifest(package)
    config = ClipConfig(sample_rate=16000, length=6400)
    cache = package.parent / "cache"
    return load_clips(manifest, config, cache_dir=cache, progress=False).unique()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("ㄇㄚ1", ("m", "a")),
        ("ㄓ", ("zh", "ih")),
        ("ㄙ4", ("s", "ih")),
        ("ㄒㄧㄝ2", ("x", "ie")),
        ("ㄌㄩ3", ("l", "v")),
        ("ㄨㄥ", ("", "ong")),
        ("ㄏㄡ3", None),
        ("ㄦ", ("", "er")),
        ("ㄧㄞ2", None),
        ("notes", None),
        ("4", None),
    ],
)
def test_initial_and_final_follow_from_the_folder(folder, expected):
    assert gcin.syllable(folder) == expected


def test_every_zhuyin_sound_has_a_spelling_of_its_own():
    assert len(set(gcin.INITIALS.values())) == len(gcin.INITIALS) == 21
    assert len(set(gcin.CLASSES)) == 22
    finals = gcin.FINALS.values()
    assert len(set(finals)) == len(finals) == 36
    assert len({i + f for i in ("", *gcin.INITIALS.values()) for f in finals}) == 22 * 36


def test_the_manifest_has_one_voice_with_its_licence_and_authors(package):
    manifest = gcin.syllable_manifest(package)
    assert len(manifest) == len(FINALS) * len(INITIALS) * 3
    assert {entry.path.rpartition("/")[2] for entry in manifest.entries} == {"5.ogg"}
    assert {entry.licence for entry in manifest.entries} == {"CC-BY-3.0"}
    assert all("Chu Lo" in entry.source for entry in manifest.entries)
    assert {entry.label for entry in manifest.entries} == {"m", "zh", "x", "vowel"}
    zhao = next(entry for entry in manifest.entries if "ㄓㄠ4" in entry.path)
    assert (zhao.label, zhao.group) == ("zh", "zhao")


def test_whole_syllables_are_held_out_and_every_initial_is_on_both_sides(package):
    clips = clips_of(package)
    splits = gcin.syllable_splits(clips)
    assert len(splits.train) + len(splits.validation) == len(clips)
    assert len(splits.unseen) == len(splits.test) == 0  # twelve clips are too few to halve
    assert not set(splits.train.groups) & set(splits.validation.groups)
    held = defaultdict(set)
    for group, label in zip(splits.validation.groups, splits.validation.labels, strict=True):
        held[clips.classes[label]].add(group)
    assert {name: len(found) for name, found in held.items()} == dict(m=1, zh=1, x=1, vowel=1)


def test_the_split_depends_on_the_names_only(package):
    clips = clips_of(package)
    order = np.random.default_rng(0).permutation(len(clips))
    one, other = gcin.syllable_splits(clips), gcin.syllable_splits(clips.subset(order))
    assert set(one.validation.files) == set(other.validation.files)


def test_an_initial_of_one_syllable_is_trained_on(tmp_path):
    for name in ("ㄇㄚ", "ㄇㄚ2", "ㄌㄠ", "ㄌㄚ"):
        write_syllable(tmp_path / "package", name)
    splits = gcin.syllable_splits(clips_of(tmp_path / "package"))
    assert splits.train.counts["m"] == 2 and splits.validation.counts["m"] == 0
    assert splits.train.counts["l"] == splits.validation.counts["l"] == 1


def test_a_folder_without_syllables_is_an_error_that_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match="holds no syllable; expected unpacked gcin-voice"):
        gcin.syllable_manifest(tmp_path)
