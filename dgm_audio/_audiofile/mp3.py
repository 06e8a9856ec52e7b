"""MP3: one stream whose frames are all there.

References:
    ISO/IEC 11172-3, 1993 (MPEG audio frames).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dgm_audio._audiofile.byte_access import TAGS, Bytes
from dgm_audio._audiofile.content import CONVERT, Content
from dgm_audio.errors import AudioFileError

_BITRATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BLOCK = 1 << 18


def is_mp3(head: bytes) -> bool:
    """Whether these four bytes begin a frame of MPEG layer III."""
    return _frame(head) is not None


def _frame(head: bytes) -> tuple[int, int, int] | None:
    """(bytes, samples, kbit/s) of the MPEG layer III frame with this header, if it is one."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version not in _RATES or rate == 3 or bits in (0, 15):
        return None
    samples, table = (1152, 1) if version == 3 else (576, 2)
    kbps = _BITRATES[table][bits]
    padding = head[2] >> 1 & 1
    return samples // 8 * kbps * 1000 // _RATES[version][rate] + padding, samples, kbps


class _Walk(NamedTuple):
    """Frames that follow each other without a gap."""

    stop: int
    count: int
    samples: int
    bitrates: frozenset[int]
    again: bool
    """Whether another frame than the first states a number of frames, as only a first one does."""


def _walk(file: Bytes, start: int) -> _Walk:
    offset, count, samples, bitrates, again = start, 0, 0, set(), False
    block, begin = b"", start
    while True:
        if offset + 40 > begin + len(block):
            block, begin = file.at(offset, _BLOCK), offset
        place = offset - begin
        if not (frame := _frame(block[place : place + 4])):
            return _Walk(offset, count, samples, frozenset(bitrates), again)
        again = again or bool(count and _stating(block[place : place + 40]))
        length, samples, kbps = frame
        offset += length
        count += 1
        bitrates.add(kbps)


def _stating(head: bytes) -> bool:
    """Whether a frame holds a number of frames in place of sound."""
    return any(
        head.startswith((b"Xing", b"Info", b"VBRI"), place) and not any(head[6:place])
        for place in (13, 21, 36)
    )


def mp3_content(file: Bytes, base: int) -> Content:
    """MP3 frames that begin at `base`.

    The last must be complete, and there must be as many as the file states. Without a header that
    states them (Xing, VBRI) the decoder takes the length from the size and the first frame's bit
    rate. That drops a part of a variable bit rate, which is refused, and is a little off for a
    constant one, so that what was counted here is returned.

    Raises:
        AudioFileError: if it is cut off or damaged, or holds several streams.
    """
    walk = _walk(file, base)
    if walk.stop > file.size:
        raise AudioFileError("is cut off: its last MP3 frame is not complete")
    stated = _stated(file.at(base, 200))
    _check_single(file, walk, stated is not None)
    if stated:
        if abs(walk.count - 1 - stated) > 1:  # some encoders count the header's own frame
            raise AudioFileError(
                f"is damaged: it states {stated} MP3 frames and holds {walk.count - 1}"
            )
    if stated is not None:
        return Content("mp3", base, walk.stop)
    if not _is_end(file, walk.stop):
        raise AudioFileError(f"is damaged: after {walk.count} MP3 frames comes something else")
    if len(walk.bitrates) > 1:
        raise AudioFileError(
            "is an MP3 of variable bit rate without a Xing header, so its length is not known; "
            "convert it to WAV or FLAC"
        )
    return Content("mp3", base, walk.stop, frames=walk.count * walk.samples)


def _stated(first: bytes) -> int | None:
    """Number of frames that the header frame states; 0 if it is one that does not state it."""
    tag = max(first.find(b"Xing"), first.find(b"Info"))
    if tag >= 0:
        return struct.unpack_from(">I", first, tag + 8)[0] if first[tag + 7] & 1 else 0
    vbri = first.find(b"VBRI")
    return struct.unpack_from(">I", first, vbri + 14)[0] if vbri >= 0 else None


def _is_end(file: Bytes, offset: int) -> bool:
    rest = file.at(offset, 16)
    return rest.startswith(TAGS) or offset + file.zeros_from(offset) >= file.size


def _check_single(file: Bytes, walk: _Walk, stated: bool) -> None:
    """Refuse a second stream behind the first, of which a decoder would read the first only."""
    rest = walk.stop + (128 if file.at(walk.stop, 3) == b"TAG" else 0)
    rest = file.after_tags(rest)
    if walk.again or ((stated or rest > walk.stop) and _walk(file, rest).count > 1):
        raise AudioFileError(f"holds several MP3 streams; split it, or {CONVERT}")
