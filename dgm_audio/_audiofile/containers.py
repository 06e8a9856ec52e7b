"""What an audio file really is, judged by its bytes before any decoder sees them.

Only WAV (PCM, float), AIFF (PCM, float), FLAC, OGG (Vorbis, Opus, FLAC) and MP3 pass. Everything
else that libsndfile would open (MAT4, PAF, IMA-ADPCM, ...) is refused here, unopened, because its
decoders have open security faults. Truncation is found here too, where the container can tell.

All functions take a binary file and its size in bytes; reasons for a refusal come without the
file's name, which the caller adds.

References:
    Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF).
    Apple, "Audio Interchange File Format AIFF-C", 1991.
    Pfeiffer, "The Ogg Encapsulation Format Version 0", RFC 3533, 2003.
    ISO/IEC 11172-3, 1993 (MPEG audio frames).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dgm_audio.errors import AudioFileError

ALLOWED = "allowed are WAV and AIFF (PCM, float), FLAC, OGG (Vorbis, Opus, FLAC) and MP3"

_MAX_CHUNKS = 4096
_STREAMED = 0x7FFF0000
"""Encoders that write to a pipe state a size from here upwards: "until the end of the file"."""

_WAV_CODECS = {1: "PCM", 3: "float"}
_EXTENSIBLE = 0xFFFE
_EXTENSIBLE_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_AIFC_CODECS = {b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_OGG_CODECS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
_MAX_OGG_PAGE = 27 + 255 + 255 * 255


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Args:
        kind: "wav", "aiff", "flac", "ogg" or "mp3".
        frames: samples per channel where the decoder only guesses them (an MP3 that does not state
            its length), else None.
    """

    kind: str
    frames: int | None = None


def identify(file: BinaryIO, size: int) -> Content:
    """Judge a file by its bytes.

    Raises:
        AudioFileError: if it is none of these, holds a codec that is not allowed, or is cut off.
    """
    if size == 0:
        raise AudioFileError(f"is empty; {ALLOWED}")
    head = _read_at(file, 0, 12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        _check_wav(file, size)
        return Content("wav")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        _check_aiff(file, size, compressed=head[8:] == b"AIFC")
        return Content("aiff")
    if head[:4] == b"fLaC":
        return Content("flac")
    if head[:4] == b"OggS":
        _check_ogg(file, size)
        return Content("ogg")
    start = _skip_id3(file)
    if _mp3_frame(_read_at(file, start, 4)):
        return Content("mp3", _check_mp3(file, size, start))
    raise AudioFileError(f"is no audio file (it begins with {head[:8]!r}); {ALLOWED}")


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _chunks(file: BinaryIO, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset of the content, stated size) of every chunk of a RIFF or IFF file."""
    offset = 12
    for _ in range(_MAX_CHUNKS):
        header = _read_at(file, offset, 8)
        if len(header) < 8:
            return
        name, length = struct.unpack(f"{order}4sI", header)
        yield name, offset + 8, length
        offset += 8 + length + length % 2
        if offset >= size:
            return
    raise AudioFileError(f"is damaged: it has more than {_MAX_CHUNKS} chunks")


def _check_wav(file: BinaryIO, size: int) -> None:
    formats, sounds = [], 0
    for name, offset, length in _chunks(file, size, "<"):
        if name == b"fmt ":
            formats.append(_read_at(file, offset, min(length, 40)))
        if name == b"data":
            sounds += 1
            _check_whole(offset, length, size)
    if len(formats) != 1 or sounds != 1:
        raise AudioFileError(
            f"is a damaged WAV: it has {len(formats)} format and {sounds} data chunks, not 1 and 1"
        )
    if len(formats[0]) < 16:
        raise AudioFileError("is a damaged WAV: its format chunk is cut off")
    (codec,) = struct.unpack_from("<H", formats[0])
    if codec == _EXTENSIBLE and formats[0][26:] == _EXTENSIBLE_TAIL:
        (codec,) = struct.unpack_from("<H", formats[0], 24)
    if codec not in _WAV_CODECS:
        raise AudioFileError(f"is a WAV with codec 0x{codec:04X}; {ALLOWED}")


def _check_aiff(file: BinaryIO, size: int, *, compressed: bool) -> None:
    codecs, sounds = [], 0
    for name, offset, length in _chunks(file, size, ">"):
        if name == b"COMM":
            codecs.append(_read_at(file, offset + 18, 4) if compressed else b"NONE")
        if name == b"SSND":
            sounds += 1
            _check_whole(offset, length, size)
    if len(codecs) != 1 or sounds != 1:
        raise AudioFileError(
            f"is a damaged AIFF: it has {len(codecs)} COMM and {sounds} SSND chunks, not 1 and 1"
        )
    if codecs[0] not in _AIFC_CODECS:
        raise AudioFileError(f"is an AIFF with codec {codecs[0]!r}; {ALLOWED}")


def _check_whole(offset: int, length: int, size: int) -> None:
    if offset + length > size and length < _STREAMED:
        raise AudioFileError(
            f"is cut off: it states {length} bytes of sound and holds {size - offset}"
        )


def _check_ogg(file: BinaryIO, size: int) -> None:
    head = _read_at(file, 0, 27 + 255 + 8)
    first = head[27 + head[26] :] if len(head) > 27 else b""
    if not first.startswith(_OGG_CODECS):
        raise AudioFileError(f"is an OGG with codec {first[:8]!r}; {ALLOWED}")
    start = max(0, size - _MAX_OGG_PAGE)
    tail = _read_at(file, start, size - start)
    page = tail.rfind(b"OggS\0")
    segments = tail[page + 27 : page + 27 + tail[page + 26]] if page + 26 < len(tail) else b""
    complete = bool(segments) and page + 27 + len(segments) + sum(segments) <= len(tail)
    if page < 0 or not complete:
        raise AudioFileError("is cut off: its last OGG page is not complete")


def _skip_id3(file: BinaryIO) -> int:
    """Offset of what follows an ID3v2 tag: 0 if there is none."""
    head = _read_at(file, 0, 10)
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)


_BITRATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame(head: bytes) -> tuple[int, int, int] | None:
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


def _check_mp3(file: BinaryIO, size: int, start: int) -> int | None:
    """Walk the frames: the last must be complete, and there must be as many as the file states.

    Without a Xing header the decoder takes the length from the size and the first frame's bit rate.
    That drops a part of a variable bit rate, which is refused, and is a little off for a constant
    one, so that what was counted here is returned.
    """
    offset, count, samples, bitrates = start, 0, 0, set()
    while frame := _mp3_frame(_read_at(file, offset, 4)):
        length, samples, kbps = frame
        offset += length
        count += 1
        bitrates.add(kbps)
    if offset > size:
        raise AudioFileError("is cut off: its last MP3 frame is not complete")
    first = _read_at(file, start, 200)
    tag = max(first.find(b"Xing"), first.find(b"Info"))
    if tag >= 0 and first[tag + 7] & 1:
        (stated,) = struct.unpack_from(">I", first, tag + 8)
        if abs(count - 1 - stated) > 1:  # some encoders count the header's own frame
            raise AudioFileError(f"is damaged: it states {stated} MP3 frames and holds {count - 1}")
    if tag >= 0 or b"VBRI" in first:
        return None
    rest = _read_at(file, offset, 4096)
    if rest.strip(b"\0") and not rest.startswith(_TAGS):
        raise AudioFileError(f"is damaged: after {count} MP3 frames comes something else")
    if len(bitrates) > 1:
        raise AudioFileError(
            "is an MP3 of variable bit rate without a Xing header, so its length is not known; "
            "convert it to WAV or FLAC"
        )
    return count * samples
