"""Empty, cut off and broken audio files: a sound or one typed error."""

import numpy as np
import pytest
import soundfile
from hostile_audio import RATE, encoded, refused

from dgm_audio.errors import AudioFileError
from dgm_audio.io import probe, read_audio

# 1. Empty, or no frames.


@pytest.mark.fault(1)
def test_empty_file(tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    assert "is empty" in refused(path)


@pytest.mark.fault(1)
def test_zero_frames(tmp_path):
    for kind in ("wav", "aiff"):
        path = tmp_path / f"a.{kind}"
        soundfile.write(path, np.zeros((0, 1)), RATE)
        assert "holds no sound" in refused(path)


# 3. Truncated.


@pytest.mark.fault(3)
@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "aiff"])
@pytest.mark.parametrize("share", [0.001, 0.03, 0.5, 0.9, 0.999])
def test_truncated(tmp_path, kind, share):
    path = tmp_path / f"a.{kind}"
    data = encoded(path, kind)
    assert read_audio(path)[0].shape == (1, 50_000)
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


@pytest.mark.fault(3)
def test_mp3_that_ends_between_two_frames(tmp_path):
    path = tmp_path / "a.mp3"
    data = encoded(path, "mp3")
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xfb"]
    path.write_bytes(data[: starts[-3]])
    assert "MP3 frames and holds" in refused(path)
    path.write_bytes(data[: starts[-1]])
    assert "is cut off: it states 50000 frames" in refused(path)


@pytest.mark.fault(3)
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
