"""Notes out of a soundfont (SF2): one key at a time, as the program was sampled and nothing added.

The package `tinysoundfont` renders them, without reverberation or chorus.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from dgm_audio.errors import DataError
from dgm_audio.io import shown

RATE = 44100
LENGTH = 65536
HELD = RATE
"""1.486 s; the key is held for the first second, and the rest is its release."""

GAIN_DB = -5.0
"""So that the loudest note of FluidR3 GM stays below full scale."""

_FADE = RATE // 50
_FLUSH = 4096
_MOST_PRESETS = 1 << 16
_PRESET = struct.Struct("<20sHH14x")


class Stroke(NamedTuple):
    """A key pressed: both are MIDI numbers from 0 to 127."""

    key: int
    velocity: int


def find_renderer(soundfont: Path) -> Renderer:
    """What renders the notes of a soundfont.

    Raises:
        DataError: if the package `tinysoundfont` is not installed, or the file is no soundfont.
    """
    preset_names(soundfont)
    try:
        return Renderer(soundfont, import_module("tinysoundfont"))
    except ImportError:
        raise DataError(
            "notes are rendered by the package tinysoundfont, which is not installed: "
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


class Renderer:
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
