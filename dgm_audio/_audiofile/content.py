"""What was found out about a file by its bytes."""

from __future__ import annotations

from dataclasses import dataclass

ALLOWED = "allowed are WAV and AIFF (PCM, float), FLAC, OGG (Vorbis, Opus, FLAC) and MP3"
CONVERT = "convert it: ffmpeg -i FILE FILE.wav"


@dataclass(frozen=True)
class Content:
    """Where the sound of a file lies.

    Args:
        kind: "wav", "aiff", "flac", "ogg" or "mp3"; or, read through PyAV, what FFmpeg calls the
            container.
        start: offset of what the decoder is to see.
        stop: offset of what it is not to see any more.
        prefix: what it sees before: a header that was checked, in place of the file's own.
        frames: samples per channel where the decoder only guesses them (an MP3 that does not state
            its length), else None.
        convert: in words what it is, if it is read through PyAV.
    """

    kind: str
    start: int
    stop: int
    prefix: bytes = b""
    frames: int | None = None
    convert: str = ""
