"""Hostile, damaged and odd audio files: one typed error of one line, with little memory."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from dgm_audio.errors import AudioFileError, InputError
from dgm_audio.io import AudioLimits, file_kind, probe, read_audio, write_audio
from dgm_audio.signal.mel import LogMel, MelSpec

RATE = 44100


def refused(path, match=None):
    """The message of the AudioFileError that reading must end with: one line, with the name."""
    with pytest.raises(AudioFileError, match=match) as error:
        read_audio(path)
    message = str(error.value)
    assert "\n" not in message and message.isprintable()
    assert len(message) < 400
    return message


def encoded(path, kind, frames=50_000, channels=1):
    x = np.random.default_rng(0).standard_normal((frames, channels)) * 0.1
    soundfile.write(path, x, RATE, format=kind.upper())
    return bytearray(path.read_bytes())


def patched(data, offset, form, value):
    data = bytearray(data)
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def with_flac_length(data, frames):
    """STREAMINFO ends its 36-bit number of samples at byte 26."""
    (word,) = struct.unpack_from(">Q", data, 18)
    return patched(data, 18, ">Q", word & ~(2**36 - 1) | frames)


# 1. Empty, or no frames.


def test_empty_file(tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    assert "is empty" in refused(path)


def test_zero_frames(tmp_path):
    for kind in ("wav", "aiff"):
        path = tmp_path / f"a.{kind}"
        soundfile.write(path, np.zeros((0, 1)), RATE)
        assert "holds no sound" in refused(path)


# 2. Something else under an audio file's name.


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


# 3. Truncated.


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "aiff"])
@pytest.mark.parametrize("share", [0.001, 0.03, 0.5, 0.9, 0.999])
def test_truncated(tmp_path, kind, share):
    path = tmp_path / f"a.{kind}"
    data = encoded(path, kind)
    assert read_audio(path)[0].shape == (1, 50_000)
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_mp3_that_ends_between_two_frames(tmp_path):
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xfb"]
    path.write_bytes(data[: starts[-3]])
    assert "MP3 frames and holds" in refused(path)
    path.write_bytes(data[: starts[-1]])
    assert "is cut off: it states 50000 frames" in refused(path)


def test_truncated_mp3_that_states_no_length(tmp_path):
    """Only the frames themselves tell: one is not complete."""
    path = tmp_path / "a.mp3"
    x = np.random.default_rng(0).standard_normal(50_000) * 0.1
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
    soundfile.write(path, x, RATE, format="MP3", **constant)
    data = path.read_bytes()
    data = data[data.find(data[:2], 4) :]  # without the Xing frame
    for tail in (b"", b"TAG" + bytes(125), b"APETAGEX" + bytes(range(256)) * 100, bytes(700)):
        path.write_bytes(data + tail)
        frames = probe(path).frames
        assert frames % 1152 == 0 and 50_000 <= frames <= 53_000
        assert read_audio(path)[0].shape == (1, frames)
    path.write_bytes(data[:-50])
    assert "last MP3 frame is not complete" in refused(path)
    path.write_bytes(data + b"junk" + data)
    assert "something else" in refused(path)


# 4. Decompression bombs.

PEAK = r"""
import re, sys
from dgm_audio.errors import AudioFileError
from dgm_audio.io import read_audio
try:
    read_audio(sys.argv[1])
    print("read")
except AudioFileError as error:
    print(error)
print(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.parametrize(("kind", "channels"), [("flac", 8), ("ogg", 2)])
def test_bomb_is_refused_with_little_memory(tmp_path, kind, channels):
    """Some 25 kB that decode to 85 MB of float32, in a process of its own."""
    path = tmp_path / f"bomb.{kind}"
    subtype = "PCM_16" if kind == "flac" else "VORBIS"
    block = np.zeros((65536, channels), np.float32)
    with soundfile.SoundFile(path, "w", RATE, channels, subtype, format=kind.upper()) as sound:
        for _ in range(85_000_000 // block.nbytes):
            sound.write(block)
    assert path.stat().st_size < 60_000
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True
    )
    message, peak = done.stdout.splitlines()
    assert "times as many; at most 1000 times are allowed" in message
    assert int(peak) < 300
    audio, _ = read_audio(path, limits=AudioLimits(max_expansion=1e6), frames=100)
    assert audio.shape == (channels, 100)


def test_a_large_file_is_refused_before_memory_is_taken(tmp_path):
    """An honest hour of 8 channels: 5 GB as samples. Sparse on disk."""
    path = tmp_path / "a.wav"
    frames = RATE * 3599
    head = write_audio(path, np.zeros((8, 1), np.float32), RATE).read_bytes()[:44]
    path.write_bytes(patched(head, 40, "<I", frames * 16))
    os.truncate(path, 44 + frames * 16)
    message = refused(path, "at most 512 MiB")
    assert "read it in parts" in message
    assert read_audio(path, start=frames - 5)[0].shape == (8, 5)


# 5. Lying headers.


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_streamed_wav_is_read_to_its_real_end(tmp_path, size):
    """Programs that write to a pipe cannot know the size."""
    path = tmp_path / "a.wav"
    data = encoded(path, "wav")
    real = read_audio(path)[0]
    path.write_bytes(patched(data, 40, "<I", size))
    assert torch.equal(read_audio(path)[0], real)


def test_wav_that_states_too_much(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 40, "<I", 2**30))
    assert "states 1073741824 bytes of sound and holds 100000" in refused(path)


@pytest.mark.parametrize("frames", [0, 50_001, 100_000, 2**36 - 1])
def test_flac_that_states_a_wrong_length(tmp_path, frames):
    path = tmp_path / "a.flac"
    path.write_bytes(with_flac_length(encoded(path, "flac"), frames))
    refused(path)


def test_flac_that_states_too_little_gives_real_frames_only(tmp_path):
    path = tmp_path / "a.flac"
    data = encoded(path, "flac")
    real = read_audio(path)[0]
    path.write_bytes(with_flac_length(data, 10))
    assert torch.equal(read_audio(path)[0], real[:, :10])


def test_mp3_that_states_a_wrong_length(tmp_path):
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    path.write_bytes(patched(data, data.find(b"Xing") + 8, ">I", 10_000_000))
    assert "states 10000000 MP3 frames" in refused(path)


def test_mp3_of_variable_rate_without_a_length(tmp_path):
    """libsndfile would silently drop most of it."""
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    path.write_bytes(data[data.find(b"\xff\xfb", 4) :])
    assert "without a Xing header" in refused(path)


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


# 6. Rates and channels beyond reason.


@pytest.mark.parametrize("rate", [0, 1, 999, 384_001, 2**31 - 1, 2**32 - 1])
def test_absurd_rate(tmp_path, rate):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 24, "<I", rate))
    refused(path)


@pytest.mark.parametrize("channels", [0, 9, 1024, 65535])
def test_absurd_channels(tmp_path, channels):
    path = tmp_path / "a.wav"
    path.write_bytes(patched(encoded(path, "wav"), 22, "<H", channels))
    refused(path)


def test_limits_are_named_and_can_be_moved(tmp_path):
    path = write_audio(tmp_path / "a.wav", torch.zeros(2, 8000), 8000)
    for limits, words in [
        (AudioLimits(max_seconds=0.5), "states 1 s of sound; at most 0.5 s"),
        (AudioLimits(min_rate=16_000), "8000 Hz; allowed are 16000 to 384000 Hz"),
        (AudioLimits(max_channels=1), "2 channels; at most 1"),
    ]:
        with pytest.raises(AudioFileError, match=words):
            probe(path, limits)


# 7. Samples that are no sound.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 101.0])
def test_bad_samples(tmp_path, bad):
    path = tmp_path / "a.wav"
    x = np.full((1000, 1), 0.25)
    x[500] = bad
    soundfile.write(path, x, RATE, subtype="FLOAT")
    assert "has 1 samples that are NaN, infinite or beyond +-100" in refused(path)
    with pytest.warns(UserWarning, match="repaired"):
        audio, _ = read_audio(path, bad_samples="repair")
    with pytest.raises(InputError, match="allowed are 'error' and 'repair'"):
        read_audio(path, bad_samples="ignore")
    expected = 0.0 if np.isnan(bad) else np.sign(bad)
    assert float(audio[0, 500]) == expected
    assert float(audio[0, 499]) == 0.25


# 8. Silence, DC, clipping.


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_sound_is_accepted_and_its_features_are_finite(tmp_path, level):
    path = write_audio(tmp_path / "a.wav", torch.full((1, 4000), level), RATE, subtype="FLOAT")
    audio, _ = read_audio(path)
    audio.requires_grad_()
    mel = LogMel(MelSpec(RATE))(audio)
    mel.sum().backward()
    assert bool(mel.isfinite().all()) and bool(audio.grad.isfinite().all())


# 9. Very short.


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_one_sample(tmp_path, kind):
    path = write_audio(tmp_path / f"a.{kind}", torch.tensor([0.5]), RATE)
    audio, _ = read_audio(path)
    assert audio.shape == (1, 1)
    assert read_audio(path, sample_rate=48000)[0].shape == (1, 2)


# 10. Containers and codecs that are not allowed.

OTHERS = [
    (form, subtype)
    for form in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(form)
    if form not in ("FLAC", "OGG", "MP3", "RAW", "MPEG")
    and not (form in ("WAV", "WAVEX", "AIFF") and subtype.startswith(("PCM", "FLOAT", "DOUBLE")))
]


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


def test_ogg_with_an_unknown_codec(tmp_path):
    path = tmp_path / "a.ogg"
    path.write_bytes(encoded(path, "ogg").replace(b"\x01vorbis", b"Speex  "))
    refused(path, "OGG with codec b'Speex")


# 11. Odd paths.


@pytest.mark.parametrize(
    "name", ["with space", "grüße-ключ-音", "new\nline", "\x1b[31m", "%s{0}", "-n"]
)
def test_odd_names_work_and_are_shown_in_one_line(tmp_path, name):
    folder = tmp_path / name
    good = write_audio(folder / f"{name}.wav", torch.zeros(1, 10), RATE)
    assert read_audio(good)[0].shape == (1, 10)
    bad = folder / "text.wav"
    bad.write_text("nothing")
    refused(bad)
    refused(folder / "missing.wav", "No such file")


def test_a_name_that_is_no_unicode(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    write_audio(path, torch.zeros(1, 10), RATE)
    assert probe(path).frames == 10
    os.truncate(path, 20)
    assert r"\udcff" in refused(path)


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    (tmp_path / "folder.wav").mkdir()
    for path in (tmp_path / "pipe.wav", tmp_path / "folder.wav", "/dev/zero", "/dev/stdin"):
        for look in (read_audio, probe, file_kind):
            with pytest.raises(AudioFileError, match="is no regular file"):
                look(path)
    refused(tmp_path / "loop.wav", "symbolic links")
    refused(tmp_path / "gone.wav", "No such file")
    refused(f"{tmp_path}/a\0b.wav", "null character")
    refused(f"{tmp_path}/\ud800.wav", "no file name can have")
    refused(tmp_path / ("x" * 300), "File name too long")


def test_unreadable(tmp_path, monkeypatch):
    path = write_audio(tmp_path / "a.wav", torch.zeros(1, 10), RATE)

    def denied(*args):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", denied)
    refused(path, "Permission denied")


def test_a_path_exchanged_for_a_pipe_after_the_look_does_not_hang(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    os.mkfifo(path)
    regular = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda *args, **kwargs: regular)
    refused(path, "is no regular file")


# 12. Long OGG.


def test_ten_minutes_of_ogg(tmp_path):
    """One write of 60 s or more of Vorbis crashes libsndfile; ours goes in blocks."""
    rng = np.random.default_rng(0)
    rate, frames = 16_000, 16_000 * 600
    x = np.tile(rng.standard_normal(16_000).astype(np.float32) * 0.1, 600)
    path = write_audio(tmp_path / "a.ogg", x, rate)
    assert probe(path).frames == frames
    assert read_audio(path, start=frames - 10)[0].shape == (1, 10)


# Damage anywhere: never anything but a sound or a typed error.


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "aiff"])
def test_flipped_bytes_give_a_sound_or_a_typed_error(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    data = encoded(path, kind, frames=3000)
    rng = np.random.default_rng(1)
    outcomes = set()
    for trial in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, 100 if trial % 2 else len(data), 3):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        try:
            audio, _ = read_audio(path)
            outcomes.add(audio.dtype)
        except AudioFileError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert "refused" in outcomes
