"""FLAC: one stream, of as many samples as it states.

References:
    van Beurden and Weaver, "Free Lossless Audio Codec", RFC 9639, 2024.
"""

from __future__ import annotations

from collections.abc import Iterator

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.content import Content
from dgm_audio.errors import AudioFileError

_TAIL = 1 << 18
_SIZES = {1: 192, **{code: 576 << code - 2 for code in range(2, 6)}}
_SIZES |= {code: 256 << code - 8 for code in range(8, 16)}


def flac_content(file: Bytes, base: int) -> Content:
    """A FLAC stream that begins at `base`.

    The decoder stops at the stated number of samples. The number that the last two frames give
    themselves tells whether there are more.

    Raises:
        AudioFileError: if it holds more than it states, or several streams.
    """
    for offset in file.find(b"fLaC", base + 4):
        if file.at(offset + 4, 4) in (b"\0\0\0\x22", b"\x80\0\0\x22"):
            raise AudioFileError("holds several FLAC streams, one after another; split it")
    info = file.at(base + 8, 34)
    stated = int.from_bytes(info[13:18], "big") & 2**36 - 1
    held = _held(file, base, fixed=int.from_bytes(info[:2], "big"))
    if 0 < stated < held:
        raise AudioFileError(
            f"states {stated} frames and holds {held}; a decoder that reads to the end of the file "
            "can write it again"
        )
    return Content("flac", base, file.size)


def _held(file: Bytes, base: int, fixed: int) -> int:
    """Samples until the end of the last frame; 0 if it is not known.

    Headers of frames are found by their mark and check sum. Two that follow each other without a
    gap are no accident.
    """
    start = max(base, file.content_end() - _TAIL)
    tail = file.at(start, file.size - start if file.size - start < 2 * _TAIL else 2 * _TAIL)
    earlier: int | None = None
    held = 0
    for first, count in _frames(tail, fixed):
        if first == earlier:
            held = first + count
        earlier = first + count
    return held


def _frames(data: bytes, fixed: int) -> Iterator[tuple[int, int]]:
    """(first sample, samples) of every frame whose header is found in the data."""
    place = data.find(b"\xff")
    while place >= 0:
        if frame := _frame(data[place : place + 16], fixed):
            yield frame
        place = data.find(b"\xff", place + 1)


def _frame(head: bytes, fixed: int) -> tuple[int, int] | None:
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] >> 4 > 10 or head[3] & 1:
        return None
    code = head[2] >> 4
    number, place = _coded_number(head)
    if number is None or code == 0:
        return None
    if code in (6, 7):
        size = int.from_bytes(head[place : place + code - 5], "big") + 1
        place += code - 5
    else:
        size = _SIZES[code]
    place += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if place >= len(head) or _crc8(head[:place]) != head[place]:
        return None
    return (number if head[1] & 1 else number * fixed), size


def _coded_number(head: bytes) -> tuple[int | None, int]:
    """The number of a frame or sample, coded as UTF-8 codes characters, and what follows it."""
    first = head[4]
    if first < 0x80:
        return first, 5
    more = next((n for n in range(1, 7) if not first << n + 1 & 0x80), 0)
    rest = head[5 : 5 + more]
    if not first & 0x40 or len(rest) < more or any(byte & 0xC0 != 0x80 for byte in rest):
        return None, 0
    number = first & (0x3F >> more)
    for byte in rest:
        number = number << 6 | byte & 0x3F
    return number, 5 + more


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x107) if value & 0x80 else value << 1
    return value
