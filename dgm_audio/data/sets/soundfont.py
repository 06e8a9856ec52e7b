"""Notes out of a soundfont (SF2): one key at a time, as the program was sampled and nothing added.

The package `tinysoundfont` renders them, or the program `fluidsynth` where that is found instead;
neither adds reverberation or chorus here. Their envelopes and their curves from velocity to level
differ: 8 dB between the strokes 50 and 110 of the first are 14 dB of the second.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
import soundfile

from dgm_audio.errors import DataError
from dgm_audio.io import shown

RATE = 44100
LENGTH = 65536
HELD = RATE
"""1.486 s; the key is held for the first second, and the rest is its release."""

GAIN_DB = -5.0
"""So that the loudest note of FluidR3 GM stays below full scale."""

_FADE = RATE // 50
_FLUID_GAIN = 1.0
_SLOT = 2 * RATE
_FLUSH = 4096
_MOST_PRESETS = 1 << 16
_PRESET = struct.Struct("<20sHH14x")


class Stroke(NamedTuple):
    """A key pressed: both are MIDI numbers from 0 to 127."""

    key: int
    velocity: int


class Renderer(Protocol):
    """What renders the notes of one soundfont."""

    @property
    def name(self) -> str:
        """No two renderers sound alike."""
        ...

    def __call__(self, program: int, strokes: Sequence[Stroke]) -> Iterator[np.ndarray]:
        """Stereo (2, `LENGTH`) at `RATE` for every stroke, by a program of bank 0."""
        ...


def find_renderer(soundfont: Path) -> Renderer:
    """The renderer that is installed.

    Raises:
        DataError: if neither is, or the file is no soundfont.
    """
    preset_names(soundfont)
    try:
        return TinyRenderer(soundfont, import_module("tinysoundfont"))
    except ImportError:
        if program := shutil.which("fluidsynth"):
            return FluidRenderer(soundfont, program)
        raise DataError(
            "notes are rendered by tinysoundfont or fluidsynth, and neither is installed: "
            "pip install --no-deps tinysoundfont"
        ) from None


def sounding(stereo: np.ndarray) -> np.ndarray:
    """Mono (1, T) of stereo (2, T): the mean, faded over the last 20 ms so that it ends at 0."""
    mono = stereo.mean(axis=0, keepdims=True, dtype=np.float64) * 10 ** (GAIN_DB / 20)
    mono[:, -_FADE:] *= np.linspace(1, 0, _FADE)
    return mono.astype(np.float32)


def preset_names(soundfont: Path) -> dict[int, str]:
    """Names of the programs of bank 0, by number.

    Raises:
        DataError: if the file cannot be read, is no SF2, or has no program in bank 0.
    """
    try:
        with open(soundfont, "rb") as file:
            table = _preset_table(file)
    except OSError as error:
        raise DataError(f"{shown(str(soundfont))} cannot be read: {error.strerror}") from error
    whole = table[: len(table) // _PRESET.size * _PRESET.size]
    found = list(_PRESET.iter_unpack(whole))[:-1]  # the last one only ends the table
    names = {
        program: name.partition(b"\0")[0].decode("latin-1").strip() or f"program {program}"
        for name, program, bank in found
        if bank == 0
    }
    if not names:
        raise DataError(f"{shown(str(soundfont))} is no SF2 soundfont with programs in bank 0")
    return dict(sorted(names.items()))


def _preset_table(file: BinaryIO) -> bytes:
    """The chunk `phdr` of the list `pdta`; empty if there is none."""
    form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if (form, kind) != (b"RIFF", b"sfbk"):
        return b""
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"phdr":
            return file.read(min(size, _MOST_PRESETS * _PRESET.size))
        enters = name == b"LIST" and file.read(4) == b"pdta"
        if not enters:
            file.seek(size + size % 2 - (4 if name == b"LIST" else 0), 1)
    return b""


class TinyRenderer:
    """By the package `tinysoundfont`: some 400 notes per second."""

    name = "tinysoundfont"

    def __init__(self, soundfont: Path, module: Any) -> None:
        self._synth = module.Synth(gain=0.0, samplerate=RATE)
        try:
            self._font = self._synth.sfload(str(soundfont))
        except Exception as error:  # it has its own kinds of error
            raise DataError(f"{shown(str(soundfont))} is no usable soundfont: {error}") from error

    def __call__(self, program: int, strokes: Sequence[Stroke]) -> Iterator[np.ndarray]:
        """Stereo (2, `LENGTH`) for every stroke."""
        self._synth.program_select(0, self._font, 0, program)
        for key, velocity in strokes:
            self._synth.noteon(0, key, velocity)
            held = self._generate(HELD)
            self._synth.noteoff(0, key)
            yield np.concatenate([held, self._generate(LENGTH - HELD)], axis=1)
            self._synth.sounds_off()
            self._generate(_FLUSH)

    def _generate(self, length: int) -> np.ndarray:
        block = np.frombuffer(self._synth.generate(length), dtype=np.float32)
        return block.reshape(length, 2).T.copy()


class FluidRenderer:
    """By the program `fluidsynth`: one MIDI file and one WAV per call, a note every two seconds."""

    name = "fluidsynth"

    def __init__(self, soundfont: Path, program: str) -> None:
        self._soundfont, self._program = soundfont, program

    def __call__(self, program: int, strokes: Sequence[Stroke]) -> Iterator[np.ndarray]:
        """Stereo (2, `LENGTH`) for every stroke."""
        with tempfile.TemporaryDirectory() as scratch:
            midi, wav = Path(scratch) / "notes.mid", Path(scratch) / "notes.wav"
            midi.write_bytes(midi_file(program, strokes))
            self._play(midi, wav)
            with soundfile.SoundFile(wav) as sound:
                if len(sound) < (len(strokes) - 1) * _SLOT + LENGTH:
                    raise DataError(
                        f"fluidsynth rendered {len(sound) / RATE:.1f} s of {len(strokes)} notes; "
                        f"expected {_SLOT // RATE} s of each"
                    )
                for index in range(len(strokes)):
                    sound.seek(index * _SLOT)
                    yield sound.read(LENGTH, dtype="float32", always_2d=True).T

    def _play(self, midi: Path, wav: Path) -> None:
        """By the settings given here alone: a user's own file of them is not read.

        A soundfont that cannot be used is only an error among what it says: it goes on without, or
        with the soundfont of the system, and its exit status is 0.
        """
        options = f"-ni -q -f {os.devnull} -g {_FLUID_GAIN} -R 0 -C 0 -r {RATE} -T wav -O float"
        files = ["-F", str(wav), str(self._soundfont), str(midi)]
        command = [self._program, *options.split(), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stderr.strip().splitlines()
        errors = [line for line in said if "error:" in line]
        if done.returncode or errors or not wav.exists():
            reason = [*errors, *said[-1:], "no reason given"][0]
            raise DataError(f"fluidsynth could not render {shown(str(self._soundfont))}: {reason}")


def midi_file(program: int, strokes: Sequence[Stroke]) -> bytes:
    """A MIDI file of one track that plays a stroke every two seconds, ticking in milliseconds."""
    tempo = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    track = [tempo, bytes([0, 0xC0, program])]
    for key, velocity in strokes:
        track.append(bytes([0, 0x90, key, velocity]))
        track.append(_ticks(1000) + bytes([0x80, key, 0]))
        track.append(_ticks(800) + bytes([0xB0, 120, 0]))  # all sound off
        track.append(_ticks(200) + bytes([0xB0, 120, 0]))
    body = b"".join([*track, b"\x00\xff\x2f\x00"])
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 1000)
    return header + struct.pack(">4sI", b"MTrk", len(body)) + body


def _ticks(count: int) -> bytes:
    """A delta time below 2**14 as a variable-length number."""
    return bytes([0x80 | count >> 7, count & 0x7F]) if count > 0x7F else bytes([count])
