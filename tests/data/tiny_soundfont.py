"""A soundfont of a few kilobytes, written by the SF2 specification: sines and silence."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

RATE, PERIOD, ROOT = 44100, 100, 69
"""A sine of 441 Hz, 4 cents above its root key of 440 Hz."""

_RELEASE, _ATTENUATION, _INSTRUMENT, _SAMPLE, _LOOPS = 38, 48, 41, 53, 54


def write_soundfont(
    path: Path,
    programs: Mapping[int, str],
    silent: tuple[int, ...] = (),
    bank: int = 0,
    release: int = -12000,
) -> Path:
    """Programs of one looped sine; the silent ones fall by 144 dB. `release` is in timecents."""
    sine = 0.5 * np.sin(2 * np.pi * np.arange(10 * PERIOD) / PERIOD)
    samples = np.append((sine * 32767).astype("<i2"), np.zeros(46, "<i2")).tobytes()
    presets, bags, generators = b"", b"", b""
    for index, (number, name) in enumerate(programs.items()):
        presets += struct.pack("<20sHHHIII", name.encode(), number, bank, index, 0, 0, 0)
        bags += struct.pack("<HH", 2 * index, 0)
        generators += struct.pack("<HH", _ATTENUATION, 1440 if number in silent else 0)
        generators += struct.pack("<HH", _INSTRUMENT, 0)
    count = len(programs)
    sample = struct.pack("<20sIIIIIBbHH", b"sine", 0, 1000, 100, 900, RATE, ROOT, 0, 0, 1)
    hydra = [
        ("phdr", presets + struct.pack("<20sHHHIII", b"EOP", 0, 0, count, 0, 0, 0)),
        ("pbag", bags + struct.pack("<HH", 2 * count, 0)),
        ("pmod", bytes(10)),
        ("pgen", generators + bytes(4)),
        ("inst", struct.pack("<20sH20sH", b"sine", 0, b"EOI", 1)),
        ("ibag", struct.pack("<HHHH", 0, 0, 3, 0)),
        ("imod", bytes(10)),
        ("igen", struct.pack("<HhHHHH", _RELEASE, release, _LOOPS, 1, _SAMPLE, 0) + bytes(4)),
        ("shdr", sample + struct.pack("<20sIIIIIBbHH", b"EOS", *[0] * 9)),
    ]
    version = _chunk("ifil", struct.pack("<HH", 2, 1))
    info = _list("INFO", version + _chunk("isng", b"EMU8000\0") + _chunk("INAM", b"tiny\0\0"))
    tables = _list("pdta", b"".join(_chunk(name, body) for name, body in hydra))
    body = b"sfbk" + info + _list("sdta", _chunk("smpl", samples)) + tables
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_chunk("RIFF", body))
    return path


def _chunk(name: str, body: bytes) -> bytes:
    return struct.pack("<4sI", name.encode(), len(body)) + body + bytes(len(body) % 2)


def _list(name: str, body: bytes) -> bytes:
    return _chunk("LIST", name.encode() + body)
