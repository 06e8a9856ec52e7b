"""Miniatures of sets of music, in the layouts that they unpack to."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dgm_audio.data.sets import home_music
from dgm_audio.io import write_audio

from .sounds import hit
from .speech_sets import write_g722

TRACKS = "usr/share/games/wesnoth/1.16/data/core/music"
HOLD = "usr/share/asterisk/moh"


def write_stereo(path: Path, seed: int, seconds: float = 1.0, rate: int = 44100) -> Path:
    """A sound whose channels differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = [0.8 * hit(2 * seed + side, seconds, rate, decay=2.0) for side in (0, 1)]
    return write_audio(path, np.stack(sides), rate)


def write_tracks(folder: Path) -> Path:
    """Tracks of all three sides, two of one title, silence, and an unknown one."""
    names = "battle battle-epic victory victory2 love_theme nunc_dimittis weight_of_revenge new_one"
    for seed, name in enumerate(names.split()):
        write_stereo(folder / TRACKS / f"{name}.ogg", seed)
    write_audio(folder / TRACKS / "silence.ogg", np.zeros((2, 4410)), 44100)
    return folder


def write_hold_music(folder: Path) -> Path:
    """All five tracks, a voice that is no music, and an empty file."""
    names = "cold_day robot_dity the_simplicity".split()
    files = [f"macroform-{name}" for name in names]
    files += ["manolo_camp-morning_coffee", "reno_project-system", "beep"]
    for seed, name in enumerate(files):
        write_g722(folder / HOLD / f"{name}.g722", hit(seed, 0.5, 16000, decay=2.0))
    (folder / HOLD / "macroform-empty.g722").touch()
    return folder


MAESTRO_ROWS = (
    ("Frédéric Chopin", 'Ballade No. 1, "the first"', "train", "2004/a.wav"),
    ("Frédéric Chopin", 'Ballade No. 1, "the first"', "train", "2018/b.wav"),
    ("Franz Liszt", "Mazeppa", "validation", "2018/c.wav"),
    ("Domenico Scarlatti / Arr.", "Sonata", "test", "2018/d.wav"),
    ("Franz Liszt", "La Campanella", "train", "2018/lost.wav"),
    ("Franz Liszt", "Gnomenreigen", "train", "2011/e.wav"),
)


def write_maestro(folder: Path, version: str = "v3.0.0") -> Path:
    """Two years with a missing file, and a year that is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"maestro-{version}.csv", "w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(
            "canonical_composer canonical_title split year midi_filename audio_filename "
            "duration".split()
        )
        for composer, title, split, audio in MAESTRO_ROWS:
            midi = audio.replace(".wav", ".midi")
            out.writerow([composer, title, split, audio[:4], midi, audio, "1.0"])
    for seed, (*_, audio) in enumerate(MAESTRO_ROWS[:4]):
        write_stereo(folder / audio, seed, rate=48000 if seed else 44100)
    return folder


EXCERPTS = ("blues.00000", "blues.00012", "blues.00029", "jazz.00054", "metal.00004")
"""Held out, unseen, trained on, trained on but damaged, and in no split."""


def write_au(path: Path, sound: np.ndarray, rate: int = 22050) -> Path:
    """A mono sound (T,) as Sun AU of 16 bits, with a comment in its header."""
    data = np.round(sound * 32767).astype(">i2").tobytes()
    numbers = (32, len(data), 3, rate, 1)
    head = b".snd" + b"".join(number.to_bytes(4, "big") for number in numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"comment\0" + data)
    return path


def write_gtzan(home: Path, suffix: str = ".wav") -> Path:
    """Folders of all genres, a damaged excerpt, and what archives leave behind."""
    for genre in home_music.GENRES:
        (home / genre).mkdir(parents=True)
    for seed, name in enumerate(EXCERPTS):
        path, sound = home / name.partition(".")[0] / f"{name}{suffix}", hit(seed, 0.5, 22050)
        if name == "jazz.00054":
            path.write_bytes(b"\0" * 2000)
        elif suffix == ".au":
            write_au(path, sound)
        else:
            write_audio(path, sound, 22050)
    (home / "blues" / f"._blues.00000{suffix}").write_bytes(b"resource fork")
    (home / "blues" / "list.txt").touch()
    return home
