"""Files that are no audio, lie about what they hold, or hold what is not allowed."""

import struct

import numpy as np
import pytest
import soundfile
import torch
from hostile_audio import encoded, patched, refused

from dgm_audio.io import read_audio

# 2. Something else under an audio file's name.


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary, today I recorded nothing.\n" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        b"\xff\xfet\0e\0x\0t\0" * 50,
        b"R",
        b"RIFF\0\0\0\0AVI ",
        b"\0" * 5000,
    ],
    ids=["text", "png", "html", "utf16", "byte", "avi", "zeros"],
)
def test_other_content_named_wav(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    message = refused(path, "is no audio file")
    assert "allowed are WAV" in message
    assert message.startswith(str(path))


# 5. Lying headers.


def with_flac_length(data, frames):
    """STREAMINFO ends its 36-bit number of samples at byte 26."""
    (word,) = struct.unpack_from(">Q", data, 18)
    return patched(data, 18, ">Q", word & ~(2**36 - 1) | frames)


@pytest.mark.fault(5)
@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_streamed_wav_is_read_to_its_real_end(tmp_path, size):
    """Programs that write to a pipe cannot know the size."""
    path = tmp_path / "a.wav"
    data = encoded(path, "wav")
    real = read_audio(path)[0]
    path.write_bytes(patched(data, 40, "<I", size))
    assert torch.equal(read_audio(path)[0], real)


@pytest.mark.fault(5)
def test_wav_that_states_too_much(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 40, "<I", 2**30))
    assert "states 1073741824 bytes of sound and holds 100000" in refused(path)


@pytest.mark.fault(5)
@pytest.mark.parametrize("frames", [0, 50_001, 100_000, 2**36 - 1])
def test_flac_that_states_a_wrong_length(tmp_path, frames):
    path = tmp_path / "a.flac"
    path.write_bytes(with_flac_length(encoded(path, "flac"), frames))
    refused(path)


@pytest.mark.fault(5)
@pytest.mark.parametrize("frames", [10, 45056, 49_999])
def test_flac_that_states_too_little(tmp_path, frames):
    """The decoder would stop there, in silence."""
    path = tmp_path / "a.flac"
    path.write_bytes(with_flac_length(encoded(path, "flac"), frames))
    assert f"states {frames} frames and holds 50000" in refused(path)


@pytest.mark.fault(5)
def test_mp3_that_states_a_wrong_length(tmp_path):
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    path.write_bytes(patched(data, data.find(b"Xing") + 8, ">I", 10_000_000))
    assert "states 10000000 MP3 frames" in refused(path)


@pytest.mark.fault(5)
def test_mp3_of_variable_rate_without_a_length(tmp_path):
    """libsndfile would silently drop most of it."""
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    path.write_bytes(data[data.find(b"\xff\xfb", 4) :])
    assert "without a Xing header" in refused(path)


@pytest.mark.fault(10)
@pytest.mark.parametrize("kind", ["wav", "aiff"])
def test_a_second_format_chunk_cannot_smuggle_a_codec(tmp_path, kind):
    path = tmp_path / "a"
    data = encoded(path, kind)
    name, order = (b"fmt ", "<") if kind == "wav" else (b"COMM", ">")
    extra = name + struct.pack(f"{order}I", 20) + struct.pack("<HHIIHHHH", 0x11, *[1] * 7)
    path.write_bytes(data[:12] + extra + data[12:])
    refused(path, "2 (format|COMM)")


def test_endless_chunks_end(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\xff\xff\xff\x0fWAVE" + b"junk\0\0\0\0" * 100_000)
    refused(path, "more than 4096 chunks")


# 10. Containers and codecs that are not allowed.

OTHERS = [
    (form, subtype)
    for form in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(form)
    if form not in ("FLAC", "OGG", "MP3", "RAW", "MPEG")
    and not (
        form in ("WAV", "WAVEX", "RF64", "AIFF") and subtype.startswith(("PCM", "FLOAT", "DOUBLE"))
    )
]


@pytest.mark.fault(10)
@pytest.mark.parametrize(("form", "subtype"), OTHERS)
def test_other_containers_are_refused_unopened(tmp_path, form, subtype, monkeypatch):
    path = tmp_path / "a.wav"
    rate = 8000
    try:
        soundfile.write(path, np.zeros((2000, 1)), rate, format=form, subtype=subtype)
    except soundfile.LibsndfileError:  # this libsndfile lists it but cannot write it
        return

    def opened(*args, **kwargs):
        raise AssertionError("libsndfile must not see this file")

    monkeypatch.setattr(soundfile, "SoundFile", opened)
    assert "allowed are WAV" in refused(path)


def test_the_list_of_other_containers_is_a_real_one():
    assert {("MAT4", "PCM_16"), ("PAF", "PCM_16"), ("WAV", "IMA_ADPCM")} <= set(OTHERS)


@pytest.mark.fault(10)
def test_ogg_with_an_unknown_codec(tmp_path):
    path = tmp_path / "a.ogg"
    path.write_bytes(encoded(path, "ogg").replace(b"\x01vorbis", b"\x80theora"))
    refused(path, r"OGG with the codec Theora \(video\); allowed are WAV")
