"""Sounds of phones and players, read through PyAV, or named as audio to convert."""

import sys
import tempfile

import pytest
import torch
from hostile_audio import refused
from phone_audio import FORMATS, av, phone_file, tone

from dgm_audio._audiofile import converting
from dgm_audio.errors import AudioFileError
from dgm_audio.io import AudioLimits, file_kind, probe, read_audio

FRAMES = 30_000
EXACT = {"a.m4a", "lossless.m4a", "a.mov", "a.3gp", "a.webm", "a.mka", "a.wv"}
DELAYED = {"a.3gp", "a.amr", "a.wma", "a.aac", "a.mp2"}


@pytest.mark.parametrize("name", FORMATS)
def test_what_phones_write_is_read(tmp_path, name, monkeypatch):
    rate = phone_file(tmp_path / name)
    info = probe(tmp_path / name)
    x, found = read_audio(tmp_path / name)
    assert (info.sample_rate, found, info.channels, info.frames) == (rate, rate, 1, x.shape[1])
    assert info.format == file_kind(tmp_path / name)
    if name in EXACT:
        assert info.frames == FRAMES
    else:
        assert abs(info.frames - FRAMES) < 2500
    if name not in DELAYED:
        spectrum = torch.stft(x, 4096, window=torch.hann_window(4096), return_complex=True).abs()
        assert abs(int(spectrum.mean(2).argmax()) - 440 * 4096 / rate) < 1
        assert int(x.abs().argmax()) < 20  # the click at the beginning
    assert torch.equal(read_audio(tmp_path / name, start=7001, frames=100)[0], x[:, 7001:7101])
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / name).touch()  # not remembered
    message = refused(tmp_path / name, "read with an extra: pip install 'dgm_audio.formats.'")
    assert "or convert it: ffmpeg -i" in message


def test_a_lossless_sound_is_what_it_was(tmp_path):
    rate = phone_file(tmp_path / "lossless.m4a", channels=2)
    x, _ = read_audio(tmp_path / "lossless.m4a")
    expected = torch.from_numpy(tone(rate, FRAMES)).float().repeat(2, 1)
    torch.testing.assert_close(x, expected, atol=2**-15, rtol=0)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "a.mp2"])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.8])
def test_cut_off(tmp_path, name, share):
    path = tmp_path / name
    phone_file(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "damaged|cut off")


def test_a_codec_that_is_not_allowed_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.m4a"
    phone_file(path)
    monkeypatch.setattr(converting, "_CODECS", set())
    refused(path, "is MPEG-4 audio with the codec aac, not read; convert it: ffmpeg")
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    refused(path, r"with the codec \(unknown\)")


def test_noise_behind_a_known_beginning_ends_in_a_typed_error(tmp_path):
    junk = torch.randint(256, (5000,), generator=torch.Generator().manual_seed(0)).byte()
    for head in (
        b"\0\0\0\x20ftypM4A ",
        b"\x1a\x45\xdf\xa3",
        b"#!AMR\n",
        b"wvpk",
        b"MAC ",
        b"\xff\xf1",
    ):
        (tmp_path / "a").write_bytes(head + junk.numpy().tobytes())
        refused(tmp_path / "a")


def test_limits_hold_while_it_is_decoded(tmp_path, monkeypatch):
    """20 minutes of silence are some 200 times as large as their file."""
    path = tmp_path / "a.mka"
    rate = phone_file(path)
    for limits, words in [
        (AudioLimits(max_seconds=0.1), r"at most 0\.1 s"),
        (AudioLimits(min_rate=rate + 1), f"sample rate of {rate} Hz"),
        (AudioLimits(max_bytes=4000), "at most 0 MiB"),
    ]:
        with pytest.raises(AudioFileError, match=words):
            read_audio(path, limits=limits)
    with av.open(str(path), "w", format="matroska") as output:
        stream = output.add_stream("flac", rate=8000)
        stream.layout = "stereo"
        frame = av.AudioFrame(format="s16", layout="stereo", samples=4096)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for index in range(2200):
            frame.pts = index * 4096
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    keep, kept = converting._keep, []
    monkeypatch.setattr(converting, "_keep", lambda to, x: (kept.append(x.nbytes), keep(to, x)))
    with pytest.raises(AudioFileError, match="times as many; at most 100 times are allowed"):
        probe(path, AudioLimits(max_expansion=100))
    assert sum(kept) <= 64 * 2**20  # not all of it, which is 72 MB


def test_without_room_for_the_samples(tmp_path, monkeypatch):
    phone_file(tmp_path / "a.wv")
    monkeypatch.setattr(converting, "_IN_MEMORY", 1000)
    assert read_audio(tmp_path / "a.wv")[0].shape == (1, FRAMES)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    message = refused(tmp_path / "a.wv", "needs a temporary folder with room")
    assert "No such file or directory" in message
