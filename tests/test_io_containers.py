"""Containers as recorders, players and recovery tools leave them: read in full, or named."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile
import torch
from hostile_audio import RATE, encoded, patched, refused

from dgm_audio.errors import InputError
from dgm_audio.io import probe, read_audio, read_comment, write_audio

TAG = b"ID3\3\0\0\0\0\0\x20" + bytes(32)
KINDS = ["wav", "flac", "mp3", "ogg", "aiff"]
JUNK = np.random.default_rng(5).integers(1, 32, 5000, np.uint8).tobytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Bytes of a sound in each container, and what is read of them."""
    folder, made = tmp_path_factory.mktemp("good"), {}
    for kind in KINDS:
        data = bytes(encoded(folder / kind, kind, frames=20_000))
        made[kind] = data, read_audio(folder / kind)[0]
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_around_a_sound_is_left_out(tmp_path, files, kind):
    """Zeros of a recorder that takes its room beforehand, tags of players before and behind."""
    data, real = files[kind]
    path = tmp_path / "a"
    for before in (b"", TAG, TAG + TAG, TAG + bytes(64)):
        for after in (b"", bytes(16384), bytes(1 << 20), b"TAG" + bytes(125), b"\n"):
            if kind == "mp3" and after == b"\n":
                continue
            path.write_bytes(before + data + after)
            assert torch.equal(read_audio(path)[0], real)


@pytest.mark.parametrize("kind", ["wav", "aiff", "ogg"])
def test_junk_behind_a_sound_is_named(tmp_path, files, kind):
    """It may be sound that the header does not state, as of a recorder that lost its power."""
    path = tmp_path / "a"
    path.write_bytes(files[kind][0] + JUNK)
    assert "5000 bytes" in refused(path, "that are no part of")


@pytest.mark.parametrize("kind", KINDS)
def test_two_sounds_in_one_file_are_named(tmp_path, files, kind):
    data = files[kind][0]
    for between in (b"", TAG, b"TAG" + bytes(125) + TAG) if kind == "mp3" else (b"",):
        (tmp_path / "a").write_bytes(data + between + data)
        refused(tmp_path / "a", "holds several (MP3 streams|FLAC streams|OGG streams|sounds)")


def test_two_mp3_that_state_no_length_are_one_sound(tmp_path):
    path = tmp_path / "a.mp3"
    x = np.random.default_rng(0).standard_normal(20_000) * 0.1
    soundfile.write(path, x, RATE, bitrate_mode="CONSTANT", compression_level=0.5)
    data = path.read_bytes()
    data = data[data.find(data[:2], 4) :]  # without the Xing frame
    path.write_bytes(data)
    frames = probe(path).frames
    path.write_bytes(data + data)
    assert probe(path).frames == 2 * frames
    assert read_audio(path)[0].shape == (1, 2 * frames)


def as_64_bit(data, name):
    """A RIFF file with the header of RF64 or BW64, whose sizes are in a chunk of their own."""
    size = len(data) - 44
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, len(data) + 28, size, size // 2, 0)
    most = b"\xff" * 4
    return name + most + b"WAVE" + sizes + data[12:40] + most + data[44:]


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_sizes_of_64_bits(tmp_path, files, name):
    data, real = files["wav"]
    path = tmp_path / "a.wav"
    wide = as_64_bit(data, name)
    path.write_bytes(wide + b"LIST\4\0\0\0INFO")
    assert torch.equal(read_audio(path)[0], real)
    path.write_bytes(wide[:-100])
    refused(path, "is cut off: it states 40000 bytes of sound and holds 39900")
    path.write_bytes(wide[:12] + wide[48:])
    refused(path, "its chunk of sizes .ds64. is missing")


def test_more_than_4_gib_are_read_in_parts(tmp_path, files):
    path, size = tmp_path / "a.wav", 5 * 2**30
    head = patched(as_64_bit(files["wav"][0], b"RF64")[:80], 28, "<Q", size)
    path.write_bytes(head)
    os.truncate(path, 80 + size)
    with open(path, "r+b") as file:
        file.seek(80 + size - 2)
        file.write(struct.pack("<h", 2**14))
    info = probe(path)
    assert (info.frames, info.sample_rate) == (size // 2, RATE)
    assert read_audio(path, start=info.frames - 3)[0].tolist() == [[0, 0, 0.5]]
    assert "needs 10240 MiB as samples; at most 512 MiB" in refused(path, "read it in parts")


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_does_not_state_its_size_is_read_to_its_end(tmp_path, files, size):
    data, real = files["wav"]
    (tmp_path / "a.wav").write_bytes(patched(data, 40, "<I", size))
    assert torch.equal(read_audio(tmp_path / "a.wav")[0], real)


def test_an_aiff_that_does_not_state_its_size_is_read_to_its_end(tmp_path, files):
    data, real = files["aiff"]
    place = data.find(b"SSND") + 4
    frames = data.find(b"COMM") + 10
    for size in (0, 0x7FFFFFFF):
        streamed = patched(patched(data, place, ">I", size), frames, ">I", 0)
        (tmp_path / "a.aiff").write_bytes(streamed)
        assert torch.equal(read_audio(tmp_path / "a.aiff")[0], real)
    (tmp_path / "a.aiff").write_bytes(patched(data, frames, ">I", 100))
    refused(tmp_path / "a.aiff", "states 100 frames and holds 20000")


@pytest.mark.parametrize("kind", ["wav", "aiff"])
def test_a_header_that_states_less_than_there_is(tmp_path, files, kind):
    data = files[kind][0]
    place, order = (40, "<I") if kind == "wav" else (data.find(b"SSND") + 4, ">I")
    (tmp_path / "a").write_bytes(patched(data, place, order, 1000))
    refused(tmp_path / "a", "states 1000 bytes of sound, and 39[0-9]+ bytes follow")


def test_chunks_behind_the_sound_may_be_cut_off_or_lack_their_padding(tmp_path):
    path = write_audio(tmp_path / "a.wav", torch.full((1, 3), 0.5), RATE, format="wav24")
    data = path.read_bytes()
    for after in (b"LIST\4\0\0\0INFO", b"\0LIST\4\0\0\0INFO", b"\0LIST\xff\0\0\0INFO"):
        path.write_bytes(data[:-1] + after)  # 9 bytes of sound
        assert read_audio(path)[0].tolist() == [[0.5] * 3]


def test_texts_are_read_in_front_of_the_sound_and_behind_it(tmp_path, files):
    text = b"INFOICMT\6\0\0\0hello\0"
    chunk = b"LIST" + struct.pack("<I", len(text)) + text
    data = files["wav"][0]
    for whole in (data + chunk, data[:36] + chunk + data[36:]):
        (tmp_path / "a.wav").write_bytes(whole)
        assert read_comment(tmp_path / "a.wav") == "hello"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x0002, "MS ADPCM"),
        (0x0006, "A-law"),
        (0x0007, "mu-law"),
        (0x0011, "IMA ADPCM"),
        (0x0055, "MP3"),
        (0x1234, "0x1234"),
    ],
)
def test_codecs_have_names(tmp_path, files, number, name):
    (tmp_path / "a.wav").write_bytes(patched(files["wav"][0], 20, "<H", number))
    message = refused(tmp_path / "a.wav", f"is a WAV with the codec {name}[,;]")
    assert "ffmpeg -i FILE FILE.wav" in message


@pytest.mark.parametrize(
    ("head", "suffix", "name"),
    [
        (b"caff\0\1", ".wav", "Core Audio"),
        (b"TTA1", ".wav", "True Audio"),
        (b"MThd\0\0\0\6", ".mid", "MIDI, notes without a sound"),
        (b"RIFX", ".wav", "big-endian"),
        (b"whatever it is", ".ape", "Monkey's Audio by its name"),
        (b"whatever it is", ".dsf", "DSD by its name"),
    ],
)
def test_other_sounds_are_named_with_a_way_to_read_them(tmp_path, head, suffix, name):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(head + bytes(100))
    assert "convert it: ffmpeg" in refused(path, name)


def test_files_that_are_open_already(tmp_path, files):
    for kind in KINDS:
        data, real = files[kind]
        memory = io.BytesIO(TAG + data)
        memory.seek(7)  # wherever it stands
        assert torch.equal(read_audio(memory)[0], real)
        assert probe(memory).frames == real.shape[1] and not memory.closed
    (tmp_path / "a.wav").write_bytes(files["wav"][0][:-2])
    with open(tmp_path / "a.wav", "rb") as file:
        assert "a.wav: is cut off" in refused(file)
    assert refused(io.BytesIO(b"text")).startswith("<BytesIO>: is no audio file")
    read, write = os.pipe()
    with os.fdopen(read, "rb") as pipe, os.fdopen(write, "wb"):
        with pytest.raises(InputError, match=r"cannot seek.*io\.BytesIO"):
            read_audio(pipe)
    with pytest.raises(InputError, match="not open for reading bytes"):
        read_audio(io.StringIO("text"))
