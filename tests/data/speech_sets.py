"""Miniatures of what vocoders learn from, in the layouts that the sets unpack to."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from dgm_audio.data.manifest import Entry, Manifest
from dgm_audio.io import write_audio

from .sounds import hit

PROMPTS = "usr/share/asterisk/sounds"
VOICES = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo")
RUSSIAN = "ru_RU_f_IvrvoiceRU"
STAMPS = "usr/share/tuxpaint/stamps/animals"


def write_sound(path: Path, seed: int, seconds: float = 0.3, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_audio(path, 0.8 * hit(seed, seconds, rate, decay=5.0), rate)


def write_g722(path: Path, sound: np.ndarray) -> Path:
    """A sound (T,) at 16 kHz in [-1, 1]."""
    encoder = av.CodecContext.create("g722", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 16000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate = 16000
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(bytes, (*encoder.encode(frame), *encoder.encode(None)))))
    return path


def write_prompts(folder: Path) -> Path:
    """Two prompts of each voice, one of them long with a pause, and what is to be left out."""
    for number, voice in enumerate((*VOICES, RUSSIAN)):
        home = folder / PROMPTS / voice
        write_g722(home / "digits/1.g722", hit(10 * number, 0.3, 16000, decay=5.0))
        late = np.append(np.zeros(4000), hit(10 * number + 1, 0.75, 16000, decay=1.0))
        write_g722(home / "vm-intro.g722", late)
        write_g722(home / "silence/1.g722", np.zeros(1600))
        write_g722(home / "beep.g722", np.sin(np.arange(1600)))
    (folder / PROMPTS / RUSSIAN / "is.g722").touch()
    return folder


def write_words(folder: Path) -> Path:
    """Words in five languages, a copy, a sound, a numeral and a picture."""
    home = folder / STAMPS
    for number, name in enumerate(("", "_es", "_da", "_el", "_ru")):
        for word in ("frog", "cow"):
            write_sound(home / f"{word}_desc{name}.ogg", 100 + 2 * number + len(word), rate=22050)
    (home / "toad_desc_es.ogg").write_bytes((home / "frog_desc_es.ogg").read_bytes())
    write_sound(home / "ginger_desc_pt_BR.wav", 120)
    write_sound(home / "frog.ogg", 121)
    write_sound(home / "3_ru.ogg", 122)
    (home / "frog.png").touch()
    return folder


def write_drums(folder: Path) -> Path:
    """A kit to train on and one that is kept unseen."""
    for number, kit in enumerate(("GMRockKit", "BJA_Pacific")):
        write_sound(folder / kit / "kick.wav", 130 + number, rate=44100)
        (folder / kit / "drumkit.xml").write_text(
            "<drumkit_info><instrumentList><instrument><name>Kick</name>"
            "<layer><filename>kick.wav</filename></layer></instrument></instrumentList>"
            "</drumkit_info>"
        )
    return folder


def write_notes(folder: Path, notes_each: int = 1) -> Path:
    """Notes of a preset to train on, a held-out and an unseen one, as if they had been rendered."""
    home = folder / "notes"
    entries, seed = [], 160
    for family, preset in (("piano", "Rhodes EP"), ("piano", "Legend EP 2"), ("ethnic", "Banjo")):
        for number in range(notes_each):
            path = f"{family}/{preset.replace(' ', '-')}/p{60 + number:03}-v080.flac"
            write_sound(home / path, seed := seed + 1, rate=44100)
            entries.append(Entry(path, family, preset, "MIT", "miniature", 60.0 + number))
    (home / "omitted.csv").write_text("009 Glockenspiel,its partials are inharmonic\n")
    Manifest(home, tuple(entries)).to_csv(home / "notes.csv")
    return folder


def write_ljspeech(folder: Path) -> Path:
    """Two recordings that are listed, and one that is not there."""
    for number in (1, 2):
        write_sound(folder / f"wavs/LJ001-000{number}.wav", 140 + number, rate=22050)
    names = ("LJ001-0001", "LJ001-0002", "LJ001-0003")
    lines = [f'{name}|He said "no"|He said "no"\n' for name in names]
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def write_vctk(folder: Path, *, old: bool = False, voices: int = 3) -> Path:
    """A sentence of each voice: with two microphones, or in the layout before version 0.92."""
    for number in range(voices):
        voice = f"p{225 + number}"
        names = ("",) if old else ("_mic1", "_mic2")
        home, suffix = ("wav48", ".wav") if old else ("wav48_silence_trimmed", ".flac")
        for name in names:
            write_sound(
                folder / home / voice / f"{voice}_001{name}{suffix}", 150 + number, 0.2, 48000
            )
    return folder
