"""Public speech sets that people have at home, in the layout that they unpack to.

LJSpeech-1.1: `metadata.csv` (id|text|normalised text, without a header) and `wavs/ID.wav`; one
English voice, 24 hours at 22.05 kHz.

VCTK: a folder per voice, `wav48/p225/p225_001.wav` or, since version 0.92,
`wav48_silence_trimmed/p225/p225_001_mic1.flac` and `..._mic2.flac`; 109 English voices, 44 hours at
48 kHz. Of two microphones the first is used: the second records the same words.

References:
    Ito and Johnson, "The LJ Speech Dataset", 2017.
    Yamagishi, Veaux and MacDonald, "CSTR VCTK Corpus", version 0.92, 2019.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from dgm_audio.data.manifest import Entry, Manifest, Omission
from dgm_audio.data.sets.voices import held_out_tenth
from dgm_audio.errors import DataError

LJSPEECH, VCTK = "ljspeech", "vctk"
LANGUAGE = "en"
_VCTK_AUDIO = ("wav48_silence_trimmed", "wav48")
_VCTK_VOICE = re.compile(r"[ps]\d+")


def ljspeech_manifest(folder: Path) -> Manifest:
    """The recordings that `metadata.csv` lists; the group is "LJ".

    Raises:
        DataError: if `folder` is not an unpacked LJSpeech; the message says what to put there.
    """
    try:
        lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    entries, omitted = [], []
    for name in dict.fromkeys(line.partition("|")[0] for line in lines if line):
        place = f"wavs/{name}.wav"
        if (folder / place).is_file():
            entries.append(Entry(place, LANGUAGE, "LJ", "public domain", "LJSpeech-1.1"))
        else:
            omitted.append(Omission(place, "listed in metadata.csv and missing", bad=True))
    if not entries:
        raise DataError(
            f"{folder} holds no LJSpeech; unpack LJSpeech-1.1.tar.bz2 "
            "(keithito.com/LJ-Speech-Dataset) and put metadata.csv and wavs/ there"
        )
    return Manifest(folder, tuple(entries), omitted=tuple(omitted))


def vctk_manifest(folder: Path) -> Manifest:
    """The recordings of all voices; the group is the voice, such as "p225".

    Raises:
        DataError: if `folder` is not an unpacked VCTK; the message says what to put there.
    """
    entries, omitted = [], []
    home = next((folder / name for name in _VCTK_AUDIO if (folder / name).is_dir()), folder)
    for path in sorted((*home.glob("*/*.flac"), *home.glob("*/*.wav"))):
        voice, place = path.parent.name, path.relative_to(folder).as_posix()
        if not _VCTK_VOICE.fullmatch(voice):
            omitted.append(Omission(place, "not in the folder of a voice"))
        elif path.stem.endswith("_mic2"):
            omitted.append(Omission(place, "the second microphone"))
        else:
            entries.append(Entry(place, LANGUAGE, voice, "CC-BY-4.0", "VCTK Corpus"))
    if not entries:
        raise DataError(
            f"{folder} holds no VCTK; unpack VCTK-Corpus-0.92.zip (datashare.ed.ac.uk) "
            f"and put {_VCTK_AUDIO[0]}/ there, or {_VCTK_AUDIO[1]}/ of an older version"
        )
    return Manifest(folder, tuple(entries), omitted=tuple(omitted))


def held_out_voices(groups: Iterable[str]) -> tuple[str, ...]:
    """A tenth of the VCTK voices among these groups, at least one of two, by their names only."""
    return held_out_tenth(filter(_VCTK_VOICE.fullmatch, groups))
