"""OGG: one stream of Vorbis, Opus or FLAC, whose last page is complete.

References:
    Pfeiffer, "The Ogg Encapsulation Format Version 0", RFC 3533, 2003.
"""

from __future__ import annotations

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.content import ALLOWED, CONVERT, Content
from dgm_audio.errors import AudioFileError

_CODECS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
_NAMES = {
    b"\x80theora": "Theora (video)",
    b"fishead\0": "Skeleton (an index of several streams)",
    b"\x80kate\0\0\0": "Kate (subtitles)",
    b"CELT    ": "CELT",
    b"BBCD": "Dirac (video)",
    b"\x01video": "OGM (video)",
}
_SPEEX = b"Speex   "
_MAX_PAGE = 27 + 255 + 255 * 255
_FIRST = 2
"""Flag of the first page of a stream."""


def ogg_content(file: Bytes, base: int) -> Content:
    """An OGG stream that begins at `base`.

    Raises:
        AudioFileError: if it is cut off, holds another codec, or several streams.
    """
    head = file.at(base, 27 + 255 + 8)
    first = head[27 + head[26] :] if len(head) > 27 else b""
    if not first.startswith((*_CODECS, _SPEEX)):
        names = (name for start, name in _NAMES.items() if first.startswith(start))
        name = next(names, ascii(first[:8].decode("latin-1")))
        raise AudioFileError(f"is an OGG with the codec {name}; {ALLOWED}; {CONVERT}")
    for offset in file.find(b"OggS\0", base + 4):
        if int.from_bytes(file.at(offset + 5, 1), "big") & _FIRST:
            raise AudioFileError(f"holds several OGG streams; split it, or {CONVERT}")
    stop = _end(file, base)
    if first.startswith(_SPEEX):
        return Content("ogg", base, stop, convert="Speex in OGG")
    return Content("ogg", base, stop)


def _end(file: Bytes, base: int) -> int:
    """Where the last page ends."""
    end = file.content_end()
    start = max(base, end - _MAX_PAGE)
    tail = file.at(start, end - start + _MAX_PAGE)
    page = tail.rfind(b"OggS\0", 0, end - start)
    segments = tail[page + 27 : page + 27 + tail[page + 26]] if page + 26 < len(tail) else b""
    stop = page + 27 + len(segments) + sum(segments)
    if page >= 0 and segments and stop <= len(tail):
        if file.is_spent(start + stop):
            return start + stop
        raise AudioFileError(
            f"holds {file.size - start - stop} bytes behind its last OGG page that are no part of "
            "the sound: the file is damaged, or something else was added"
        )
    raise AudioFileError("is cut off: its last OGG page is not complete")
