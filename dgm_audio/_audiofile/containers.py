"""What an audio file really is, judged by its bytes before any decoder sees them.

Only WAV (PCM, float), AIFF (PCM, float), FLAC, OGG (Vorbis, Opus, FLAC) and MP3 pass to libsndfile.
Everything else that it would open (MAT4, PAF, IMA-ADPCM, ...) is refused here, unopened, because
its decoders have open security faults; what phones and players write is read through PyAV, where it
is installed. Truncation is found here too, where the container can tell, and sound that a decoder
would leave out in silence. Reasons for a refusal come without the file's name.
"""

from __future__ import annotations

from collections.abc import Callable

from dgm_audio._audiofile.byte_access import Bytes
from dgm_audio._audiofile.content import ALLOWED, CONVERT, Content
from dgm_audio._audiofile.flac import flac_content
from dgm_audio._audiofile.mp3 import is_mp3, mp3_content
from dgm_audio._audiofile.ogg import ogg_content
from dgm_audio._audiofile.riff import aiff_content, wav_content
from dgm_audio._audiofile.suffixes import CONVERTIBLE, FOREIGN
from dgm_audio.errors import AudioFileError

_NATIVE: dict[tuple[bytes, bytes], Callable[[Bytes, int], Content]] = {
    (b"RIFF", b"WAVE"): wav_content,
    (b"RF64", b"WAVE"): wav_content,
    (b"BW64", b"WAVE"): wav_content,
    (b"FORM", b"AIFF"): aiff_content,
    (b"FORM", b"AIFC"): aiff_content,
    (b"fLaC", b""): flac_content,
    (b"OggS", b""): ogg_content,
}
"""First four bytes, and the four from the eighth on -> what looks closer."""

_CONVERTED = (
    (0, b"#!AMR-WB\n", "amr", "AMR wideband"),
    (0, b"#!AMR\n", "amr", "AMR"),
    (0, b"wvpk", "wv", "WavPack"),
    (0, b"MAC ", "ape", "Monkey's Audio"),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf", "Windows Media Audio"),
    (0, bytes.fromhex("1a45dfa3"), "matroska", "WebM or Matroska"),
    (4, b"ftyp3g", "mov", "3GPP"),
    (4, b"ftyp", "mov", "MPEG-4 audio"),
    (4, b"moov", "mov", "QuickTime"),
    (4, b"mdat", "mov", "QuickTime"),
    (4, b"wide", "mov", "QuickTime"),
)
"""(offset, bytes there, FFmpeg's name of the container, its name here)."""

_NAMED = (
    (b"RIFX", "WAV with big-endian numbers (RIFX)"),
    (b"riff\x2e\x91\xcf\x11", "Sony Wave64"),
    (b".snd", "Sun AU"),
    (b"caff", "Core Audio (CAF)"),
    (b"TTA1", "True Audio (TTA)"),
    (b"tBaK", "TAK"),
    (b"OFR ", "OptimFROG"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"DSD ", "DSD (DSF)"),
    (b"FRM8", "DSD (DFF)"),
    (b".RMF", "RealAudio"),
    (b".ra\xfd", "RealAudio"),
    (b"Creative Voice File", "Creative Voice"),
    (b"MThd", "MIDI, notes without a sound"),
    (b"\x0b\x77", "AC-3"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"NIST_1A", "NIST Sphere"),
    (b" paf", "PAF"),
    (b"fap ", "PAF"),
    (b"2BIT", "AVR"),
    (b"SDII", "Sound Designer II"),
)


def identify(file: Bytes, suffix: str = "") -> Content:
    """Judge a file by its bytes; its name's suffix helps to say what it is if they do not tell.

    Raises:
        AudioFileError: if it is none of these, holds a codec that is not allowed, is cut off, or
            holds more than a decoder would read.
    """
    if file.size == 0:
        raise AudioFileError(f"is empty; {ALLOWED}")
    base = file.after_tags()
    head = file.at(base, 32)
    look = _NATIVE.get((head[:4], head[8:12])) or _NATIVE.get((head[:4], b""))
    if look is not None:
        return look(file, base)
    if is_mp3(head[:4]):
        return mp3_content(file, base)
    if (found := _converted(head)) is not None:
        kind, name = found
        if kind == "aac":
            _check_adts(file, base)
        return Content(kind, base, file.size, convert=name)
    raise AudioFileError(_unknown(head, suffix))


def _converted(head: bytes) -> tuple[str, str] | None:
    for offset, mark, kind, name in _CONVERTED:
        if head.startswith(mark, offset):
            return kind, name
    if len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 15 < 13:
        return "aac", "AAC"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xF6 == 0xF4 and head[2] >> 4 not in (0, 15):
        return "mp3", "MPEG layer II"
    return None


def _check_adts(file: Bytes, offset: int) -> None:
    """Walk the frames of an AAC stream, whose decoder would not miss the end of the last one."""
    while (head := file.at(offset, 6))[:1] == b"\xff" and len(head) == 6 and head[1] & 0xF6 == 0xF0:
        length = int.from_bytes(head[3:6], "big") >> 5 & 0x1FFF
        if length < 7:
            raise AudioFileError("is damaged: it holds an AAC frame that is too short")
        offset += length
    if offset > file.size:
        raise AudioFileError("is cut off: its last AAC frame is not complete")


def _unknown(head: bytes, suffix: str) -> str:
    for mark, name in _NAMED:
        if head.startswith(mark):
            return f"is {name}; {ALLOWED}; {CONVERT}"
    said = CONVERTIBLE.get(suffix) or FOREIGN.get(suffix)
    if said:
        return f"is {said} by its name, but begins with {head[:8]!r}; {ALLOWED}; {CONVERT}"
    return f"is no audio file (it begins with {head[:8]!r}); {ALLOWED}"
