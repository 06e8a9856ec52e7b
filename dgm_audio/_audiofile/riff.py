"""WAV (RIFF, RF64, BW64) and AIFF: chunks are walked, and the decoder sees a header of ours.

That header holds the format, the texts and the real size of the sound, so that nothing else in the
file can lead the decoder astray: not a size of 0 or 2**32 - 1 that a stream recorder left behind,
not 64-bit sizes that it does not know, not zeros or foreign bytes behind the sound.

References:
    Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF).
    EBU Tech 3306, "RF64: an extended file format for audio", 2018; ITU-R BS.2088 (BW64), 2019.
    Apple, "Audio Interchange File Format AIFF-C", 1991.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.content import ALLOWED, CONVERT, Content
from dgm_audio.errors import AudioFileError

_MAX_CHUNKS = 4096
_MAX_TEXT = 1 << 16
_STREAMED = 0x7FFF0000
"""Encoders that write to a pipe state a size from here upwards: "until the end of the file"."""

_EXTENSIBLE = 0xFFFE
_EXTENSIBLE_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_WAV_CODECS = (1, 3)
_WAV_NAMES = {
    0x0002: "MS ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0014: "G.723 ADPCM",
    0x0016: "Dialogic ADPCM",
    0x0020: "Yamaha ADPCM",
    0x0022: "TrueSpeech",
    0x0031: "GSM 6.10",
    0x0040: "G.721 ADPCM",
    0x0045: "G.726 ADPCM",
    0x0050: "MPEG layer I or II",
    0x0055: "MP3",
    0x0064: "G.726 ADPCM",
    0x0092: "AC-3 (S/PDIF)",
    0x00FF: "AAC",
    0x0161: "Windows Media Audio",
    0x0162: "Windows Media Audio Professional",
    0x0163: "Windows Media Audio Lossless",
    0x028F: "G.722 ADPCM",
    0x2000: "AC-3",
    0x2001: "DTS",
    0x674F: "Vorbis",
    0x6750: "Vorbis",
    0x6751: "Vorbis",
    0x704F: "Opus",
    0x706D: "AAC",
    0xF1AC: "FLAC",
}
_AIFC_CODECS = {b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_AIFC_NAMES = {
    b"alaw": "A-law",
    b"ALAW": "A-law",
    b"ulaw": "mu-law",
    b"ULAW": "mu-law",
    b"ima4": "IMA ADPCM",
    b"GSM ": "GSM 6.10",
    b"MAC3": "MACE 3:1",
    b"MAC6": "MACE 6:1",
    b"QDMC": "QDesign Music",
    b"QDM2": "QDesign Music 2",
    b"Qclp": "QUALCOMM PureVoice",
    b"DWVW": "DWVW",
    b"G722": "G.722 ADPCM",
    b".mp3": "MP3",
    b"raw ": "unsigned PCM of 8 bits",
}
_SOUND_FILES = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM")
_AT_THE_END = (b"LIST", b"bext", b"cue ", b"smpl", b"inst", b"fact", b"PEAK", b"iXML", b"aXML")
_AT_THE_END += (b"_PMX", b"id3 ", b"ID3 ", b"JUNK", b"junk", b"PAD ", b"FLLR", b"acid")
"""Chunks that may be cut off, as long as the sound is whole."""


class _Chunk(NamedTuple):
    name: bytes
    offset: int
    length: int


def wav_content(file: Bytes, base: int) -> Content:
    """Where the sound of a RIFF, RF64 or BW64 file is that begins at `base`.

    Raises:
        AudioFileError: if it is damaged, cut off, or holds another codec or more than it states.
    """
    sizes = _long_sizes(file, base)
    formats, texts, sounds = [], [], []
    for chunk in _chunks(file, base, "<", b"data", sizes):
        if chunk.name == b"fmt ":
            formats.append(file.at(chunk.offset, min(chunk.length, 40)))
        elif chunk.name == b"LIST" and file.at(chunk.offset, 4) == b"INFO":
            texts.append(chunk)
        elif chunk.name == b"data":
            sounds.append(chunk)
    if len(formats) != 1 or len(sounds) != 1:
        raise AudioFileError(
            f"is a damaged WAV: it has {len(formats)} format and {len(sounds)} data chunks, "
            "not 1 and 1"
        )
    if len(formats[0]) < 16:
        raise AudioFileError("is a damaged WAV: its format chunk is cut off")
    _check_wav_codec(formats[0])
    _, start, length = sounds[0]
    head = packed("<", b"fmt ", formats[0]) + _texts(file, "<", texts)
    return Content("wav", start, start + length, wav_header(head, length))


def _check_wav_codec(form: bytes) -> None:
    (codec,) = struct.unpack_from("<H", form)
    if codec == _EXTENSIBLE:
        if form[26:] != _EXTENSIBLE_TAIL:
            raise AudioFileError(f"is a WAV with the codec GUID {form[24:].hex()}; {ALLOWED}")
        (codec,) = struct.unpack_from("<H", form, 24)
    if codec not in _WAV_CODECS:
        name = _WAV_NAMES.get(codec, f"0x{codec:04X}, which has no name here")
        raise AudioFileError(f"is a WAV with the codec {name}; {ALLOWED}; {CONVERT}")


def wav_header(head: bytes, length: int) -> bytes:
    """What stands before a sound: RIFF, or RF64 where its sizes do not suffice.

    Args:
        head: the chunks before that of the sound.
        length: of the sound, in bytes.
    """
    total = 4 + len(head) + 8 + length
    if total < 2**32:
        return (
            struct.pack("<4sI4s", b"RIFF", total, b"WAVE")
            + head
            + struct.pack("<4sI", b"data", length)
        )
    most = 2**32 - 1
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, total + 36, length, 0, 0)
    return (
        struct.pack("<4sI4s", b"RF64", most, b"WAVE")
        + sizes
        + head
        + struct.pack("<4sI", b"data", most)
    )


def aiff_content(file: Bytes, base: int) -> Content:
    """Where the sound of an AIFF or AIFF-C file is that begins at `base`.

    Raises:
        AudioFileError: if it is damaged, cut off, or holds another codec or more than it states.
    """
    compressed = file.at(base + 8, 4) == b"AIFC"
    forms, texts, sounds = [], [], []
    for chunk in _chunks(file, base, ">", b"SSND", {}):
        if chunk.name == b"COMM":
            forms.append(file.at(chunk.offset, min(chunk.length, _MAX_TEXT)))
        elif chunk.name in (b"FVER", b"NAME", b"AUTH", b"(c) ", b"ANNO"):
            texts.append(chunk)
        elif chunk.name == b"SSND":
            sounds.append(chunk)
    if len(forms) != 1 or len(sounds) != 1:
        raise AudioFileError(
            f"is a damaged AIFF: it has {len(forms)} COMM and {len(sounds)} SSND chunks, "
            "not 1 and 1"
        )
    form, (_, offset, length) = forms[0], sounds[0]
    if len(form) < (22 if compressed else 18):
        raise AudioFileError("is a damaged AIFF: its COMM chunk is cut off")
    codec = form[18:22] if compressed else b"NONE"
    if codec not in _AIFC_CODECS:
        name = _AIFC_NAMES.get(codec, ascii(codec.decode("latin-1")))
        raise AudioFileError(f"is an AIFF with the codec {name}; {ALLOWED}; {CONVERT}")
    channels, stated, bits = struct.unpack_from(">HIH", form)
    (skipped,) = struct.unpack(">I", file.at(offset, 4).rjust(4, b"\0"))
    start, stop = offset + 8 + skipped, offset + length
    held = max(0, stop - start) // max(1, channels * (-(-bits // 8)))
    if stated not in (0, held) and stated < _STREAMED // 16:
        raise AudioFileError(f"is damaged: it states {stated} frames and holds {held}")
    form = form[:2] + struct.pack(">I", held) + form[6:]
    head = packed(">", b"COMM", form) + _texts(file, ">", texts)
    size = max(0, stop - start)
    total = 4 + len(head) + 16 + size
    if total >= 2**32:
        raise AudioFileError("is an AIFF of more than 4 GiB; write it as WAV or FLAC")
    kind = b"AIFC" if compressed else b"AIFF"
    prefix = struct.pack(">4sI4s", b"FORM", total, kind) + head
    prefix += struct.pack(">4sIII", b"SSND", 8 + size, 0, 0)
    return Content("aiff", start, max(start, stop), prefix)


def _long_sizes(file: Bytes, base: int) -> dict[bytes, int]:
    """Sizes of 64 bits, by the name of the chunk."""
    if file.at(base, 4) == b"RIFF":
        return {}
    head = file.at(base + 12, 28)
    if len(head) < 28 or head[:4] != b"ds64":
        raise AudioFileError("is a damaged RF64: its chunk of sizes (ds64) is missing")
    return {b"data": struct.unpack_from("<Q", head, 16)[0]}


def _chunks(
    file: Bytes, base: int, order: str, sound: bytes, sizes: dict[bytes, int]
) -> Iterator[_Chunk]:
    """The chunks, the one of the sound with its real length; what follows them is looked at."""
    offset, odd, stated = base + 12, False, -1
    for _ in range(_MAX_CHUNKS):
        header = file.at(offset, 8)
        if len(header) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", header)
        if stated >= 0 and not _is_chunk(file, offset, name, size):
            if odd and _is_chunk(file, offset - 1, *_header(file, offset - 1, order)):
                offset, odd = offset - 1, False  # the byte that pads an odd chunk is missing
                continue
            _check_spent(file, offset, name, stated)
            return
        length = sizes[name] if size == 2**32 - 1 and name in sizes else size
        if name == sound and stated < 0:
            length = stated = _real_length(file, offset + 8, length, order)
        yield _Chunk(name, offset + 8, length)
        odd = bool(length % 2)
        offset += 8 + length + odd
        if offset >= file.size:
            return
    raise AudioFileError(f"is damaged: it has more than {_MAX_CHUNKS} chunks")


def _real_length(file: Bytes, start: int, length: int, order: str) -> int:
    held = file.size - start
    if length >= _STREAMED and length > held:
        return held
    if length > held:
        raise AudioFileError(
            f"is cut off: it states {length} bytes of sound and holds {max(0, held)}"
        )
    if length == 0 and not file.is_spent(start):
        name, size = _header(file, start, order)
        return 0 if _is_chunk(file, start, name, size) else held
    return length


def _header(file: Bytes, offset: int, order: str) -> tuple[bytes, int]:
    name, size = struct.unpack(f"{order}4sI", file.at(offset, 8).ljust(8, b"\0"))
    return name, size


def _is_chunk(file: Bytes, offset: int, name: bytes, size: int) -> bool:
    """Whether a chunk can begin here: its name is printable, and it fits or has a known name."""
    if name in _SOUND_FILES or not all(32 <= byte < 127 for byte in name):
        return False
    return offset + 8 + size <= file.size or name in _AT_THE_END


def _check_spent(file: Bytes, offset: int, name: bytes, stated: int) -> None:
    """Whether no sound can follow the last chunk."""
    if name in _SOUND_FILES:
        raise AudioFileError("holds several sounds, one after another; split it into its files")
    if not file.is_spent(offset):
        raise AudioFileError(
            f"states {stated} bytes of sound, and {file.size - offset} bytes follow that are no "
            "part of it: its header is wrong, or something else was added (ffmpeg -ignore_length 1 "
            "-i FILE FILE.wav reads a WAV to its end)"
        )


def _texts(file: Bytes, order: str, chunks: list[_Chunk]) -> bytes:
    """The first few chunks of text, if they are short."""
    short = [chunk for chunk in chunks if chunk.length <= _MAX_TEXT][:8]
    return b"".join(packed(order, c.name, file.at(c.offset, c.length)) for c in short)


def packed(order: str, name: bytes, content: bytes) -> bytes:
    """A chunk."""
    return struct.pack(f"{order}4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
